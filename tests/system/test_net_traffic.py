"""Networks with real traffic: between containers, to and from the outside, through published ports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boxes
import nethosts
import pytest
from commands import Commands
from images import Image
from nethosts import ADDRESS, ADDRESS6, NEIGHBOUR, NEIGHBOUR6, Host

_NAME_SERVER = """
import socket
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind(("192.0.2.2", 53))
print("ready", flush=True)
while True:
    data, sender = one.recvfrom(512)
    end = data.index(b"\\0", 12) + 5
    found = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\5\\0\\4\\x05\\6\\7\\x08" if data[end - 3] == 1 else b""
    head = data[:2] + b"\\x81\\x80\\0\\1\\0" + bytes([bool(found)]) + b"\\0\\0\\0\\0"
    one.sendto(head + data[12:end] + found, sender)
"""
"""Says of every name that it is at 5.6.7.8."""


@pytest.fixture
def host(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Host]:
    busybox_image.into_store(store_root, boxes.NAME)
    with nethosts.host(run) as found:
        yield found


def test_containers_reach_each_other_and_the_outside(host: Host) -> None:
    host.run("net-create", "lab", "--ipv6")
    one, two = host.box("one", "--network", "lab"), host.box("two", "--network", "lab")
    four, six = two.ips
    for kind in ("tcp", "udp"):
        two.serve(kind, 7000)
        two.serve(kind, 7000, 6)
        assert one.ask(kind, four, 7000) == f"two {one.ips[0]}"
        assert one.ask(kind, six, 7000) == f"two {one.ips[1]}"
        assert {four, six} <= set(one.look_up("two").split())
        host.serve(host.neighbour, kind, 7001, "neighbour")
        host.serve(host.neighbour, kind, 7001, "neighbour", 6)
        assert one.ask(kind, NEIGHBOUR, 7001) == f"neighbour {ADDRESS}"
        assert one.ask(kind, NEIGHBOUR6, 7001) == f"neighbour {ADDRESS6}"
    assert host.ask("tcp", four, 7000) == f"two {four.rpartition('.')[0]}.1"


def test_a_network_of_ipv6_alone(host: Host) -> None:
    """Addresses, names, the outside and published ports are of IPv6, and nothing is of IPv4."""
    host.do("sysctl -qw net.bridge.bridge-nf-call-ip6tables=0")
    (made,) = host.json("net-create", "--ipv4=false", "--ipv6", "lab")
    assert [one[0]["subnet"].startswith("fd") for one in made["plugins"][0]["ipam"]["ranges"]] == [True]
    web = host.box("web", "--network", "lab", "-p", "8080:80")
    one = host.box("one", "--network", "lab")
    assert [":" in ip for ip in (*web.ips, *one.ips)] == [True, True]
    assert "inet " not in web.do("ip address show eth0")
    assert web.do("ip -4 route") == ""
    web.serve("tcp", 80, 6)
    assert web.ips[0] in one.look_up("web")
    assert one.sh("cat /etc/hosts").count(one.ips[0]) == 1
    assert one.ask("tcp", web.ips[0], 80) == f"web {one.ips[0]}"
    for place in (host, one, web, host.neighbour):
        assert place.ask("tcp", ADDRESS6, 8080).startswith("web "), place.path
    assert host.ask("tcp", "::1", 8080).startswith("web ")
    assert host.neighbour.ask("tcp", ADDRESS6, 8080) == f"web {NEIGHBOUR6}"
    assert host.neighbour.refuses("tcp", ADDRESS, 8080)
    host.serve(host.neighbour, "tcp", 7001, "neighbour", 6)
    assert one.ask("tcp", NEIGHBOUR6, 7001) == f"neighbour {ADDRESS6}"
    assert "has no address of this version" in host.refused(
        "ctr-run", "--rm", "--network", "lab", "-p", "127.0.0.1:8081:80", "busybox", "true")  # fmt: skip


def test_published_ports(host: Host) -> None:
    """From the host by its loopback and by its address, from another machine, from other containers, from itself."""
    host.do("sysctl -qw net.bridge.bridge-nf-call-ip6tables=0")  # a host without br_netfilter, or with docker's setting
    host.run("net-create", "lab", "--ipv6")
    web = host.box("web", "--network", "lab", "-p", "8080:80", "-p", "8080:80/udp", "-p", "127.0.0.1:8081:80")
    other, stranger = host.box("other", "--network", "lab"), host.box("stranger", "--network", "ocipipe")
    assert web.ports == "8080:80/tcp 8080:80/udp 127.0.0.1:8081:80/tcp"
    for kind in ("tcp", "udp"):
        web.serve(kind, 80)
        web.serve(kind, 80, 6)
        for place in (host, other, stranger, web, host.neighbour):
            assert place.ask(kind, ADDRESS, 8080).startswith("web "), (kind, place.path)
            if place is not stranger:
                assert place.ask(kind, ADDRESS6, 8080).startswith("web "), (kind, place.path)
        assert host.ask(kind, "127.0.0.1", 8080).startswith("web ")
        assert host.ask(kind, "::1", 8080).startswith("web ")
        assert host.neighbour.ask(kind, ADDRESS, 8080) == f"web {NEIGHBOUR}"
        assert host.neighbour.ask(kind, ADDRESS6, 8080) == f"web {NEIGHBOUR6}"
    assert host.ask("tcp", "127.0.0.1", 8081).startswith("web ")
    assert host.refuses("tcp", ADDRESS, 8081)
    assert host.neighbour.refuses("tcp", ADDRESS, 8081)
    assert other.refuses("tcp", ADDRESS, 8081)


def test_bridges_that_call_the_firewall_lose_nobody(host: Host) -> None:
    """br_netfilter: everything but ::1, which is refused at once."""
    host.do("sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1")
    host.run("net-create", "lab", "--ipv6")
    web, other = host.box("web", "--network", "lab", "-p", "8080:80"), host.box("other", "--network", "lab")
    web.serve("tcp", 80)
    web.serve("tcp", 80, 6)
    for place in (host, other, web, host.neighbour):
        assert place.ask("tcp", ADDRESS, 8080).startswith("web ")
        assert place.ask("tcp", ADDRESS6, 8080).startswith("web ")
    assert host.ask("tcp", "127.0.0.1", 8080).startswith("web ")
    assert "refused" in host.ask("tcp", "::1", 8080)


def test_what_is_published_on_the_loopback_is_nobody_else_s(host: Host) -> None:
    """A neighbour, or a container, that sends packets for 127.0.0.1 to the host."""
    web = host.box("web", "-p", "127.0.0.1:8080:80")
    web.serve("tcp", 80)
    host.serve(host, "tcp", 9000, "host")
    gateway = web.ips[0].rpartition(".")[0] + ".1"
    for place, way in ((host.neighbour, ADDRESS), (web, gateway)):
        place.do(
            f"ip route add table 7 127.0.0.1 via {way} dev eth0; ip rule add pref 1 to 127.0.0.1 lookup 7;"
            "ip rule del pref 0; ip rule add pref 2 lookup local; sysctl -qw net.ipv4.conf.all.route_localnet=1"
        )
    assert host.ask("tcp", "127.0.0.1", 8080).startswith("web ")
    for place in (host.neighbour, web):
        for port in (8080, 9000):
            assert place.refuses("tcp", "127.0.0.1", port)


def test_networks_are_apart(host: Host) -> None:
    for name, options in (("a", []), ("b", []), ("shut", ["--isolate"])):
        host.run("net-create", name, *options)
    found = {name: host.box(name, "--network", name, "-p", f"{port}:80") for name, port in
             (("a", 8001), ("b", 8002), ("shut", 8003))}  # fmt: skip
    for box in found.values():
        box.serve("tcp", 80)
    for mine in found.values():
        for theirs in found.values():
            assert mine.refuses("tcp", theirs.ips[0], 80) == (mine is not theirs)
    assert found["a"].ask("tcp", ADDRESS, 8002).startswith("b ")
    assert found["a"].refuses("tcp", ADDRESS, 8003)
    assert found["shut"].refuses("tcp", ADDRESS, 8001)
    assert host.neighbour.ask("tcp", ADDRESS, 8003).startswith("shut ")
    # A neighbour that knows the way reaches what is published, and nothing else.
    host.neighbour.do(f"ip route add {found['a'].ips[0]} via {ADDRESS}")
    assert host.neighbour.refuses("tcp", found["a"].ips[0], 80)


def test_containers_that_are_apart_and_ports_at_an_address(host: Host) -> None:
    """docker's enable_icc, host_binding_ipv4 and container_iface_prefix: no way from one to another, not even through
    the host, but for ports; also when net-check has made the bridge anew."""
    host.do("sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0")
    options = f"bridge.enable_icc=false bridge.host_binding_ipv4={ADDRESS} container_iface_prefix=lan".split()
    host.run("net-create", "lab", "--ipv6", *(f"--opt=com.docker.network.{one}" for one in options))
    web = host.box("web", "--network", "lab", "-p", "8080:80", "-p", "0.0.0.0:8081:80")
    one = host.box("one", "--network", "lab")
    assert web.ports == f"{ADDRESS}:8080:80/tcp 0.0.0.0:8081:80/tcp"
    assert web.ips[0] in web.do("ip address show lan0")
    web.serve("tcp", 80)
    web.serve("tcp", 80, 6)
    host.serve(host.neighbour, "tcp", 7001, "neighbour")
    bridge = host.json("net-inspect", "lab")[0]["plugins"][0]["bridge"]
    for again in (False, True):
        if again:
            host.do(f"ip link del {bridge}")
            host.run("net-check")
        for ip in web.ips:
            assert one.refuses("tcp", ip, 80)
            assert host.ask("tcp", ip, 80).startswith("web ")
        assert web.ips[0] in one.look_up("web")
        assert one.ask("tcp", NEIGHBOUR, 7001) == f"neighbour {ADDRESS}"
        for place in (host, one, web, host.neighbour):
            assert place.ask("tcp", ADDRESS, 8080).startswith("web "), place.path
        assert host.ask("tcp", "127.0.0.1", 8081).startswith("web ")
        assert host.refuses("tcp", "127.0.0.1", 8080)
        assert host.neighbour.refuses("tcp", ADDRESS6, 8080)
    gateway = web.ips[0].rpartition(".")[0] + ".1"
    for mine, theirs in ((one, web), (web, one)):  # both would like to, through the host
        mine.do(f"ip route add {theirs.ips[0]} via {gateway}")
    assert one.refuses("tcp", web.ips[0], 80)
    host.do("sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1")
    assert one.refuses("tcp", web.ips[1], 80)
    assert host.neighbour.ask("tcp", ADDRESS, 8080).startswith("web ")


def test_an_internal_network_has_no_way_out(host: Host) -> None:
    host.run("net-create", "inner", "--internal")
    one, two = host.box("one", "--network", "inner"), host.box("two", "--network", "inner")
    two.serve("tcp", 80)
    host.serve(host.neighbour, "tcp", 80, "neighbour")
    assert one.ask("tcp", two.ips[0], 80).startswith("two ")
    assert one.look_up("two").count(two.ips[0]) == 1
    assert "unreachable" in one.ask("tcp", NEIGHBOUR, 80)
    one.do(f"ip route add default via {one.ips[0].rpartition('.')[0]}.1")
    assert one.refuses("tcp", NEIGHBOUR, 80)
    assert "can publish a port" in host.refused("ctr-run", "--rm", "--network", "inner", "-p", "80", "busybox", "true")


def test_what_the_host_did_not_forward_it_still_does_not(host: Host) -> None:
    with nethosts.namespace() as far:
        host.do(f"ip link add eth1 type veth peer name eth0 netns {far.path}; ip link set eth1 up;"
                "ip addr add 198.51.100.1/24 dev eth1; sysctl -qw net.ipv4.ip_forward=0")  # fmt: skip
        far.do("ip link set eth0 up; ip addr add 198.51.100.2/24 dev eth0; ip route add default via 198.51.100.1")
        host.serve(host.neighbour, "tcp", 80, "neighbour")
        host.neighbour.do(f"ip route add 198.51.100.0/24 via {ADDRESS}")
        box = host.box("box", "--network", "ocipipe")
        assert host.do("sysctl -n net.ipv4.ip_forward") == "1\n"
        assert box.ask("tcp", NEIGHBOUR, 80).startswith("neighbour ")
        assert far.refuses("tcp", NEIGHBOUR, 80)
        host.run("ctr-rm", "-f", "box")
        assert host.do("sysctl -n net.ipv4.ip_forward") == "0\n"
        host.do("ip link del eth1")


def test_names(host: Host) -> None:
    host.run("net-create", "lab")
    host.run("net-create", "other")
    db = host.box("db", "--network", "lab:alias=sql")
    both = host.box("both", "--network", "lab", "--network", "other", "--network-alias", "sql")
    app = host.box("app", "--network", "lab")
    apart = host.box("apart", "--network", "other")
    for name in ("db", "DB", "sql", db.id[:12]):
        assert db.ips[0] in app.look_up(name), name
    assert both.ips[0] in app.look_up("sql")
    assert "name = db" in app.look_up(db.ips[0])
    assert db.ips[0] not in apart.look_up("db")
    assert both.ips[1] in apart.look_up("both")
    host.run("ctr-rm", "-f", "db")
    assert "NXDOMAIN" in app.look_up("db")
    host.run("ctr-rm", "-f", "both", "app", "apart")
    assert nethosts.running(str(host.run_root / "networks/names")) == []


def test_what_is_no_container_is_asked_for_where_the_host_asks(host: Host, tmp_path: Path) -> None:
    host.run("net-create", "lab", "--dns", NEIGHBOUR)
    box = host.box("box", "--network", "lab")
    server = subprocess.Popen(host.neighbour.argv(sys.executable, "-c", _NAME_SERVER), stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        server.stdout.readline()
        assert "5.6.7.8" in box.look_up("far.example")
    finally:
        server.kill()
        server.communicate()


def test_a_name_server_on_the_host_s_loopback(host: Host, tmp_path: Path) -> None:
    """No container reaches it: the service of names asks it for them."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    served = _NAME_SERVER.replace("192.0.2.2", "127.0.0.53")
    server = subprocess.Popen(host.argv(sys.executable, "-c", served), stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        server.stdout.readline()
        run = "ctr-run --rm --network ocipipe busybox nslookup -type=a far.example"
        found = host.run.shell(f"unshare -m sh -c 'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf; {run}'")
        assert "5.6.7.8" in found.out.decode()
    finally:
        server.kill()
        server.communicate()


def test_a_container_s_own_files(host: Host) -> None:
    box = host.box(
        "box", "--network", "ocipipe:ip=10.90.0.77,mac=02:00:00:00:00:77", "--dns", "192.0.2.53", "--dns-search", "lab",
        "--dns-option", "ndots:2", "--add-host", "far:192.0.2.9", "--add-host", "up:host-gateway", "--hostname", "me",
    )  # fmt: skip
    assert box.sh("cat /etc/resolv.conf") == "nameserver 192.0.2.53\nsearch lab\noptions ndots:2\n"
    hosts = box.sh("cat /etc/hosts").splitlines()
    assert hosts[2:] == ["10.90.0.77\tme", "192.0.2.9\tfar", "10.90.0.1\tup"]
    assert "02:00:00:00:00:77" in box.do("ip link show eth0")


def test_connected_and_disconnected_while_it_runs(host: Host) -> None:
    host.run("net-create", "lab")
    db, app = host.box("db", "--network", "lab"), host.box("app", "--network", "ocipipe")
    db.serve("tcp", 80)
    assert app.refuses("tcp", db.ips[0], 80)
    (found,) = host.json("net-connect", "--alias", "front", "lab", "app")
    assert found["interfaces"][2]["name"] == "eth1"
    assert app.ask("tcp", db.ips[0], 80).startswith("db ")
    assert app.ips[1] in db.look_up("front")
    assert "is on this network" in host.refused("net-connect", "lab", "app")
    (left,) = host.json("net-disconnect", "lab", "app")
    assert left["annotations"]["org.ocipipe.networks"] == "ocipipe"
    assert app.refuses("tcp", db.ips[0], 80)
    assert "eth1" not in app.do("ip link")
    host.run("net-connect", "lab", "app")
    host.run("ctr-restart", "-t", "0", "app")
    there = host.json("net-inspect", "--attachments", "lab", "ocipipe")
    assert [one["name"] for one in there] == ["lab", "lab", "ocipipe"]


def test_the_way_out_when_it_has_left_its_first_network(host: Host) -> None:
    """By the other one; and the ports are there again with the next, when it had none."""
    host.run("net-create", "lab")
    box = host.box("box", "--network", "ocipipe", "--network", "lab", "-p", "127.0.0.1:8080:80")
    gateways = [ip.rpartition(".")[0] + ".1" for ip in box.ips]
    assert box.do("ip route show default").split()[2] == gateways[0]
    host.run("net-disconnect", "ocipipe", "box")
    assert box.do("ip route show default").split()[2:5] == [gateways[1], "dev", "eth1"]
    host.run("net-connect", "ocipipe", "box")
    assert box.do("ip route show default").split()[2] == gateways[1]
    for name in ("lab", "ocipipe"):
        host.run("net-disconnect", name, "box")
    host.run("net-connect", "ocipipe", "box")
    assert box.do("ip route show default").split()[2] == gateways[0]
    box.serve("tcp", 80)
    assert host.ask("tcp", "127.0.0.1", 8080).startswith("box ")
    assert host.run("net-check").out == b""


def test_another_container_s_network(host: Host) -> None:
    web = host.box("web", "-p", "8080:80")
    host.box("side", "--network", "container:web")
    side = host.run("ctr-run", "--rm", "--network", "container:web", "busybox", "ip", "addr", "show", "eth0").out
    assert web.ips[0] in side.decode()
    assert "does not go with" in host.refused("ctr-run", "--network", "container:web", "-p", "1:1", "busybox", "true")


_TAKE = """
import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM)
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(sys.argv[1] == "tcp"))
try:
    one.bind(("", int(sys.argv[2])))
    if sys.argv[1] == "tcp": one.listen()
    print("got it")
except OSError as error:
    print(error)
"""


def test_a_published_port_is_taken(host: Host) -> None:
    """For programs of the host, as long as the container runs, over a restart and with --rm in the foreground."""

    def takes(kind: str, port: int) -> str:
        return host.do(f"{sys.executable} -c '{_TAKE}' {kind} {port}")

    host.box("web", "-p", "8080:80", "-p", "8080:80/udp")
    for _ in range(2):
        for kind in ("tcp", "udp"):
            assert "in use" in takes(kind, 8080)
        assert takes("tcp", 8081) == "got it\n"
        host.run("ctr-restart", "-t", "0", "web")
    host.run("ctr-rm", "-f", "web")
    assert takes("tcp", 8080) == "got it\n"
    run = [str(host.run.bin / "ctr-run"), "--rm", "-i", "-p", "8080:80", "busybox", "sh", "-c", "echo; read line"]
    front = subprocess.Popen(host.argv(*run), env=host.run.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert front.stdout is not None
    front.stdout.readline()
    assert "in use" in takes("tcp", 8080)
    front.communicate(b"\n")
    assert takes("tcp", 8080) == "got it\n"


def test_it_is_held_by_the_monitor_and_no_process_of_the_container(host: Host) -> None:
    box = host.box("web", "-p", "8080:80", "--restart", "always")
    monitor = (host.run_root / "containers" / box.id / "monitor").read_text()
    held = {os.readlink(f"/proc/{monitor}/fd/{fd}") for fd in os.listdir(f"/proc/{monitor}/fd")}
    pid = box.path.split("/")[2]
    inside = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    assert [one for one in held if one.startswith("socket:")]
    assert not any(one.startswith("socket:") for one in inside)
    os.kill(int(pid), signal.SIGKILL)
    nethosts.until(lambda: [one.get("pid") for one in host.json("ctr-ps")] not in ([], [None], [int(pid)]), 30)
    assert host.json("ctr-ps")[0]["annotations"]["org.ocipipe.ports"] == "8080:80/tcp"


def test_a_thousand_ports(host: Host) -> None:
    """Each leads to the container and is held, and nobody has more room for descriptors for it; or all are refused."""
    run = "ctr-run -d --name web -p 8000-8999:7000-7999 busybox sh -c 'ulimit -n; exec sleep 1000'"
    before = host.rules
    done = host.run.shell(f"ulimit -n 600; {run}", status=125)
    assert done.errors[0]["message"].startswith("-p: so many ports cannot be held with 600 descriptors")
    assert host.rules == before
    (web,) = host.run.shell(f"ulimit -Sn 512; ulimit -Hn 4096; {run}").documents
    assert host.run("ctr-logs", "web").out == b"512\n"
    box = nethosts.Box(host, web)
    for number in (0, 1, 255, 256, 999):
        assert "in use" in host.do(f"{sys.executable} -c '{_TAKE}' tcp {8000 + number}")
    for number in (0, 999):
        box.serve("tcp", 7000 + number)
        assert host.neighbour.ask("tcp", ADDRESS, 8000 + number).startswith("web ")
    assert len(host.json("ctr-port", "web")) == 1000
    host.run("ctr-rm", "-f", "web")
    assert host.do(f"{sys.executable} -c '{_TAKE}' tcp 8999") == "got it\n"


def _crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


_HEAR = """
import socket
one = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
one.settimeout(20)
print("ready", flush=True)
packet, sender = one.recvfrom(512)
print(sender[0], int.from_bytes(packet[22:24], "big"))
"""


def test_sctp(host: Host) -> None:
    """The first packet of an association, by hand (RFC 9260, 3.3.2): not every kernel has the protocol itself."""
    web = host.box("web", "-p", "8080:80/sctp")
    assert web.ports == "8080:80/sctp"
    hears = subprocess.Popen(web.argv(sys.executable, "-c", _HEAR), stdout=subprocess.PIPE, text=True)
    assert hears.stdout is not None
    hears.stdout.readline()
    chunk = bytes.fromhex("01000014000000070001000000010001") + bytes.fromhex("00000001")
    head = (5000).to_bytes(2, "big") + (8080).to_bytes(2, "big") + bytes(4)
    check = _crc32c(head + bytes(4) + chunk).to_bytes(4, "little")
    send = f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132); s.sendto({head + check + chunk!r}"
    host.neighbour.do(f"{sys.executable} - <<'END'\n{send}, ('{ADDRESS}', 0))\nEND")
    assert hears.communicate()[0] == f"{NEIGHBOUR} 80\n"


def test_free_ports_are_chosen_and_taken_ones_refused(host: Host) -> None:
    one = host.box("one", "-p", "80", "-p", "9000-9001:81", "-p", "7000-7001:7000-7001")
    ports = one.ports.split()
    assert ports[1:] == ["9000:81/tcp", "7000:7000/tcp", "7001:7001/tcp"]
    chosen = int(ports[0].partition(":")[0])
    one.serve("tcp", 80)
    assert host.ask("tcp", ADDRESS, chosen).startswith("one ")
    two = host.box("two", "-p", "9000-9001:81")
    assert two.ports == "9001:81/tcp"
    rules = host.rules
    for wanted in (f"{chosen}:80", "9000-9001:80", f"127.0.0.1:{chosen}:80", "9009:1", "[::]:9009:1"):
        host.serve(host, "tcp", 9009, "host") if wanted == "9009:1" else None
        told = host.refused("ctr-run", "--rm", "-p", wanted, "busybox", "true")
        assert ("is in use" in told) != wanted.startswith("[::]"), told
    assert "is no address of this host" in host.refused("ctr-run", "--rm", "-p", "203.0.113.9:1:1", "busybox", "true")
    assert host.rules == rules
    assert [one["annotations"]["org.ocipipe.name"] for one in host.json("ctr-ps", "-a")] == ["two", "one"]
