"""runtime/policy: restarts, health checks, logs and times as the record has them, and what is refused."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from oci_spec.image_config import ImageConfig
from ocipipe.cli.container_options import ATTACHED, CONTAINER
from ocipipe.cli.declare import Command
from ocipipe.cli.parse import parse
from ocipipe.errors import UsageError
from ocipipe.runtime import policy

SECOND = 10**9
TEST = {"test": ["CMD", "probe"]}
DEFAULT_TIMES = {"interval": 30, "timeout": 30, "startPeriod": 0, "startInterval": 5, "retries": 3}


def args(*argv: str) -> Any:
    """As ctr-run would have them."""
    return SimpleNamespace(**parse(Command("ctr-x", "", options=(*ATTACHED, *CONTAINER)), argv))


def image(healthcheck: object = None) -> ImageConfig:
    config = {} if healthcheck is None else {"Healthcheck": healthcheck}
    document = {"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": []}}
    return ImageConfig.parse(json.dumps(document).encode())


def test_the_defaults() -> None:
    assert policy.record(args(), image()) == {
        "restartPolicy": {"name": "no", "maximum": 0},
        "health": None,
        "logDriver": "json",
        "logOptions": {},
        "stopTimeout": 10,
        "timeout": None,
    }


def test_everything_at_once() -> None:
    given = "--restart on-failure:3 --health-cmd true --log-driver journald --log-opt tag=web --stop-timeout -1"
    assert policy.record(args(*given.split(), "--timeout", "60"), image()) == {
        "restartPolicy": {"name": "on-failure", "maximum": 3},
        "health": {"test": ["CMD-SHELL", "true"], **DEFAULT_TIMES},
        "logDriver": "journald",
        "logOptions": {"tag": "web"},
        "stopTimeout": -1,
        "timeout": 60,
    }


@pytest.mark.parametrize(
    ("text", "name", "maximum"),
    [
        ("no", "no", 0), ("always", "always", 0), ("unless-stopped", "unless-stopped", 0),
        ("on-failure", "on-failure", 0), ("on-failure:0", "on-failure", 0), ("on-failure:12", "on-failure", 12),
    ],
)  # fmt: skip
def test_restart(text: str, name: str, maximum: int) -> None:
    assert policy.restart(text) == {"name": name, "maximum": maximum}


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ("--restart on-failure:2", {"name": "on-failure", "maximum": 2, "delay": 5, "window": 9}),
        ("--restart-delay 1500ms", {"name": "always", "maximum": 0, "delay": 1.5, "window": 9}),
        ("--restart-delay 0 --restart-window 1m", {"name": "always", "maximum": 0, "window": 60}),
        ("--restart no", {"name": "no", "maximum": 0, "delay": 5, "window": 9}),
        ("", {"name": "always", "maximum": 0, "delay": 5, "window": 9}),
    ],
)
def test_what_changes_of_a_policy(argv: str, expected: object) -> None:
    before = {"name": "always", "maximum": 0, "delay": 5, "window": 9}
    assert policy.restarts(args(*argv.split()), before, removed_at_end=False) == expected


@pytest.mark.parametrize(
    ("healthcheck", "argv", "expected"),
    [
        ({"Test": ["CMD", "probe"]}, "", {**TEST, **DEFAULT_TIMES}),
        (
            {"Test": ["CMD", "probe"], "Interval": SECOND, "Timeout": SECOND // 2, "StartPeriod": 60 * SECOND,
             "StartInterval": 2 * SECOND, "Retries": 7},
            "",
            {**TEST, "interval": 1, "timeout": 0.5, "startPeriod": 60, "startInterval": 2, "retries": 7},
        ),
        (
            {"Test": ["CMD", "probe"], "Interval": SECOND, "Retries": 7},
            "--health-interval 1m30s --health-timeout 500ms --health-start-period 1h --health-start-interval 100ms "
            "--health-retries 2",
            {**TEST, "interval": 90, "timeout": 0.5, "startPeriod": 3600, "startInterval": 0.1, "retries": 2},
        ),
        (
            {"Test": ["CMD", "probe"], "Interval": SECOND, "Retries": 7}, "--health-interval 0 --health-retries 0",
            {**TEST, **DEFAULT_TIMES, "interval": 1, "retries": 7},
        ),
        (
            {"Test": ["CMD", "probe"], "Interval": 0, "Timeout": -5, "Retries": None}, "--health-cmd other",
            {"test": ["CMD-SHELL", "other"], **DEFAULT_TIMES},
        ),
        ({"Test": ["CMD", "probe"]}, "--no-healthcheck", None),
        ({"Test": ["CMD", "probe"]}, "--health-cmd none", None),
        ({"Test": ["NONE"]}, "", None),
        ({"Test": []}, "", None),
        ({"Interval": SECOND}, "", None),
        ({"Test": ["odd", "probe"]}, "", None),
        (None, "--no-healthcheck", None),
    ],
)  # fmt: skip
def test_health(healthcheck: object, argv: str, expected: dict[str, object] | None) -> None:
    assert policy.health(args(*argv.split()), image(healthcheck)) == expected


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("curl -f x || exit 1", ["CMD-SHELL", "curl -f x || exit 1"]),
        ("[ -e /ready ]", ["CMD-SHELL", "[ -e /ready ]"]),
        ('["a", "b c"]', ["CMD", "a", "b c"]),
        ('["CMD", "a"]', ["CMD", "a"]),
        ('["CMD-SHELL", "a b"]', ["CMD-SHELL", "a b"]),
        ("[1]", ["CMD-SHELL", "[1]"]),
    ],
)
def test_health_command(text: str, test: list[str]) -> None:
    assert policy.health(args("--health-cmd", text), image()) == {"test": test, **DEFAULT_TIMES}


@pytest.mark.parametrize(
    ("driver", "texts", "expected"),
    [
        ("json", ["max-size=10m", "max-file=3", "path=/log"], {"max-size": 10 << 20, "max-file": 3, "path": "/log"}),
        ("json", ["max-size=-1"], {"max-size": -1}),
        ("json", ["max-file=2", "max-file=4"], {"max-file": 4}),
        ("journald", ["tag=a=b"], {"tag": "a=b"}),
        ("none", [], {}),
    ],
)
def test_log_options(driver: str, texts: list[str], expected: dict[str, object]) -> None:
    assert policy.log_options(texts, driver) == expected


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (None, b"\x10\x11"), ("ctrl-p,ctrl-q", b"\x10\x11"), ("ctrl-A,d", b"\x01d"), ("ctrl-@,ctrl-_", b"\0\x1f"),
        ("", b""), ("ctrl-[", b"\x1b"), ("ctrl-\\", b"\x1c"), ("x", b"x"),
    ],
)  # fmt: skip
def test_detach_keys(text: str | None, keys: bytes) -> None:
    assert policy.detach_keys(text) == keys


def test_an_attachment() -> None:
    assert policy.attachment(args()) == (b"\x10\x11", True)
    assert policy.attachment(args("--detach-keys", "ctrl-x", "--sig-proxy=false")) == (b"\x18", False)


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        ("--restart", "--restart "), ("--restart sometimes", "--restart sometimes"), ("--restart always:3", "always:3"),
        ("--restart on-failure:", "on-failure:"), ("--restart on-failure:-1", "on-failure:-1"),
        ("--restart on-failure:²", "on-failure:²"), ("--restart always --rm", "--restart always"),
        ("--restart-delay 3s", "--restart-delay: nothing starts"),
        ("--restart no --restart-window 3s", "--restart-window: nothing starts"),
        ("--restart always --restart-delay soon", "--restart-delay: 'soon' is no duration"),
        ("--restart always --restart-window 1us", "--restart-window: 1us is under a millisecond"),
        ("--health-interval 3s", "--health-interval: the image has no"),
        ("--health-retries 3", "--health-retries: the image has no"),
        ("--health-cmd none --health-timeout 3s", "--health-timeout: the image has no"),
        ("--no-healthcheck --health-cmd x", "--health-cmd: does not go with --no-healthcheck"),
        ("--no-healthcheck --health-retries 1", "--health-retries: does not go with --no-healthcheck"),
        ("--health-cmd x --health-interval fast", "--health-interval: 'fast' is no duration"),
        ("--health-cmd x --health-interval -1s", "--health-interval: '-1s' is no duration"),
        ("--health-cmd x --health-interval 10us", "--health-interval: 10us is under a millisecond"),
        ("--health-cmd x --health-retries -1", "--health-retries: -1"), ("--health-cmd", "--health-cmd: is empty"),
        ("--log-opt max-size", "--log-opt max-size: is not"), ("--log-opt max-size=", "--log-opt max-size="),
        ("--log-opt max-size=big", "big is no size"), ("--log-opt max-size=0", "0 is no size"),
        ("--log-opt max-file=0", "0 is no number"), ("--log-opt max-file=x", "x is no number"),
        ("--log-opt path=rel", "is no absolute path"), ("--log-opt path=/dir/", "is no absolute path"),
        ("--log-opt tag=x", "json has no option tag"), ("--log-opt colour=red", "json has no option colour"),
        ("--log-driver none --log-opt max-size=1m", "none has no option max-size"),
        ("--log-driver journald --log-opt path=/x", "journald has no option path"),
        ("--stop-timeout -2", "--stop-timeout: -2"), ("--timeout -1", "--timeout: -1"),
    ],
)  # fmt: skip
def test_refused(argv: str, named: str) -> None:
    words = argv.split()
    with pytest.raises(UsageError) as caught:
        policy.record(args(*(words if len(words) > 1 else [*words, ""])), image())
    assert named in str(caught.value)


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-ab", "ab", "ctrl-p,", ",", "ctrl-1", "ä", "ctrl-ä"])
def test_refused_keys(text: str) -> None:
    with pytest.raises(UsageError, match="is no key"):
        policy.detach_keys(text)
