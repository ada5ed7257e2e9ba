"""What networks cost, and what they carry, beside podman's and docker's. A part of bench.py.

Each has a host of its own, a network namespace with one neighbour, since what docker has in a firewall all others on
that host have to work around. docker has a daemon with its usual bridge there.
Traffic comes from programs of this machine in the containers' network namespaces, so that it is the same for all.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from contenders import Contender, Docker, Ours, Podman, call
from nethosts import ADDRESS, NEIGHBOUR, Place, namespace
from peers import LIMITS, dockerd

Job = tuple[str, Callable[[], None], list[str], dict[str, str]]
Alternate = Callable[[list[Job]], dict[str, float]]

ROUNDS = 15
"""Of traffic, which varies by a fifth from one to the next: each begins with another contender."""
SECONDS = 2
NETWORK = "bench-net"
_LOOK_UPS = """
import socket, sys, time
server, name = sys.argv[1], sys.argv[2].encode()
question = b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + bytes([len(name)]) + name + b"\\0\\0\\1\\0\\1"
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.settimeout(5)
one.connect((server, 53))
end, count = time.monotonic() + 2, 0
while time.monotonic() < end:
    one.send(question)
    assert one.recv(512)[6:8] != b"\\0\\0", "no answer"
    count += 1
print(count / 2)
"""


@contextmanager
def host() -> Iterator[tuple[Place, Place]]:
    """A host to measure on, and its neighbour."""
    with namespace() as place, namespace() as neighbour:
        place.do(
            f"ip link add eth0 type veth peer name eth0 netns {neighbour.path}; ip link set lo up; ip link set eth0 up;"
            f"ip addr add {ADDRESS}/24 dev eth0; ip route add default via {NEIGHBOUR}"
        )
        neighbour.do(f"ip link set lo up; ip link set eth0 up; ip addr add {NEIGHBOUR}/24 dev eth0")
        yield place, neighbour


class Networks:
    """The contenders, each on a host with its neighbour (`places`, by name); the image is there."""

    def __init__(
        self, contenders: list[Contender], image: str, alternate: Alternate, places: dict[str, tuple[Place, Place]]
    ) -> None:
        self._contenders = contenders
        self._image = image
        self._alternate = alternate
        self._places = places

    def rows(self) -> Iterator[tuple[str, dict[str, float]]]:
        """What was done, and the seconds that it took each."""
        yield "run `true`, bridge", self._measured(_nothing, self._run)
        yield "run -d, bridge", self._measured(self._without, self._run_detached)
        for one in self._contenders:
            self._without(one)
        yield "run `true`, a port published", self._measured(_nothing, lambda one: self._run(one, "-p", "8080:80"))
        for one in self._contenders:
            self._call(one, "create", NETWORK)
        self._others_there("default")
        yield "run `true`, bridge, where others run", self._measured(_nothing, self._run)
        for verb, before in (("connect", self._disconnected), ("disconnect", self._connected)):
            yield verb, self._measured(before, lambda one, verb=verb: self._network(one, verb, NETWORK, "one"))  # type: ignore[misc]
        self._gone("one")

    def rates(self) -> Iterator[tuple[str, dict[str, float], str]]:
        """What was carried, how much of it a second by each, and the unit."""
        pids = {
            one.name: (self._start(one, "one", "-p", "5201:5201"), self._start(one, "two")) for one in self._contenders
        }
        bits = "Gbit/s"
        yield "through a published port, from another machine", self._carried(pids, published=True), bits
        yield "between two containers", self._carried(pids, published=False), bits
        yield "name look-ups", self._looked_up(pids), "/s"
        for name in ("one", "two"):
            self._gone(name)

    def close(self) -> None:
        for one in self._contenders:
            for name in ("one", "two"):
                subprocess.run(self._verb(one, "rm", "-f", name), env=one.env, capture_output=True, check=False)
            subprocess.run(self._network(one, "rm", NETWORK), env=one.env, capture_output=True, check=False)
        for place, _ in self._places.values():
            end_podman_s_names(place)

    def _measured(
        self, prepare: Callable[[Contender], None], argv: Callable[[Contender], list[str]]
    ) -> dict[str, float]:
        def job(one: Contender) -> Job:
            return one.name, lambda: prepare(one), argv(one), one.env

        return self._alternate([job(one) for one in self._contenders])

    def _on_host(self, one: Contender, argv: list[str]) -> list[str]:
        return self._places[one.name][0].argv(*argv)

    def _verb(self, one: Contender, verb: str, *args: str) -> list[str]:
        if isinstance(one, Ours):
            return self._on_host(one, one.command(f"ctr-{verb}", *args))
        return self._on_host(one, one.command(verb, *args))  # type: ignore[attr-defined]

    def _network(self, one: Contender, verb: str, *args: str) -> list[str]:
        if isinstance(one, Ours):
            return self._on_host(one, one.command(f"net-{verb}", *args))
        return self._on_host(one, one.command("network", verb, *args))  # type: ignore[attr-defined]

    def _run(self, one: Contender, *options: str) -> list[str]:
        limits = LIMITS if isinstance(one, Podman) else ()
        return self._verb(one, "run", "--rm", *limits, *options, self._image, "true")

    def _run_detached(self, one: Contender) -> list[str]:
        limits = LIMITS if isinstance(one, Podman) else ()
        return self._verb(one, "run", "-d", "--name", "one", *limits, self._image, "sleep", "1000")

    def _without(self, one: Contender) -> None:
        limits = ("-t", "0") if isinstance(one, Podman) else ()
        subprocess.run(self._verb(one, "rm", "-f", *limits, "one"), env=one.env, capture_output=True, check=False)

    def _call(self, one: Contender, *words: str) -> None:
        call(self._network(one, *words), one.env)

    def _start(self, one: Contender, name: str, *options: str, network: str = NETWORK) -> int:
        """A container that waits; the id of its process."""
        on = () if network == "default" else ("--network", network)
        limits = LIMITS if isinstance(one, Podman) else ()
        ports = [word.replace("5201:", f"{5201 + self._contenders.index(one)}:") for word in options]
        argv = self._verb(one, "run", "-d", "--name", name, *on, *limits, *ports, self._image, "sleep", "1000")
        done = subprocess.run(argv, env=one.env, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        if isinstance(one, Ours):
            return int(json.loads(done.stdout)["pid"])
        asked = self._verb(one, "inspect", "-f", "{{.State.Pid}}", name)
        return int(subprocess.run(asked, env=one.env, capture_output=True, check=True).stdout)

    def _others_there(self, network: str) -> None:
        for one in self._contenders:
            self._start(one, "one", network=network)

    def _gone(self, name: str) -> None:
        for one in self._contenders:
            limits = ("-t", "0") if isinstance(one, Podman) else ()
            call(self._verb(one, "rm", "-f", *limits, name), one.env)

    def _disconnected(self, one: Contender) -> None:
        subprocess.run(
            self._network(one, "disconnect", NETWORK, "one"), env=one.env, capture_output=True, check=False
        )

    def _connected(self, one: Contender) -> None:
        subprocess.run(self._network(one, "connect", NETWORK, "one"), env=one.env, capture_output=True, check=False)

    def _carried(self, pids: dict[str, tuple[int, int]], *, published: bool) -> dict[str, float]:
        """The median of gigabits a second, of tcp."""
        found: dict[str, list[float]] = {one.name: [] for one in self._contenders}
        for number in range(ROUNDS):
            for one in self._turn(number):
                server, client = (Place(f"/proc/{pid}/ns/net") for pid in pids[one.name])
                neighbour = self._places[one.name][1]
                place, address = (neighbour, ADDRESS) if published else (client, _address(server))
                port = 5201 + self._contenders.index(one) if published else 5201
                listen = server.argv("iperf3", "-s", "-1", "--forceflush")
                serving = subprocess.Popen(listen, stdout=subprocess.PIPE, text=True)
                assert serving.stdout is not None
                while "listening" not in serving.stdout.readline():
                    pass
                argv = place.argv("iperf3", "-J", "-t", str(SECONDS), "-c", address, "-p", str(port))
                told = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
                serving.communicate()
                found[one.name].append(told["end"]["sum_received"]["bits_per_second"] / 1e9)
        return {name: statistics.median(rates) for name, rates in found.items()}

    def _turn(self, number: int) -> list[Contender]:
        first = number % len(self._contenders)
        return self._contenders[first:] + self._contenders[:first]

    def _looked_up(self, pids: dict[str, tuple[int, int]]) -> dict[str, float]:
        found: dict[str, list[float]] = {one.name: [] for one in self._contenders}
        for number in range(ROUNDS):
            for one in self._turn(number):
                pid = pids[one.name][1]
                lines = Path(f"/proc/{pid}/root/etc/resolv.conf").read_text().splitlines()
                server = next(line.split()[1] for line in lines if line.startswith("nameserver"))
                argv = Place(f"/proc/{pid}/ns/net").argv(sys.executable, "-c", _LOOK_UPS, server, "one")
                found[one.name].append(float(subprocess.run(argv, capture_output=True, check=True).stdout))
        return {name: statistics.median(rates) for name, rates in found.items()}


def _address(place: Place) -> str:
    (interface,) = (one for one in json.loads(place.do("ip -j -4 addr")) if one["ifname"] != "lo")
    return str(interface["addr_info"][0]["local"])


def end_podman_s_names(host: Place) -> None:
    """podman keeps one service of names for all its storages, and that of this host would keep others from theirs."""
    place = Path("/run/containers/networks/aardvark-dns")
    try:
        pid = int((place / "aardvark.pid").read_text())
        ours = os.readlink(f"/proc/{pid}/ns/net") == os.readlink(host.path)
    except (OSError, ValueError):
        return
    if ours:
        os.kill(pid, signal.SIGTERM)
        (place / NETWORK).unlink(missing_ok=True)


def _nothing(one: Contender) -> None:
    pass


def docker(directory: Path, place: Place, stack: ExitStack) -> Docker:
    """dockerd on that host, with bridge and firewall as it has them without being told otherwise."""
    stack.enter_context(dockerd(directory, place.argv(), network=True))
    return Docker(directory)
