"""From image config and options to config.json: pure, so every host can be played."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oci_spec import runtime_config
from oci_spec.image_config import ImageConfig
from ocipipe.errors import Unsupported, UsageError
from ocipipe.runtime import inputs, placement, spec
from ocipipe.runtime import options as values
from ocipipe.runtime.users import User

ROOT = User(0, 0, [], "/root")
APP = User(1000, 1001, [10], "/home/app")
DOCKERS = (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID "
    "SYS_CHROOT"
)


def host(**changes: Any) -> inputs.Host:
    facts: dict[str, Any] = {
        "machine": "x86_64", "kernel": (6, 1), "cgroup_version": 2, "limits_swap": True, "systemd": False,
        "controllers": frozenset({"cpu", "cpuset", "memory", "pids"}), "bounding": frozenset(spec.ALL_CAPABILITIES),
    }  # fmt: skip
    return inputs.Host(**{**facts, **changes})


def image(**config: object) -> ImageConfig:
    document = {"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": []}}
    return ImageConfig.parse(json.dumps(document).encode())


def asked(**changes: Any) -> inputs.Options:
    found = inputs.Options()
    for name, value in changes.items():
        assert hasattr(found, name)
        setattr(found, name, value)
    return found


def made(
    options: inputs.Options | None = None, *, on: inputs.Host | None = None, user: User = ROOT, id: str = "i"
) -> Any:
    found = spec.runtime_config(id, ["true"], ["A=b"], "/", user, options or asked(), on or host(), "/files")
    runtime_config.Config.of(found)  # what is made is always valid
    return found


@pytest.mark.parametrize(
    ("config", "options", "args"),
    [
        ({"Cmd": ["c"]}, {}, ["c"]),
        ({"Entrypoint": ["e"], "Cmd": ["c"]}, {}, ["e", "c"]),
        ({"Entrypoint": ["e"], "Cmd": ["c"]}, {"command": ["x", "y"]}, ["e", "x", "y"]),
        ({"Entrypoint": ["e"], "Cmd": ["c"]}, {"entrypoint": "n"}, ["n"]),
        ({"Entrypoint": ["e"], "Cmd": ["c"]}, {"entrypoint": "n", "command": ["x"]}, ["n", "x"]),
        ({"Entrypoint": ["e"], "Cmd": ["c"]}, {"entrypoint": "", "command": ["x"]}, ["x"]),
        ({"Entrypoint": None, "Cmd": None}, {"command": ["x"]}, ["x"]),
    ],
)
def test_process_args(config: dict[str, object], options: dict[str, Any], args: list[str]) -> None:
    assert spec.process_args(image(**config), asked(**options)) == args


@pytest.mark.parametrize(("config", "options"), [({}, {}), ({"Entrypoint": ["e"]}, {"entrypoint": ""})])
def test_no_process(config: dict[str, object], options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="names one"):
        spec.process_args(image(**config), asked(**options))


def test_environment() -> None:
    found = spec.environment(["A=b"], APP, asked(hostname="h", terminal=True))
    assert found == [spec.DEFAULT_PATH, "HOME=/home/app", "HOSTNAME=h", "TERM=xterm", "A=b"]
    given = ["PATH=/x", "HOME=/y", "HOSTNAME=z", "TERM=vt100"]
    assert spec.environment(given, APP, asked(hostname="h", terminal=True)) == given
    assert not [one for one in spec.environment([], ROOT, asked()) if one.startswith(("TERM", "HOSTNAME"))]


def test_docker_s_capabilities() -> None:
    assert {f"CAP_{name}" for name in DOCKERS.split()} == set(spec.capabilities(asked(), host().bounding))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"cap_drop": ["ALL"]}, []),
        ({"cap_drop": ["all"], "cap_add": ["cap_kill"]}, ["CAP_KILL"]),
        ({"cap_add": ["ALL"], "cap_drop": ["ALL"]}, list(spec.ALL_CAPABILITIES)),
        ({"privileged": True}, list(spec.ALL_CAPABILITIES)),
        ({"privileged": True, "cap_drop": ["CHOWN"]}, list(spec.ALL_CAPABILITIES[1:])),
    ],
)
def test_capabilities(options: dict[str, Any], expected: list[str]) -> None:
    assert spec.capabilities(asked(**options), host().bounding) == expected


def test_capabilities_that_we_lack() -> None:
    few = frozenset({"CAP_CHOWN", "CAP_SYS_ADMIN"})
    assert spec.capabilities(asked(), few) == ["CAP_CHOWN"]
    assert spec.capabilities(asked(privileged=True), few) == ["CAP_CHOWN", "CAP_SYS_ADMIN"]
    with pytest.raises(Unsupported, match="--cap-add CAP_NET_ADMIN"):
        spec.capabilities(asked(cap_add=["NET_ADMIN"]), few)


def test_users_and_their_capabilities() -> None:
    process = made(user=APP)["process"]
    assert process["user"] == {"uid": 1000, "gid": 1001, "additionalGids": [1001, 10]}
    assert process["capabilities"]["effective"] == process["capabilities"]["permitted"] == []
    assert len(process["capabilities"]["bounding"]) == 14
    assert not process["capabilities"].keys() & {"inheritable", "ambient"}
    assert len(made()["process"]["capabilities"]["effective"]) == 14


def test_defaults_are_closed() -> None:
    linux = made()["linux"]
    assert {entry["type"] for entry in linux["namespaces"]} == {"pid", "ipc", "uts", "mount", "network", "cgroup"}
    assert linux["resources"] == {"devices": [{"allow": False, "access": "rwm"}]}
    assert {"/proc/kcore", "/proc/keys", "/sys/firmware", "/proc/timer_list"} <= set(linux["maskedPaths"])
    assert {"/proc/sys", "/proc/sysrq-trigger", "/proc/bus", "/proc/irq", "/proc/fs"} <= set(linux["readonlyPaths"])
    assert linux["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO"
    assert "devices" not in linux


def test_privileged_opens_them() -> None:
    config = made(asked(privileged=True))
    assert not config["linux"].keys() & {"maskedPaths", "readonlyPaths", "seccomp"}
    assert config["linux"]["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    assert all("ro" not in mount["options"] for mount in config["mounts"])


def test_a_profile_of_the_user_s_counts_also_when_privileged() -> None:
    profile = {"defaultAction": "SCMP_ACT_ALLOW"}
    assert made(asked(privileged=True, seccomp=profile))["linux"]["seccomp"] == profile
    assert "seccomp" not in made(asked(seccomp_unconfined=True))["linux"]


@pytest.mark.parametrize(
    ("facts", "path", "has_namespace", "is_mounted"),
    [
        ({"cgroup_version": 2, "systemd": True}, "system.slice:ocipipe:abc", True, True),
        ({"cgroup_version": 2}, "/ocipipe/abc", True, True),
        ({"cgroup_version": 1}, "/ocipipe/abc", False, True),
        ({"cgroup_version": 0, "controllers": frozenset()}, None, False, False),
    ],
)
def test_cgroups_of_every_host(facts: dict[str, Any], path: str | None, has_namespace: bool, is_mounted: bool) -> None:
    config = made(on=host(**facts), id="abc")
    assert config["linux"].get("cgroupsPath") == path
    assert ({"type": "cgroup"} in config["linux"]["namespaces"]) == has_namespace
    assert any(mount["type"] == "cgroup" for mount in config["mounts"]) == is_mounted


def test_a_bundle_has_no_cgroup_and_no_host_name() -> None:
    config = spec.runtime_config("", ["true"], [], "/", ROOT, asked(), host(), "")
    assert "cgroupsPath" not in config["linux"]  # type: ignore[operator]
    assert "hostname" not in config
    assert not [mount for mount in config["mounts"] if mount["type"] == "bind"]  # type: ignore[index, attr-defined]


def test_limits() -> None:
    options = asked(memory=64 << 20, cpus=1.5, cpu_shares=512, cpuset_cpus="0-1", pids_limit=7)
    resources = made(options)["linux"]["resources"]
    assert resources["memory"] == {"limit": 64 << 20, "swap": 128 << 20}
    assert resources["cpu"] == {"period": 100000, "quota": 150000, "shares": 512, "cpus": "0-1"}
    assert resources["pids"] == {"limit": 7}
    assert made(asked(pids_limit=0))["linux"]["resources"]["pids"] == {"limit": -1}
    assert made(asked(memory=64 << 20, memory_swap=-1))["linux"]["resources"]["memory"]["swap"] == -1
    assert made(asked(memory=64 << 20), on=host(limits_swap=False))["linux"]["resources"]["memory"] == {
        "limit": 64 << 20
    }


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"memory": 64 << 20}, "--memory"), ({"cpus": 1.0}, "--cpus"), ({"cpu_shares": 2}, "--cpu-shares"),
        ({"cpuset_cpus": "0"}, "--cpuset-cpus"), ({"pids_limit": 5}, "--pids-limit"),
    ],
)  # fmt: skip
def test_a_limit_that_nothing_enforces_is_refused(options: dict[str, Any], named: str) -> None:
    """Pitfall 43: an error when it was asked for and nothing when it was not."""
    bare = host(cgroup_version=0, controllers=frozenset())
    made(on=bare)
    with pytest.raises(Unsupported, match=f"^{named}: this host has no"):
        made(asked(**options), on=bare)


def test_swap_that_is_not_limited_is_refused() -> None:
    with pytest.raises(Unsupported, match="--memory-swap"):
        made(asked(memory=64 << 20, memory_swap=128 << 20), on=host(limits_swap=False))


def test_open_files_are_the_caller_s() -> None:
    own = {"type": "RLIMIT_NOFILE", "soft": 5, "hard": 6}
    assert made(on=host(open_files=own))["process"]["rlimits"] == [own]
    mine = values.ulimit("nofile=1:2")
    assert made(asked(ulimits=[mine, values.ulimit("core=0")]), on=host(open_files=own))["process"]["rlimits"] == [
        mine, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
    ]  # fmt: skip
    assert "rlimits" not in made()["process"]


@pytest.mark.parametrize("network", ["none", "host"])
def test_networks(network: str) -> None:
    config = made(asked(network=network))
    assert ({"type": "network"} in config["linux"]["namespaces"]) == (network == "none")
    (sys,) = [mount for mount in config["mounts"] if mount["destination"] == "/sys"]
    assert (sys["type"], "ro" in sys["options"]) == ("sysfs", True)


@pytest.mark.parametrize("name", ["kernel.panic", "vm.swappiness", "fs.file-max", "network.x", "net"])
def test_a_sysctl_of_the_host_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="would change the host"):
        made(asked(sysctls={name: "1"}))


def test_sysctls() -> None:
    wanted = {"net.core.somaxconn": "5", "kernel.shmmax": "1", "fs.mqueue.msg_max": "2", "kernel.sem": "1 2 3 4"}
    found = made(asked(sysctls=wanted))["linux"]["sysctl"]
    assert {name: found[name] for name in wanted} == wanted
    assert found.keys() - wanted == {"net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range"}
    own = {"net.ipv4.ip_unprivileged_port_start": "1024"}
    assert made(asked(sysctls=own))["linux"]["sysctl"].items() >= own.items()
    assert "sysctl" not in made(asked(network="host"))["linux"]
    with pytest.raises(UsageError, match="host's network"):
        made(asked(sysctls={"net.core.somaxconn": "5"}, network="host"))


def test_mounts_in_order_and_over_ours() -> None:
    mounts = [values.volume("/s:/a/b/c"), values.tmpfs("/a"), values.volume("/h:/etc/hosts/"), values.tmpfs("/dev/shm")]
    found = [mount["destination"] for mount in made(asked(mounts=mounts, init="/sbin/init"))["mounts"]]
    assert found.index("/a") < found.index("/a/b/c")
    assert found.count("/dev/shm") == 1
    assert "/etc/hosts" not in found
    assert found[-1] == placement.INIT


@pytest.mark.parametrize(("word", "propagation"), [("rshared", "shared"), ("slave", "slave"), ("private", None)])
def test_propagation(word: str, propagation: str | None) -> None:
    config = made(asked(mounts=[values.volume(f"/s:/d:{word}")]))
    assert config["linux"].get("rootfsPropagation") == propagation


def test_a_cgroup_elsewhere() -> None:
    assert made(asked(cgroup_parent="/builds"), id="abc")["linux"]["cgroupsPath"] == "/builds/abc"
    inside = made(asked(cgroup_parent="my.slice"), on=host(systemd=True), id="abc")
    assert inside["linux"]["cgroupsPath"] == "my.slice:ocipipe:abc"


def test_whom_the_kernel_kills_first() -> None:
    assert made(asked(oom_score_adj=-5))["process"]["oomScoreAdj"] == -5
    assert made(asked(oom_score_adj=0))["process"]["oomScoreAdj"] == 0
    assert "oomScoreAdj" not in made()["process"]


def test_images_are_mounted_by_number() -> None:
    """In the order they were asked for; outer ones first in the config."""
    texts = ("type=image,src=a,dst=/x/y", "type=tmpfs,dst=/t", "type=image,src=b,dst=/x")
    mounts = made(asked(mounts=[values.mount(one) for one in texts]))["mounts"]
    assert [(mount["destination"], mount["source"]) for mount in mounts if "/images/" in mount["source"]] == [
        ("/x", "/files/images/1"), ("/x/y", "/files/images/0"),
    ]  # fmt: skip
