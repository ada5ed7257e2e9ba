"""network/addresses: subnets, and which address comes next."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocipipe.errors import UsageError
from ocipipe.network import addresses
from ocipipe.network.addresses import Subnet


@given(st.ip_addresses())
def test_addresses_are_read_and_written_as_python_does(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert addresses.parse(str(address)) == (address.version, int(address))
    assert ipaddress.ip_address(addresses.text(address.version, int(address))) == address


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.256", "10.0.0.01", "::1%lo", "fd00:::1", "a", "10.0.0.1\0"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="is no"):
        addresses.parse(text)


NETWORKS = st.one_of(
    st.builds(lambda n, p: ipaddress.ip_network((n, p), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)),
    st.builds(
        lambda n, p: ipaddress.ip_network((n.to_bytes(16, "big"), p), strict=False),
        st.integers(0, 2**128 - 1),
        st.integers(0, 128),
    ),
)


@given(NETWORKS, NETWORKS)
def test_subnets_are_what_python_s_are(
    one: ipaddress.IPv4Network | ipaddress.IPv6Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> None:
    mine, theirs = Subnet.parse(str(one)), Subnet.parse(str(other))
    assert Subnet.parse(str(mine)) == mine
    assert (mine.version, mine.first, mine.last) == (one.version, int(one[0]), int(one[-1]))
    assert mine.overlaps(theirs) == (one.version == other.version and one.overlaps(other))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("10.0.0.0", "is no subnet"),
        ("10.0.0.1/24", "bits beyond the length are set"),
        ("10.0.0.0/33", "has 32 bits"),
        ("10.0.0.0/-1", "is no subnet"),
        ("10.0.0.0/٣", "is no subnet"),
        ("x/8", "is no subnet"),
    ],
)
def test_what_is_no_subnet(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Subnet.parse(text)


def test_usable_addresses() -> None:
    def shown(text: str) -> tuple[str, str, int]:
        usable = Subnet.parse(text).usable
        version = 6 if ":" in text else 4
        return addresses.text(version, usable[0]), addresses.text(version, usable[-1]), usable.stop - usable.start

    assert shown("10.0.0.0/24") == ("10.0.0.1", "10.0.0.254", 254)
    assert shown("10.0.0.0/31") == ("10.0.0.0", "10.0.0.1", 2)
    assert shown("10.0.0.7/32") == ("10.0.0.7", "10.0.0.7", 1)
    assert shown("fd00::/64") == ("fd00::1", "fd00::ffff:ffff:ffff:ffff", 2**64 - 1)


def test_free_subnets_keep_clear_of_what_is_taken() -> None:
    assert str(addresses.free_subnet([], default=True)) == "10.90.0.0/20"
    assert str(addresses.free_subnet([])) == "10.91.0.0/24"
    assert str(addresses.free_subnet([Subnet.parse("10.91.0.0/16")])) == "10.92.0.0/24"
    assert str(addresses.free_subnet([Subnet.parse("10.91.0.128/25"), Subnet.parse("fd00::/8")])) == "10.91.1.0/24"
    assert str(addresses.free_subnet([Subnet.parse("10.0.0.0/8")], default=True)) == "172.31.0.0/24"
    assert addresses.free_subnet([Subnet.parse("0.0.0.0/0")]) is None


def test_subnets_of_one_s_own_in_ipv6() -> None:
    one = addresses.unique_local(b"\x01\x02\x03\x04\x05", [])
    assert str(one) == "fd01:203:405::/64"
    assert str(addresses.unique_local(b"\x01\x02\x03\x04\x05", [one])) == "fd01:203:405:1::/64"


def test_the_next_address_is_the_one_after_the_last() -> None:
    usable = range(1, 6)
    assert addresses.next_address(usable, {1}, None) == 2
    assert addresses.next_address(usable, {1, 3}, 2) == 4
    assert addresses.next_address(usable, {1, 5}, 4) == 2
    assert addresses.next_address(usable, {1, 2, 3, 4, 5}, 3) is None
    assert addresses.next_address(usable, set(), 77) == 1


@given(st.sets(st.integers(1, 30)), st.integers(1, 30))
def test_it_is_a_free_one_wherever_there_is_one(taken: set[int], last: int) -> None:
    found = addresses.next_address(range(1, 31), taken, last)
    assert (found is None) == (len(taken) == 30)
    assert found not in taken


def test_link_local_addresses() -> None:
    assert addresses.link_local("169.254.7.7") == "169.254.7.7/16"
    assert addresses.link_local("fe80::7") == "fe80::7/64"
    for text in ("169.253.7.7", "169.254.0.0", "169.254.255.255", "fe80:1::7", "fd00::7", "x"):
        with pytest.raises(UsageError):
            addresses.link_local(text)


def test_hardware_addresses() -> None:
    assert addresses.mac(*addresses.parse("10.91.0.2")) == "0a:58:0a:5b:00:02"
    assert addresses.mac(*addresses.parse("fd00::1:2")) == "0a:5a:00:01:00:02"
    assert addresses.check_mac("02:42:AC:11:00:02") == "02:42:ac:11:00:02"


@pytest.mark.parametrize("text", ["", "02:42", "03:42:ac:11:00:02", "00:00:00:00:00:00", "02:42:ac:11:00:0g"])
def test_what_is_no_hardware_address(text: str) -> None:
    with pytest.raises(UsageError, match="is no hardware address"):
        addresses.check_mac(text)
