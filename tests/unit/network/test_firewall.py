"""network/firewall and foreign: rules as text, from one state to another."""

from __future__ import annotations

from typing import Any

from ocipipe.network import firewall, foreign, mend, names
from ocipipe.network.state import State

TABLE = firewall.table_of("/run/x")


def state(**bridges: Any) -> State:
    found = State()
    found.bridges = {
        name: {
            "network": name, "addresses": ["10.91.0.1/24"], "subnets": ["10.91.0.0/24"], "mtu": 0, "internal": False,
            "isolate": False, "loopback6": False, "names": False, **changes,
        }
        for name, changes in bridges.items()
    }  # fmt: skip
    return found


def put(found: State, container_id: str, bridge: str, *addresses: str, ports: Any = (), called: Any = ()) -> None:
    container = found.containers.setdefault(container_id, {"attachments": [], "ports": list(ports)})
    container["attachments"].append({
        "network": bridge, "bridge": bridge, "host": f"oc{container_id}", "interface": "eth0", "names": list(called),
        "nameservers": [], "result": {"ips": [{"address": one} for one in addresses]},
    })  # fmt: skip


def port(host: int, container: int, protocol: str = "tcp", ip: str = "") -> dict[str, object]:
    return {"hostPort": host, "containerPort": container, "protocol": protocol, **({"hostIP": ip} if ip else {})}


def test_the_first_bridge_brings_the_table_and_the_last_takes_it() -> None:
    up = state(br0={})
    lines = firewall.changes("/run/x", State(), up)
    assert lines[0] == f"table inet {TABLE} {{"
    assert f'add element inet {TABLE} bridges {{ "br0" }}' in lines
    assert firewall.changes("/run/x", up, State()) == [f"delete table inet {TABLE}"]
    assert firewall.changes("/run/x", up, up.copy()) == []
    assert firewall.changes("/run/x", State(), State()) == []


def test_a_container_without_ports_changes_nothing() -> None:
    before, after = state(br0={}), state(br0={})
    put(after, "1", "br0", "10.91.0.2/24")
    assert firewall.changes("/run/x", before, after) == []


def test_who_is_to_be_apart_is_not_within() -> None:
    there = firewall.elements(state(br0={}, br1={"apart": True}))
    assert [key for name, key in there if name == "within"] == ['"br0" . "br0"']


def test_published_ports_are_elements() -> None:
    before, after = state(br0={}), state(br0={})
    put(after, "1", "br0", "10.91.0.2/24", "fd00::2/64", ports=[port(80, 8080), port(53, 5353, "udp", "127.0.0.1")])
    assert firewall.changes("/run/x", before, after) == [
        f"add element inet {TABLE} any4 {{ tcp . 80 : 10.91.0.2 . 8080 }}",
        f"add element inet {TABLE} any6 {{ tcp . 80 : fd00::2 . 8080 }}",
        f"add element inet {TABLE} bound4 {{ 127.0.0.1 . udp . 53 : 10.91.0.2 . 5353 }}",
    ]
    assert firewall.changes("/run/x", after, before) == [
        f"delete element inet {TABLE} any4 {{ tcp . 80 }}",
        f"delete element inet {TABLE} any6 {{ tcp . 80 }}",
        f"delete element inet {TABLE} bound4 {{ 127.0.0.1 . udp . 53 }}",
    ]


def test_one_version_s_any_address() -> None:
    found = state(br0={})
    put(found, "1", "br0", "10.91.0.2/24", "fd00::2/64", ports=[port(80, 80, ip="0.0.0.0"), port(81, 81, ip="::")])
    there = firewall.elements(found)
    assert {key for key in there if key[0].startswith(("any", "bound"))} == {("any4", "tcp . 80"), ("any6", "tcp . 81")}


def test_ports_lead_past_internal_networks() -> None:
    found = state(inner={"internal": True}, outer={})
    put(found, "1", "inner", "10.91.0.2/24", ports=[port(80, 80)])
    put(found, "1", "outer", "10.92.0.2/24")
    assert firewall.elements(found)["any4", "tcp . 80"] == "10.92.0.2 . 80"


def test_names_are_asked_for_at_53() -> None:
    found = state(br0={"names": True, "addresses": ["10.91.0.1/24", "fd00::1/64"]})
    found.service = {"port": 5533}
    there = firewall.elements(found)
    assert there["bound4", "10.91.0.1 . udp . 53"] == "10.91.0.1 . 5533"
    assert there["bound6", "fd00::1 . tcp . 53"] == "fd00::1 . 5533"


def test_names_as_the_service_reads_them() -> None:
    found = state(br0={"names": True}, inner={"names": True, "internal": True, "addresses": ["10.92.0.1/24"]}, plain={})
    put(found, "1" * 64, "br0", "10.91.0.2/24", "fd00::2/64", called=["Web", "www", "web"])
    put(found, "2" * 64, "inner", "10.92.0.2/24", called=["db"])
    put(found, "3" * 64, "plain", "10.93.0.2/24", called=["x"])
    assert names.configuration(found) == {
        "br0": f"10.91.0.1\n{'1' * 64} 10.91.0.2 fd00::2 web,www\n",
        "inner%int": f"10.92.0.1\n{'2' * 64} 10.92.0.2  db\n",
    }


def test_what_has_ended_is_no_part_of_the_living() -> None:
    found = state(br0={}, br1={})
    put(found, "1", "br0", "10.91.0.2/24")
    put(found, "2", "br0", "10.91.0.3/24")
    put(found, "3", "br1", "10.92.0.2/24")
    left = mend.living(found, {"lo", "br0", "br1", "oc2"})
    assert list(left.containers) == ["2"]
    assert list(left.bridges) == ["br0"]
    assert len(found.containers) == 3


LISTED = """table ip filter {
	chain DOCKER-USER {
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
	chain INPUT {
		type filter hook input priority filter; policy accept;
	}
}
table inet mine {
	chain f {
		type filter hook forward priority 5; policy drop;
	}
}
"""


def test_who_drops_what_is_forwarded() -> None:
    found = foreign.Overview(LISTED)
    assert found.common == {(4, "FORWARD"): True, (4, "INPUT"): False}
    assert found.closed == ["inet mine f"]
    assert found.lacks(state(br0={}), "1")
    assert not found.lacks(State(), "1")
    assert not found.lacks(state(br0={"subnets": ["fd00::/64"]}), "1")
    again = foreign.Overview(LISTED.replace("chain DOCKER-USER", "chain OCIPIPE-FWD-1"))
    assert not again.lacks(state(br0={}), "1")


SAVED = """*filter
:INPUT ACCEPT [0:0]
:FORWARD {policy} [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -i docker0 -j ACCEPT
COMMIT
"""


def test_our_chain_is_the_last_word_but_one() -> None:
    up = state(br0={})
    ours = [
        ":OCIPIPE-FWD-1 - [0:0]",
        "-A OCIPIPE-FWD-1 -i br0 -j ACCEPT",
        "-A OCIPIPE-FWD-1 -o br0 -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT",
    ]
    dropping = SAVED.format(policy="DROP")
    lines = foreign.changes(foreign.parsed(dropping), up, 4, "1").splitlines()
    assert lines == ["*filter", *ours, "-A FORWARD -j OCIPIPE-FWD-1", "COMMIT"]
    rejecting = SAVED.format(policy="ACCEPT").replace("COMMIT", "-A FORWARD -j REJECT --reject-with icmp-x\nCOMMIT")
    lines = foreign.changes(foreign.parsed(rejecting), up, 4, "1").splitlines()
    assert lines == ["*filter", *ours, "-I FORWARD 3 -j OCIPIPE-FWD-1", "COMMIT"]


def test_who_lets_all_through_is_left_alone() -> None:
    accepting = foreign.parsed(SAVED.format(policy="ACCEPT"))
    assert foreign.changes(accepting, state(br0={}), 4, "1") == ""
    assert foreign.changes(foreign.parsed(SAVED.format(policy="DROP")), state(), 4, "1") == ""


def test_our_chain_goes_and_stays_as_it_should() -> None:
    up = state(br0={})
    dropping = SAVED.format(policy="DROP")
    lines = foreign.changes(foreign.parsed(dropping), up, 4, "1").splitlines()[1:-1]
    with_ours = dropping.replace("COMMIT", "\n".join([*(one for one in lines if one[0] == "-"), "COMMIT"])).replace(
        "-A FORWARD -j DOCKER-USER", ":OCIPIPE-FWD-1 - [0:0]\n-A FORWARD -j DOCKER-USER"
    )
    assert foreign.changes(foreign.parsed(with_ours), up, 4, "1") == ""
    gone = foreign.changes(foreign.parsed(with_ours), state(), 4, "1").splitlines()
    assert gone == ["*filter", "-D FORWARD -j OCIPIPE-FWD-1", "-F OCIPIPE-FWD-1", "-X OCIPIPE-FWD-1", "COMMIT"]


def test_names_pass_where_what_comes_in_is_dropped() -> None:
    up = state(br0={"names": True})
    up.service = {"port": 5533}
    saved = SAVED.format(policy="ACCEPT").replace(":INPUT ACCEPT", ":INPUT DROP")
    lines = foreign.changes(foreign.parsed(saved), up, 4, "1").splitlines()
    assert "-A OCIPIPE-IN-1 -i br0 -p udp -m udp --dport 5533 -j ACCEPT" in lines
    assert "-A INPUT -j OCIPIPE-IN-1" in lines
