"""The whole of a config.json as a golden file: every change of what we write by default is seen here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oci_spec import validate
from ocipipe.runtime import inputs, placement, spec
from ocipipe.runtime.users import User

GOLDEN = Path(__file__).with_name("config.golden.json")
HOST = inputs.Host(
    machine="x86_64", kernel=(6, 1), cgroup_version=1, limits_swap=True, systemd=False,
    controllers=frozenset(("cpu", "cpuset", "memory", "pids")), bounding=frozenset(spec.ALL_CAPABILITIES),
)  # fmt: skip


def config(**fields: Any) -> Any:
    """Of a user's process with these options; a runtime takes it."""
    options = inputs.Options()
    for name, value in fields.items():
        assert hasattr(options, name)
        setattr(options, name, value)
    user = User(1000, 1000, [2000], "/home/app")
    made = spec.runtime_config("ab" * 32, ["true"], ["PATH=/bin"], "/", user, options, HOST, "/files")
    assert validate.violations("runtime-config", made) == []
    return made


def test_the_defaults() -> None:
    """seccomp has a test of its own."""
    made = config(hostname="box", annotations={"org.ocipipe.name": "box"})
    assert made["linux"].pop("seccomp")["defaultAction"] == "SCMP_ACT_ERRNO"
    assert made == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("network", ["none", "host"])
@pytest.mark.parametrize("privileged", [False, True])
def test_the_host_s_sys_is_never_bind_mounted(network: str, privileged: bool) -> None:
    (mount,) = (one for one in config(network=network, privileged=privileged)["mounts"] if one["destination"] == "/sys")
    assert (mount["type"], mount["source"], "ro" in mount["options"]) == ("sysfs", "sysfs", not privileged)


def test_init_is_read_only_and_there_when_asked_for() -> None:
    (mount,) = (one for one in config(init="/host/tini")["mounts"] if one["destination"] == placement.INIT)
    assert (mount["source"], {"ro", "nosuid", "bind"} - set(mount["options"])) == ("/host/tini", set())
    assert placement.INIT not in [one["destination"] for one in config()["mounts"]]
