"""network/links on the real kernel: what it makes, as `ip` shows it, in a network namespace of the test's own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from nethosts import Place, namespace

_RUN = """
import sys
from ocipipe.errors import OcipipeError
from ocipipe.network.links import Links
with Links() as links:
    try:
        exec(sys.argv[1])
    except OcipipeError as error:
        print(error)
"""


@pytest.fixture
def place() -> Iterator[Place]:
    with namespace() as found:
        yield found


def do(place: Place, script: str) -> str:
    """What a script says that uses `links` there: an error of ours."""
    done = subprocess.run(place.argv(sys.executable, "-c", _RUN, script), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(place: Place, name: str) -> Any:
    (found,) = json.loads(place.do(f"ip -j -d address show dev {name}"))
    return found


def names(place: Place) -> list[str]:
    return [one["ifname"] for one in json.loads(place.do("ip -j link"))]


def addresses(place: Place, name: str) -> list[tuple[str, int, str | None]]:
    return [(one["local"], one["prefixlen"], one.get("broadcast")) for one in shown(place, name)["addr_info"]]


def test_a_bridge_and_a_cable(place: Place) -> None:
    with namespace() as inside:
        assert do(place, f"""
links.add_bridge("br", "0a:58:0a:5b:00:01", 1400)
links.no_address_of_its_own("br")
links.add_address("br", "10.91.0.1/24")
links.up("br")
links.add_cable("cable", "br", {inside.path!r}, "eth0", "0a:58:0a:5b:00:02", 1400, apart=False)
""") == ""  # fmt: skip
        assert do(inside, """
links.up("lo")
links.add_address("eth0", "10.91.0.2/24")
links.add_address("eth0", "10.92.0.2/31")
links.add_address("eth0", "fd00::2/64")
links.up("eth0")
links.add_route("eth0", "0.0.0.0/0", "10.91.0.1")
links.add_route("eth0", "10.99.0.0/16", "10.91.0.7")
links.add_route("eth0", "::/0", "fd00::1")
""") == ""  # fmt: skip
        bridge, cable, eth0 = shown(place, "br"), shown(place, "cable"), shown(inside, "eth0")
        assert (bridge["address"], bridge["mtu"]) == ("0a:58:0a:5b:00:01", 1400)
        assert (cable["master"], cable["mtu"]) == ("br", 1400)
        assert cable["addr_info"] == [], "and no address of its own"
        assert cable["linkinfo"]["info_slave_data"]["hairpin"] is True
        assert (eth0["address"], eth0["mtu"]) == ("0a:58:0a:5b:00:02", 1400)
        assert addresses(place, "br") == [("10.91.0.1", 24, "10.91.0.255")]
        assert addresses(inside, "eth0")[:3] == [
            ("10.91.0.2", 24, "10.91.0.255"), ("10.92.0.2", 31, None), ("fd00::2", 64, None),
        ]  # fmt: skip
        assert not any(one.get("tentative") for one in eth0["addr_info"] if one["local"] == "fd00::2")
        routes = inside.do("ip route; ip -6 route")
        for line in ("default via 10.91.0.1 dev eth0", "10.99.0.0/16 via 10.91.0.7 dev", "default via fd00::1 dev"):
            assert line in routes
        assert do(place, "links.delete(['cable', 'none', 'br'])") == ""
        assert names(place) == ["lo"]
        assert "eth0" not in inside.do("ip link")


def test_replies_for_the_loopback_address(place: Place) -> None:
    do(place, "links.add_bridge('br', '0a:58:0a:5b:00:01', 0); links.up('br')")
    assert do(place, "links.take_for_own('br', '::1', 5000)") == ""
    assert "local ::1 dev br" in place.do("ip -6 route show table local")


def test_what_the_kernel_refuses_is_told(place: Place) -> None:
    assert do(place, "links.up('none')").startswith("none: no such interface")
    do(place, "links.add_bridge('br', '0a:58:0a:5b:00:01', 0)")
    for script, told in (
        ("links.add_bridge('br', '0a:58:0a:5b:00:01', 0)", "br: file exists (the network is left as it was)"),
        ("links.add_route('br', '10.99.0.0/16', '10.98.0.1')", "route to 10.99.0.0/16 by br: network is "),
        ("links.plug('br', 'lo', apart=False)", "br: "),
    ):
        assert do(place, script).startswith(told)


_DELETES = """
import os
from contextlib import suppress
links.add_bridge("br", "0a:58:0a:5b:00:01", 0)
held = os.open("/etc", os.O_RDONLY)
os.set_inheritable(held, True)
links.delete(["br"])
for name in os.listdir(f"/proc/{os.getpid()}/task"):
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended, and the thread that waited for it
        for child in open(f"/proc/{os.getpid()}/task/{name}/children").read().split():
            found = [os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")]
            print(os.readlink(f"/proc/{child}/cwd"), os.getsid(int(child)) == int(child), *found)
"""


def test_who_waits_for_the_kernel_has_nothing_of_ours(place: Place) -> None:
    """Neither the directory nor a descriptor, so nobody waits for it."""
    for _ in range(5):  # it may have ended already
        if said := do(place, _DELETES):
            directory, leads, *descriptors = said.split()
            assert (directory, leads) == ("/", "True")
            assert [one.partition(":")[0] for one in descriptors] == ["socket"]
        assert "br" not in names(place)


def test_deleted_where_there_can_be_no_more_processes(place: Place) -> None:
    refuses = "import os\ndef refuse(): raise BlockingIOError\nos.fork = refuse\n"
    do(place, "links.add_bridge('br', '0a:58:0a:5b:00:01', 0)")
    assert do(place, f"{refuses}links.delete(['br', 'none'])") == ""
    assert "br" not in names(place)
    assert do(place, "links.delete(['none'])") == ""


@pytest.mark.parametrize("before", ["", "import os\ndef refuse(): raise BlockingIOError\nos.fork = refuse\n"])
def test_what_cannot_be_deleted_is_told(place: Place, before: str) -> None:
    assert do(place, f"{before}links.delete(['lo'])") == "lo: operation not supported (the network is left as it was)\n"
