"""A host of a test's own: a network namespace with an uplink to a neighbour, in which our commands run.

Nothing of a test's networks is on the machine then, and whatever firewall it wants is that host's alone. Only the
network is apart: files and processes are the machine's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commands import Commands

ADDRESS, ADDRESS6 = "192.0.2.1", "fd00:2::1"
NEIGHBOUR, NEIGHBOUR6 = "192.0.2.2", "fd00:2::2"

_SERVE = """
import socket, sys, threading
kind, version, port, word = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].encode()
family = socket.AF_INET6 if version == 6 else socket.AF_INET
one = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if version == 6: one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
one.bind(("", port))
if kind == "tcp": one.listen(64)
print("ready", flush=True)
while True:
    if kind == "udp":
        data, sender = one.recvfrom(9000)
        one.sendto(word + b" " + sender[0].encode(), sender)
    else:
        peer, sender = one.accept()
        peer.sendall(word + b" " + sender[0].encode())
        peer.close()
"""
_ASK = """
import socket, sys
kind, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
one = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
one.settimeout(float(sys.argv[4]))
try:
    one.connect((address, port))
    if kind == "udp": one.send(b"x")
    print(one.recv(9000).decode(), end="")
except OSError as error:
    print("failed:", error, end="")
"""


class Place:
    """A network namespace, by the arguments that run a program in it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def argv(self, *argv: str) -> list[str]:
        return ["nsenter", f"--net={self.path}", *argv]

    def do(self, script: str) -> str:
        """What a shell script says there. It must succeed."""
        done = subprocess.run(self.argv("sh", "-euc", script), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        return done.stdout

    def ask(self, kind: str, address: str, port: int, patience: float = 5) -> str:
        """What a server says, with the address that it was asked from; `failed: …` when it says nothing."""
        argv = self.argv(sys.executable, "-c", _ASK, kind, address, str(port), str(patience))
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def refuses(self, kind: str, address: str, port: int) -> bool:
        return self.ask(kind, address, port, 0.7).startswith("failed:")

    @property
    def interfaces(self) -> list[str]:
        """What `ip` says of the interfaces, without what changes by itself."""
        found = json.loads(self.do("ip -j address"))
        return [f"{one['ifname']} {one['mtu']} {one['address']}" for one in found]

    @property
    def rules(self) -> str:
        """The firewall's whole rule set, without counters."""
        return self.do("nft -s list ruleset")


class Host(Place):
    """The host of a test: `host("net-ls")` runs a command on it. `neighbour` is another machine on its network."""

    def __init__(self, path: str, neighbour: Place, run: Commands) -> None:
        super().__init__(path)
        self.neighbour = neighbour
        self.run = OnHost(run.bin, run.env, self)
        self.run_root = Path(run.env["OCIPIPE_RUN_ROOT"])
        self.firewalls: list[str] = []
        self._servers: list[subprocess.Popen[str]] = []

    def json(self, name: str, *argv: str | Path) -> list[dict[str, Any]]:
        """The documents that a command prints."""
        return [json.loads(line) for line in self.run(name, *argv).out.splitlines()]

    def refused(self, name: str, *argv: str | Path) -> str:
        """The one message of a command that is refused."""
        done = self.run(name, *argv, status=None)
        assert done.status in (1, 2, 125), (done.status, done.out, done.err)
        (error,) = done.errors
        assert error["code"] != "INTERNAL", error
        return str(error["message"])

    def box(self, name: str, *options: str) -> Box:
        """A container in the background that does nothing but wait."""
        (document,) = self.json("ctr-run", "-d", "--name", name, *options, "busybox", "sleep", "1000")
        return Box(self, document)

    def serve(self, where: Place, kind: str, port: int, word: str, version: int = 4) -> None:
        """A server in a namespace, which answers with a word and with who asked."""
        argv = where.argv(sys.executable, "-c", _SERVE, kind, str(version), str(port), word)
        server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self._servers.append(server)
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"

    def close(self) -> None:
        for server in self._servers:
            server.kill()
            server.wait()
            assert server.stdout is not None
            server.stdout.close()


class Box(Place):
    """A container of a host, and its network namespace."""

    def __init__(self, host: Host, document: dict[str, Any]) -> None:
        super().__init__(f"/proc/{document['pid']}/ns/net")
        self.host = host
        self.id: str = document["id"]
        self.name: str = document["annotations"]["org.ocipipe.name"]
        self.ports: str = document["annotations"].get("org.ocipipe.ports", "")

    @property
    def ips(self) -> list[str]:
        """Its addresses, those of its first network first."""
        state = json.loads((self.host.run_root / "networks/state.json").read_bytes())
        found = [ip["address"] for one in state["containers"][self.id]["attachments"] for ip in one["result"]["ips"]]
        return [one.partition("/")[0] for one in found]

    def serve(self, kind: str, port: int, version: int = 4) -> None:
        self.host.serve(self, kind, port, self.name, version)

    def look_up(self, name: str) -> str:
        """What busybox's resolver in the container says of a name: addresses, or what went wrong."""
        return self.sh(f"nslookup {name} 2>&1 || true")

    def sh(self, script: str) -> str:
        """What a shell in the container says."""
        pid = self.path.split("/")[2]
        argv = ["nsenter", "-t", pid, "-m", "-n", "-p", "--root", "/bin/sh", "-c", script]
        return subprocess.run(argv, capture_output=True, text=True, check=True, env={"PATH": "/bin"}).stdout


class OnHost(Commands):
    """Our commands, run on a test's host."""

    def __init__(self, bin: Path, env: Mapping[str, str], host: Place) -> None:
        super().__init__(bin, {name: value for name, value in env.items() if name != "OCIPIPE_NETWORK"})
        self._host = host

    def _execute(self, argv: list[str], status: int | None, settings: dict[str, Any]) -> Any:
        return super()._execute(self._host.argv(*argv), status, settings)


@contextmanager
def namespace() -> Iterator[Place]:
    """A network namespace for the length of a `with` block."""
    holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 10000"], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield Place(f"/proc/{holder.pid}/ns/net")
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


@contextmanager
def host(run: Commands) -> Iterator[Host]:
    """A host with a neighbour. At the end its containers are removed, and it must be as it was before."""
    with namespace() as place, namespace() as neighbour:
        place.do(
            f"ip link add eth0 type veth peer name eth0 netns {neighbour.path}; ip link set lo up; ip link set eth0 up;"
            f"ip addr add {ADDRESS}/24 dev eth0; ip addr add {ADDRESS6}/64 dev eth0 nodad;"
            f"ip route add default via {NEIGHBOUR}; ip route add default via {NEIGHBOUR6}"
        )
        neighbour.do(
            f"ip link set lo up; ip link set eth0 up; ip addr add {NEIGHBOUR}/24 dev eth0;"
            f"ip addr add {NEIGHBOUR6}/64 dev eth0 nodad"
        )
        found = Host(place.path, neighbour, run)
        before = found.interfaces, found.rules
        try:
            yield found
        finally:
            found.close()
            found.run.shell("ctr-ps -aq | ctr-rm -f")
            left = found.run("net-check").out
            after = found.interfaces, found.rules
        assert after == before
        assert left == b""


def until(condition: Any, seconds: float = 60) -> None:
    """Waits for something that comes by itself."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def running(argument: str) -> list[int]:
    """The processes that have something among their arguments."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                words = Path("/proc", name, "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if argument.encode() in words:
                found.append(int(name))
    return found
