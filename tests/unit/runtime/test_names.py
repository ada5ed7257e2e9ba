"""runtime/names: hosts, hostname and resolv.conf, and what may be asked of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ocipipe.errors import UsageError
from ocipipe.runtime import names

LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def asked(domain: str = "", network: str = "none", **fields: list[str]) -> Any:
    args = {"dns": [], "dns_search": [], "dns_option": [], "add_host": [], "link": [], **fields}
    return names.asked_for(SimpleNamespace(**args), domain, network)


def test_nothing_asked_for() -> None:
    assert names.texts("box", {}) == names.texts("box", asked()) == {
        "hosts": f"{LOCAL}127.0.0.1\tbox\n", "hostname": "box\n", "resolv.conf": "",
    }  # fmt: skip


def test_the_host_s_own_where_the_network_is() -> None:
    found = names.texts("box", asked(), hosts="10.0.0.1 me\n\n", resolver="nameserver 1.1.1.1\noptions edns0\n")
    assert found["hosts"] == "10.0.0.1 me\n"
    assert found["resolv.conf"] == "nameserver 1.1.1.1\noptions edns0\n"


def test_domains_and_added_hosts() -> None:
    wanted = asked(
        "lab.org", network="bridge", add_host=["db:10.0.0.5", "six=[fd00::5]", "v:fd00::7", "host:host-gateway"]
    )
    found = names.texts("box", wanted, own=["10.1.0.2"], gateway="10.1.0.1")
    assert found["hosts"] == (
        f"{LOCAL}10.1.0.2\tbox.lab.org box\n10.0.0.5\tdb\nfd00::5\tsix\nfd00::7\tv\n10.1.0.1\thost\n"
    )
    assert asked(network="host", add_host=["me:host-gateway"])["hosts"] == [["me", "127.0.0.1"]]


BASE = "# mine\nsearch a.org\nnameserver 1.1.1.1\noptions edns0\n"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, BASE),
        (
            {"dns": ["9.9.9.9", "fd00::1"]},
            "# mine\nsearch a.org\noptions edns0\nnameserver 9.9.9.9\nnameserver fd00::1\n",
        ),
        ({"dns_search": ["b.org", "c.org"]}, "# mine\nnameserver 1.1.1.1\noptions edns0\nsearch b.org c.org\n"),
        ({"dns_search": ["."]}, "# mine\nnameserver 1.1.1.1\noptions edns0\n"),
        ({"dns_option": ["ndots:2"]}, "# mine\nsearch a.org\nnameserver 1.1.1.1\noptions ndots:2\n"),
    ],
)
def test_each_kind_of_line_replaces_its_own(fields: dict[str, list[str]], text: str) -> None:
    assert names.texts("box", asked(**fields), resolver=BASE)["resolv.conf"] == text


def test_links() -> None:
    assert asked(link=["db", "old:sql"])["links"] == [["db", "db"], ["old", "old"], ["sql", "old"]]
    assert "links" not in asked()


def test_a_domain_line_is_a_search_line() -> None:
    found = names.texts("box", asked(dns_search=["b.org"]), resolver="domain a.org\n")
    assert found["resolv.conf"] == "search b.org\n"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"dns": ["dns.google"]}, "--dns dns.google"), ({"dns": [""]}, "--dns "), ({"dns": ["1.2.3"]}, "--dns 1.2.3"),
        ({"dns_search": ["a b"]}, "--dns-search a b"), ({"dns_search": ["a\nb"]}, "--dns-search"),
        ({"dns_option": [""]}, "--dns-option"), ({"dns_option": ["a b"]}, "--dns-option a b"),
        ({"dns_option": ["a\nb"]}, "--dns-option"),
        ({"add_host": ["db"]}, "--add-host db: "), ({"add_host": [":1.1.1.1"]}, "--add-host :1.1.1.1"),
        ({"add_host": ["db:"]}, "(nothing) is no address"), ({"add_host": ["db:x"]}, "x is no address"),
        ({"add_host": ["a b:1.1.1.1"]}, "--add-host a b:1.1.1.1"),
        ({"link": ["db:a b"]}, "--link db:a b"), ({"link": [":sql"]}, "--link :sql"), ({"link": ["db:"]}, "--link db:"),
        ({"add_host": ["h:host-gateway"]}, "no way to the host with --network none"),
    ],
)  # fmt: skip
def test_refused(fields: dict[str, list[str]], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked(**fields)
    assert named in str(caught.value)
