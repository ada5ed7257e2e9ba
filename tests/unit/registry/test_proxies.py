"""Which way out, by the environment."""

from __future__ import annotations

import pytest

from ocipipe.errors import Unsupported
from ocipipe.registry.proxies import proxy_for

ENV = {"https_proxy": "http://proxy:3128", "HTTP_PROXY": "other:8080"}


@pytest.mark.parametrize(
    ("url", "env", "proxy"),
    [
        ("https://registry.lab/v2/", {}, None),
        ("https://registry.lab/v2/", ENV, "http://proxy:3128"),
        ("http://registry.lab/v2/", ENV, "http://other:8080"),
        ("https://registry.lab/", {"HTTPS_PROXY": "http://upper", "https_proxy": "http://lower"}, "http://lower"),
        ("https://registry.lab/", {"ALL_PROXY": "http://all"}, "http://all"),
        ("https://registry.lab/", {"ALL_PROXY": "http://all", "https_proxy": "http://own"}, "http://own"),
        ("https://registry.lab/", {"https_proxy": ""}, None),
        # this machine is never reached through another
        ("http://127.0.0.1:5000/", ENV, None),
        ("https://localhost/", ENV, None),
        ("http://[::1]:5000/", ENV, None),
        ("http://127.0.0.1.evil.example/", ENV, "http://other:8080"),
    ],
)
def test_proxy(url: str, env: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(url, env) == proxy


def test_a_proxy_of_another_kind_is_refused_without_its_password() -> None:
    env = {"ALL_PROXY": "socks5h://user:secret@proxy:1080"}
    with pytest.raises(Unsupported, match=r"^registry\.lab: its proxy is reached by socks5h, not by http") as refused:
        proxy_for("https://registry.lab/v2/", env)
    assert "secret" not in str(refused.value)
    assert proxy_for("http://127.0.0.1:5000/", env) is None
    assert proxy_for("https://registry.lab/", {**env, "no_proxy": "registry.lab"}) is None


@pytest.mark.parametrize(
    ("rules", "direct"),
    [
        ("*", True),
        ("", False),
        ("registry.lab", True),
        ("REGISTRY.lab", True),
        ("lab", True),
        (".lab", True),
        ("*.lab", True),
        ("istry.lab", False),
        ("other, registry.lab ", True),
        ("registry.lab:443", True),
        ("registry.lab:5000", False),
        ("10.0.0.0/8", False),
        ("not/a/network", False),
    ],
)
def test_no_proxy(rules: str, direct: bool) -> None:
    assert (proxy_for("https://registry.lab/v2/", {**ENV, "no_proxy": rules}) is None) is direct


@pytest.mark.parametrize(
    ("host", "rules", "direct"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3:5000", "10.1.2.3:5000", True),
        ("10.1.2.3:5000", "10.1.2.3:5001", False),
        ("[fd00::1]:5000", "fd00::/8", True),
        ("[fd00::1]:5000", "fd00::1", True),
        ("[fd00::1]:5000", "[fd00::1]:5000", True),
        ("[fd00::1]:5000", "[fd00::1]:5001", False),
    ],
)
def test_no_proxy_for_addresses(host: str, rules: str, direct: bool) -> None:
    assert (proxy_for(f"https://{host}/v2/", {**ENV, "NO_PROXY": rules}) is None) is direct
