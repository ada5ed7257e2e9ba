"""runtime/confinement: what --security-opt means, what is hidden, and the labels of AppArmor and SELinux hosts."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from ocipipe.errors import OcipipeError, Unavailable, Unsupported, UsageError
from ocipipe.host import security
from ocipipe.runtime import apparmor, confinement, inputs, spec
from ocipipe.runtime.users import User

ID = "0123456789abcdef" * 4


def host(**changes: Any) -> inputs.Host:
    facts: dict[str, Any] = {
        "machine": "x86_64", "kernel": (6, 1), "cgroup_version": 2, "limits_swap": True, "systemd": False,
        "controllers": frozenset(), "bounding": frozenset(spec.ALL_CAPABILITIES), "apparmor": True, "selinux": True,
    }  # fmt: skip
    return inputs.Host(**{**facts, **changes})


PLAIN = host(apparmor=False, selinux=False)


def asked(*texts: str, on: inputs.Host | None = None, **fields: Any) -> inputs.Options:
    options = inputs.Options()
    for name, value in fields.items():
        assert hasattr(options, name)
        setattr(options, name, value)
    confinement.take(options, list(texts), on or host(), frozenset(), lambda _: b'{"defaultAction": "SCMP_ACT_ALLOW"}')
    return options


def made(options: inputs.Options, on: inputs.Host | None = None, id: str = ID) -> Any:
    return spec.runtime_config(id, ["true"], [], "/", User(0, 0, [], "/"), options, on or host(), "/files")


# --- hidden paths


@pytest.mark.parametrize(
    ("texts", "shown", "hidden"),
    [
        ([], [], ["/proc/kcore", "/proc/keys", "/proc/sys"]),
        (["systempaths=unconfined"], ["/proc/kcore", "/proc/keys", "/proc/sys"], []),
        (["unmask=ALL"], ["/proc/kcore", "/proc/keys", "/proc/sys"], []),
        (["unmask=/proc/keys:/proc/sys"], ["/proc/keys", "/proc/sys"], ["/proc/kcore", "/proc/bus"]),
        (["unmask=/proc/k*"], ["/proc/keys", "/proc/kcore"], ["/proc/sys"]),
        (["mask=/etc/x:/y"], [], ["/etc/x", "/y", "/proc/keys"]),
        (["mask=/etc/x", "unmask=ALL"], ["/proc/keys"], ["/etc/x"]),
    ],
)
def test_hidden_paths(texts: list[str], shown: list[str], hidden: list[str]) -> None:
    linux = made(asked(*texts))["linux"]
    found = {*linux.get("maskedPaths", []), *linux.get("readonlyPaths", [])}
    assert found >= set(hidden)
    assert not found & set(shown)


def test_what_a_privileged_one_hides_it_was_asked_to() -> None:
    linux = made(asked("mask=/y", privileged=True))["linux"]
    assert linux["maskedPaths"] == ["/y"]
    assert "readonlyPaths" not in linux


# --- AppArmor


@pytest.mark.parametrize(
    ("texts", "fields", "profile"),
    [
        ([], {}, "ocipipe-default"), (["apparmor=mine"], {}, "mine"), (["apparmor:mine"], {}, "mine"),
        (["apparmor=unconfined"], {}, "unconfined"), ([], {"privileged": True}, "unconfined"),
        (["apparmor=mine"], {"privileged": True}, "mine"),
    ],
)  # fmt: skip
def test_apparmor(texts: list[str], fields: dict[str, Any], profile: str) -> None:
    assert made(asked(*texts, **fields))["process"]["apparmorProfile"] == profile


def test_no_apparmor_here() -> None:
    assert "apparmorProfile" not in made(asked("apparmor=unconfined", on=PLAIN), PLAIN)["process"]
    with pytest.raises(Unsupported, match="AppArmor is not on here"):
        asked("apparmor=mine", on=PLAIN)


def test_the_parser_takes_our_profile() -> None:
    parser = shutil.which("apparmor_parser", path="/usr/sbin:/sbin")
    if parser is None:
        pytest.skip("this host has no apparmor_parser")
    done = subprocess.run(
        [parser, "--skip-kernel-load", "--skip-cache", "--stdout"], input=apparmor.PROFILE.encode(),
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert apparmor.DEFAULT.encode() in done.stdout


def test_our_profile_gets_into_the_kernel_or_it_is_said_why_not() -> None:
    if security.has_apparmor():
        apparmor.load({"PATH": "/usr/bin"})
        assert security.has_profile(apparmor.DEFAULT)
    else:
        assert not apparmor.usable()
        with pytest.raises(Unavailable, match=apparmor.DEFAULT):
            apparmor.load({"PATH": "/usr/bin"})


# --- SELinux


def test_labels() -> None:
    level = confinement.level(ID)
    config = made(asked())
    assert config["process"]["selinuxLabel"] == f"system_u:system_r:container_t:{level}"
    assert config["linux"]["mountLabel"] == f"system_u:object_r:container_file_t:{level}"


def test_labels_asked_for() -> None:
    texts = ("label=type:web_t", "label:level:s0:c5,c9", "label=user:u", "label=role:r", "label=filetype:web_file_t")
    config = made(asked(*texts))
    assert config["process"]["selinuxLabel"] == "u:r:web_t:s0:c5,c9"
    assert config["linux"]["mountLabel"] == "u:object_r:web_file_t:s0:c5,c9"


@pytest.mark.parametrize(
    ("texts", "fields"),
    [(["label=disable"], {}), ([], {"privileged": True}), ([], {"hosts": {"pid"}}), ([], {"hosts": {"ipc"}})],
)
def test_no_labels(texts: list[str], fields: dict[str, Any]) -> None:
    config = made(asked(*texts, **fields))
    assert "selinuxLabel" not in config["process"]
    assert "mountLabel" not in config["linux"]


def test_a_label_for_every_container() -> None:
    assert confinement.shared("u:object_r:t:s0:c1,c2") == "u:object_r:t:s0"


def test_no_selinux_here() -> None:
    config = made(asked("label=disable", on=PLAIN), PLAIN)
    assert "selinuxLabel" not in config["process"]
    with pytest.raises(Unsupported, match="SELinux is not on here"):
        asked("label=type:x_t", on=PLAIN)


@pytest.mark.parametrize("id", [f"{number:08x}{'0' * 56}" for number in (0, 1, 1022, 1023, 1024, 0xFFFFFFFF)])
def test_levels_are_two_of_1024_categories(id: str) -> None:
    low, high = (int(word.removeprefix("c")) for word in confinement.level(id).removeprefix("s0:").split(","))
    assert 0 <= low < high < 1024


# --- what is refused


@pytest.mark.parametrize(
    "text",
    [
        "", "bogus", "bogus=1", "no-new-privileges=maybe", "seccomp", "seccomp=", "apparmor", "apparmor=", "label",
        "label=", "label=nested", "label=type:", "label=colour:red", "label=type:a b", "systempaths",
        "systempaths=confined", "mask", "mask=", "mask=rel", "mask=/a:", "mask=ALL", "unmask=rel", "unmask=ALL:rel",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(OcipipeError) as caught:
        asked(text)
    assert isinstance(caught.value, UsageError)
    assert str(caught.value).startswith(f"--security-opt {text}: ")
