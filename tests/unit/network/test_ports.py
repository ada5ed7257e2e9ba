"""network/ports and options: what command lines say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocipipe.errors import UsageError
from ocipipe.network import options, ports
from ocipipe.network.ports import Port


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("80", [("", 0, 0, 80, "tcp")]),
        ("8080:80", [("", 8080, 8080, 80, "tcp")]),
        ("8080:80/UDP", [("", 8080, 8080, 80, "udp")]),
        (":80/sctp", [("", 0, 0, 80, "sctp")]),
        ("0:80", [("", 0, 0, 80, "tcp")]),
        ("127.0.0.1:8080:80", [("127.0.0.1", 8080, 8080, 80, "tcp")]),
        ("127.0.0.1::80", [("127.0.0.1", 0, 0, 80, "tcp")]),
        ("0.0.0.0:8080:80", [("0.0.0.0", 8080, 8080, 80, "tcp")]),
        ("[::1]:8080:80", [("::1", 8080, 8080, 80, "tcp")]),
        ("[FD00::0:1]:80", [("fd00::1", 0, 0, 80, "tcp")]),
        ("[::]::80", [("::", 0, 0, 80, "tcp")]),
        ("8000-8001:80-81", [("", 8000, 8000, 80, "tcp"), ("", 8001, 8001, 81, "tcp")]),
        ("8000-8010:80", [("", 8000, 8010, 80, "tcp")]),
        ("80-81", [("", 0, 0, 80, "tcp"), ("", 0, 0, 81, "tcp")]),
        ("65535:65535", [("", 65535, 65535, 65535, "tcp")]),
    ],
)
def test_published_ports(text: str, found: list[tuple[str, int, int, int, str]]) -> None:
    assert ports.parse(text) == [Port(*one) for one in found]


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "a", "80/", "80/icmp", "8080:", "65536", "80:65536", "0", "80-79", "1-3:80-81", "0-5:80", "1:2:3:4",
        "256.1.1.1:80:80", "[::1:80:80", "::1:80:80", "[10.0.0.1]:80:80", "-80", "80-", "8080:80-", "٨٠", "+80", "1e1",
    ],
)  # fmt: skip
def test_what_is_no_published_port(text: str) -> None:
    with pytest.raises(UsageError):
        ports.parse(text)


PORTS = st.integers(1, 65535)


@given(st.sampled_from(["", "127.0.0.1", "0.0.0.0", "::1", "::"]), PORTS, PORTS, st.sampled_from(ports.PROTOCOLS))
def test_a_port_is_read_as_it_is_written(ip: str, host: int, container: int, protocol: str) -> None:
    for low, high in ((host, host), (0, 0), (min(host, 65534), 65535)):
        one = Port(ip, low, high, container, protocol)
        assert ports.parse(str(one)) == [one]
    fixed = Port(ip, host, host, container, protocol)
    assert Port.of(fixed.document) == fixed


def test_networks() -> None:
    found = options.network("lab:alias=db,alias=sql,ip=10.0.0.5,ip6=fd00::5,mac=02:00:00:00:00:05,interface=lan0")
    assert (found.network, found.aliases, found.ip, found.ip6) == ("lab", ("db", "sql"), "10.0.0.5", "fd00::5")
    assert (found.mac, found.interface) == ("02:00:00:00:00:05", "lan0")
    assert options.network("lab").aliases == ()
    assert options.network("bridge:ip=10.0.0.5").network == options.network("default").network == "ocipipe"


@pytest.mark.parametrize(
    "text",
    ["", ":ip=1.2.3.4", "a:b", "a:ip", "a:ip=", "a:ip=1.2.3.4,ip=1.2.3.5", "a:ip=fd00::1", "a:ip6=1.2.3.4", "a:x=y",
     "a:alias=-x", "a:alias=b c", "a:mac=1"],
)  # fmt: skip
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(UsageError):
        options.network(text)
