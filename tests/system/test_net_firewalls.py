"""Networks on hosts where somebody else has a firewall."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import boxes
import nethosts
import pytest
from commands import Commands
from images import Image
from nethosts import ADDRESS, ADDRESS6, NEIGHBOUR, Host

DOCKER = """
{iptables} -P FORWARD DROP
{iptables} -N DOCKER-USER
{iptables} -A DOCKER-USER -j RETURN
{iptables} -A FORWARD -j DOCKER-USER
{iptables} -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
{iptables} -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
"""


@pytest.fixture
def host(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Host]:
    busybox_image.into_store(store_root, boxes.NAME)
    with nethosts.host(run) as found:
        yield found
        for program in ("iptables-nft", "ip6tables-nft", "iptables-legacy"):
            if program in found.firewalls:
                found.do(f"{program} -P FORWARD ACCEPT; {program} -P INPUT ACCEPT; {program} -F; {program} -X")
        found.do("nft flush ruleset")


def passes(host: Host) -> None:
    """All that containers need goes through, and goes on when others come and go."""
    host.serve(host.neighbour, "tcp", 70, "neighbour")
    web = host.box("web", "--network", "lab", "-p", "8080:80")
    web.serve("tcp", 80)
    second = host.box("second", "--network", "lab")
    third = host.box("third", "-p", "8081:80")
    third.serve("tcp", 80)
    for box in (web, second, third):
        assert box.ask("tcp", NEIGHBOUR, 70).startswith("neighbour ")
    for place in (host, host.neighbour, second, third):
        assert place.ask("tcp", ADDRESS, 8080).startswith("web ")
        assert place.ask("tcp", ADDRESS, 8081).startswith("third ")
    host.run("ctr-rm", "-f", "third")
    assert host.neighbour.ask("tcp", ADDRESS, 8080).startswith("web ")
    assert web.ips[0] in second.look_up("web")
    host.run("ctr-rm", "-f", "second")


@pytest.mark.parametrize("iptables", ["iptables-nft", "iptables-legacy"])
def test_docker_s_forward_drop(host: Host, iptables: str) -> None:
    host.firewalls.append(iptables)
    host.do(DOCKER.format(iptables=iptables))
    saved = host.do(f"{iptables}-save -t filter | grep -v '^[#:]'")
    host.run("net-create", "lab")
    passes(host)
    assert "OCIPIPE-FWD-" in host.do(f"{iptables} -S FORWARD")
    # What the administrator says in DOCKER-USER holds, for what is published too.
    host.do(f"{iptables} -I DOCKER-USER -s {NEIGHBOUR} -j DROP")
    assert host.neighbour.refuses("tcp", ADDRESS, 8080)
    host.do(f"{iptables} -D DOCKER-USER -s {NEIGHBOUR} -j DROP")
    host.run("ctr-rm", "-f", "web")
    assert host.do(f"{iptables}-save -t filter | grep -v '^[#:]'") == saved


def test_a_firewall_that_comes_later(host: Host) -> None:
    """docker is started while containers run: the next one, or net-check, brings all back."""
    host.firewalls.append("iptables-nft")
    host.run("net-create", "lab")
    web = host.box("web", "--network", "lab", "-p", "8080:80")
    web.serve("tcp", 80)
    host.do(DOCKER.format(iptables="iptables-nft"))
    assert host.neighbour.refuses("tcp", ADDRESS, 8080)
    (found,) = host.json("net-check")
    assert found["code"] == "NETWORK_CLOSED"
    assert host.neighbour.ask("tcp", ADDRESS, 8080).startswith("web ")
    host.do("iptables-nft -F; iptables-nft -X")
    host.box("second", "--network", "lab")
    assert host.neighbour.ask("tcp", ADDRESS, 8080).startswith("web ")


def test_others_rules_are_looked_at_when_any_have_changed(host: Host, tmp_path: Path) -> None:
    """Not at every start: that is a process."""
    asked = tmp_path / "asked"
    wrapped = tmp_path / "bin/nft"
    wrapped.parent.mkdir()
    wrapped.write_text(f'#!/bin/sh\necho "$*" >>{asked}\nexec {shutil.which("nft")} "$@"\n')
    wrapped.chmod(0o755)
    path = f"{wrapped.parent}:{host.run.env['PATH']}"

    def looks(name: str) -> int:
        asked.write_text("")
        host.run("ctr-run", "-d", "--name", name, "busybox", "sleep", "1000", env={"PATH": path})
        return asked.read_text().count("list chains")

    assert [looks("one"), looks("two")] == [1, 0]
    host.do("nft add table inet mine")
    assert [looks("three"), looks("four")] == [1, 0]
    host.do("nft 'add chain inet mine f { type filter hook forward priority 0; policy drop; }'")
    assert [looks("five"), looks("six")] == [1, 1]  # as long as it is so: each is told


def test_the_last_rule_that_rejects_all(host: Host) -> None:
    host.firewalls.append("iptables-nft")
    host.do("""
        iptables-nft -P INPUT DROP; iptables-nft -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        iptables-nft -A INPUT -i lo -j ACCEPT
        iptables-nft -A FORWARD -p tcp --dport 81 -j DROP
        iptables-nft -A FORWARD -j REJECT --reject-with icmp-host-prohibited
    """)
    host.run("net-create", "lab")
    passes(host)
    closed = host.box("closed", "-p", "8082:81")
    closed.serve("tcp", 81)
    assert host.neighbour.refuses("tcp", ADDRESS, 8082)


def test_ipv6_too(host: Host) -> None:
    host.firewalls.append("ip6tables-nft")
    host.do("ip6tables-nft -P FORWARD DROP")
    host.run("net-create", "lab", "--ipv6")
    web = host.box("web", "--network", "lab", "-p", "8080:80")
    web.serve("tcp", 80, 6)
    assert host.neighbour.ask("tcp", ADDRESS6, 8080).startswith("web ")


def test_what_an_administrator_closes_with_nft_stays_closed(host: Host) -> None:
    """Whatever he says in tables of his own; that nothing passes is told."""
    host.do("nft 'table inet mine { chain f { type filter hook forward priority 0; tcp dport 80 drop; }; }'")
    box = host.box("box", "-p", "8080:80", "-p", "8081:81")
    box.serve("tcp", 80)
    box.serve("tcp", 81)
    assert host.neighbour.refuses("tcp", ADDRESS, 8080)
    assert host.neighbour.ask("tcp", ADDRESS, 8081).startswith("box ")
    host.do("nft flush table inet mine; nft 'chain inet mine f { policy drop; }'")
    told = host.run("ctr-run", "--rm", "--network", "ocipipe", "busybox", "true").err.decode()
    assert "inet mine f: its policy drops what is forwarded" in told
    assert host.neighbour.refuses("tcp", ADDRESS, 8081)


FIREWALLD = """
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state established,related accept
    ct status dnat accept
    %s
    reject with icmpx admin-prohibited
  }
}
"""
"""What firewalld's rules come to."""


def test_firewalld(host: Host) -> None:
    """It is told what to say to it, and when it was said, all passes; published ports do in any case."""
    host.serve(host.neighbour, "tcp", 70, "neighbour")
    host.do(f"nft -f - <<'END'\n{FIREWALLD % ''}\nEND")
    box = ["ctr-run", "--rm", "-p", "8080:80", "busybox", "nc", "-w", "3", NEIGHBOUR, "70"]
    done = host.run(*box, status=None)
    assert b"neighbour" not in done.out
    told = json.loads(done.err.splitlines()[0])["warnings"][0]["message"]
    assert "inet firewalld: knows no interface oci-" in told
    bridge = told.partition("--add-interface=")[2].split()[0]
    host.box("web", "-p", "8080:80").serve("tcp", 80)
    assert host.neighbour.ask("tcp", ADDRESS, 8080).startswith("web ")
    host.run("ctr-rm", "-f", "web")
    accepted = f'iifname "{bridge}" accept'
    host.do(f"nft delete table inet firewalld; nft -f - <<'END'\n{FIREWALLD % accepted}\nEND")
    done = host.run(*box)
    assert (done.out.decode(), done.err) == (f"neighbour {ADDRESS}", b"")


def test_somebody_flushes_everything(host: Host) -> None:
    web = host.box("web", "-p", "8080:80")
    web.serve("tcp", 80)
    host.do("nft flush ruleset")
    assert host.neighbour.refuses("tcp", ADDRESS, 8080)
    other = host.box("other", "-p", "8081:80")
    other.serve("tcp", 80)
    for port in (8080, 8081):
        assert host.neighbour.ask("tcp", ADDRESS, port).split()[0] in ("web", "other")
    host.do("nft flush ruleset")
    assert [one["code"] for one in host.json("net-check", "--dry-run")] == ["NETWORK_MISSING"]
    assert [one["code"] for one in host.json("net-check")] == ["NETWORK_MISSING"]
    assert host.neighbour.ask("tcp", ADDRESS, 8080).startswith("web ")


def test_somebody_deletes_a_bridge_and_a_rule(host: Host) -> None:
    host.run("net-create", "lab")
    web = host.box("web", "--network", "lab", "-p", "8080:80")
    web.serve("tcp", 80)
    (network,) = host.json("net-inspect", "lab")
    table = next(line.split()[2] for line in host.rules.splitlines() if "inet ocipipe-" in line)
    host.do(f"ip link del {network['plugins'][0]['bridge']}; nft flush map inet {table} any4")
    host.do("sysctl -qw net.ipv4.ip_forward=0")
    codes = {one["code"] for one in host.json("net-check")}
    assert codes == {"NETWORK_MISSING", "NETWORK_CHANGED", "NETWORK_SETTING"}
    assert host.neighbour.ask("tcp", ADDRESS, 8080).startswith("web ")
    assert web.ips[0] in web.look_up("web")
    assert host.json("net-check") == []
