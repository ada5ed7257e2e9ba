"""runtime/seccomp: our profile is never weaker than docker's or podman's; the forms of a profile that a user gives."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from oci_spec import validate
from ocipipe.errors import UsageError
from ocipipe.runtime import seccomp, spec

PODMANS = Path("/usr/share/containers/seccomp.json")
"""Debian's golang-github-containers-common."""
NEWER = {
    "fchmodat2", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "map_shadow_stack", "quotactl_fd",
    "set_mempolicy_home_node",
}  # fmt: skip
"""Younger than podman's list of Debian 12; docker's of 2024 has each under the same condition."""
BY_OTHER_MEANS = {"CAP_BPF": {"bpf"}, "CAP_PERFMON": {"perf_event_open"}}
"""What docker allows with capabilities that Linux 5.8 split off CAP_SYS_ADMIN, and podman of Debian 12 not yet."""
NEVER = """
add_key bpf delete_module finit_module init_module io_uring_enter io_uring_register io_uring_setup kexec_file_load
kexec_load keyctl mount move_pages migrate_pages nfsservctl open_by_handle_at perf_event_open pivot_root quotactl reboot
request_key setns settimeofday swapoff swapon sysfs _sysctl syslog umount umount2 unshare uselib userfaultfd ustat vm86
vm86old clock_settime create_module get_kernel_syms query_module iopl ioperm acct get_mempolicy mbind set_mempolicy kcmp
""".split()
"""What docker's documentation names as blocked, but for what Linux 4.8 made safe (ptrace)."""
MACHINES = ("x86_64", "aarch64", "armv7l", "ppc64le", "riscv64", "s390x", "i686", "loongarch64")


def allowed(profile: dict[str, Any], *, always: bool = False) -> set[str]:
    """The calls that are allowed for some arguments; `always`: for any."""
    return {
        name
        for rule in profile["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW" and not (always and rule.get("args"))
        for name in rule["names"]
    }


def ours(capabilities: Collection[str], machine: str = "x86_64") -> dict[str, Any]:
    return seccomp.default(machine, frozenset(capabilities))


@pytest.mark.parametrize(
    "capabilities",
    [(), spec.DEFAULT_CAPABILITIES, spec.ALL_CAPABILITIES, *((one,) for one in spec.ALL_CAPABILITIES)],
    ids=lambda names: names[0] if len(names) == 1 else str(len(names)),
)
def test_podman_denies_nothing_that_we_allow(capabilities: tuple[str, ...]) -> None:
    theirs = seccomp.load(PODMANS.read_bytes(), "theirs", "x86_64", (6, 0), frozenset(capabilities))
    excused = NEWER.union(*(BY_OTHER_MEANS.get(one, set()) for one in capabilities))
    assert allowed(ours(capabilities)) - allowed(theirs) - excused == set()


def test_what_is_dangerous_is_not_allowed() -> None:
    assert set(NEVER) & allowed(ours(spec.DEFAULT_CAPABILITIES)) == set()
    assert {"read", "write", "execve", "futex", "openat", "ptrace", "epoll_wait", "clock_gettime"} <= allowed(ours(()))


@pytest.mark.parametrize(
    ("capability", "calls"),
    [
        ("CAP_SYS_ADMIN", {"mount", "unshare", "setns", "bpf", "syslog"}),
        ("CAP_SYS_CHROOT", {"chroot"}),
        ("CAP_SYS_TIME", {"settimeofday", "clock_settime"}),
        ("CAP_SYS_MODULE", {"init_module", "finit_module", "delete_module"}),
        ("CAP_SYS_NICE", {"get_mempolicy", "mbind", "set_mempolicy"}),
        ("CAP_DAC_READ_SEARCH", {"open_by_handle_at"}),
        ("CAP_SYS_BOOT", {"reboot"}),
        ("CAP_SYSLOG", {"syslog"}),
    ],
)
def test_a_capability_brings_its_calls(capability: str, calls: set[str]) -> None:
    assert calls & allowed(ours(())) == set()
    assert calls <= allowed(ours((capability,)), always=True)


def test_namespaces_need_sys_admin() -> None:
    """clone with a CLONE_NEW* flag is refused; clone3, whose flags a filter cannot see, seems not to be there."""
    rules = ours(spec.DEFAULT_CAPABILITIES)["syscalls"]
    (clone,) = (rule for rule in rules if "clone" in rule["names"])
    flags = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000  # sched.h
    (argument,) = clone["args"]
    assert argument == {"index": 0, "value": flags, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    (clone3,) = (rule for rule in rules if "clone3" in rule["names"])
    assert (clone3["action"], clone3["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)
    (argument,) = next(rule for rule in ours((), "s390x")["syscalls"] if "clone" in rule["names"])["args"]
    assert argument["index"] == 1
    assert {"clone", "clone3"} <= allowed(ours(("CAP_SYS_ADMIN",)), always=True)


def test_arguments_that_count() -> None:
    profile = ours(spec.ALL_CAPABILITIES)
    assert {"socket", "personality"} & allowed(profile, always=True) == set()
    (socket,) = (rule for rule in profile["syscalls"] if "socket" in rule["names"])
    assert socket["args"] == [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]  # AF_VSOCK reaches the hypervisor
    values = {rule["args"][0]["value"] for rule in profile["syscalls"] if "personality" in rule["names"]}
    assert values == {0, 8, 0x20000, 0x20008, 0xFFFFFFFF}  # never ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC


@pytest.mark.parametrize("machine", MACHINES)
def test_it_is_a_runtime_s_profile(machine: str) -> None:
    for capabilities in ((), spec.DEFAULT_CAPABILITIES, spec.ALL_CAPABILITIES):
        profile = ours(capabilities, machine)
        validate.check("runtime-config", {"ociVersion": "1.0.2", "linux": {"seccomp": profile}}, "ours")
        assert (profile["defaultAction"], profile["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
        plain = [name for rule in profile["syscalls"] if not rule.get("args") for name in rule["names"]]
        assert len(plain) == len(set(plain)), "one call, one rule"


def test_a_64_bit_machine_also_runs_its_32_bit_programs() -> None:
    assert ours(())["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    with_x32 = seccomp.default("x86_64", frozenset(), x32=True)
    assert with_x32["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    assert ours((), "aarch64")["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]


# --- a profile of the user's


def load(document: object, *, caps: Collection[str] = ()) -> Any:
    """As on a 64-bit PC with Linux 6.1."""
    return seccomp.load(json.dumps(document).encode(), "mine.json", "x86_64", (6, 1), caps)


def rule(name: str, **fields: object) -> dict[str, object]:
    return {"names": [name], "action": "SCMP_ACT_ALLOW", **fields}


def docker(*rules: object) -> dict[str, object]:
    arch = {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}
    return {"defaultAction": "SCMP_ACT_ERRNO", "archMap": [arch], "syscalls": list(rules)}


def test_a_plain_profile_is_taken_as_it_is() -> None:
    profile = {"defaultAction": "SCMP_ACT_LOG", "flags": ["SECCOMP_FILTER_FLAG_LOG"], "syscalls": [rule("read")]}
    assert load(profile) == profile


@pytest.mark.parametrize(
    ("fields", "stands"),
    [
        ({}, True),
        ({"includes": {"caps": ["CAP_SYS_TIME"]}}, False),
        ({"includes": {"caps": ["CAP_CHOWN"]}}, True),
        ({"includes": {"caps": ["CAP_CHOWN", "CAP_SYS_TIME"]}}, False),
        ({"excludes": {"caps": ["CAP_CHOWN"]}}, False),
        ({"excludes": {"caps": ["CAP_SYS_TIME"]}}, True),
        ({"includes": {"arches": ["amd64", "x32"]}}, True),
        ({"includes": {"arches": ["arm64"]}}, False),
        ({"excludes": {"arches": ["amd64"]}}, False),
        ({"includes": {"minKernel": "4.8"}}, True),
        ({"includes": {"minKernel": "6.1"}}, True),
        ({"includes": {"minKernel": "6.2"}}, False),
        ({"includes": {"minKernel": "10.0"}}, False),
        ({"includes": {"caps": ["CAP_CHOWN"]}, "excludes": {"arches": ["amd64"]}}, False),
    ],
)
def test_conditions_of_dockers_form(fields: dict[str, object], stands: bool) -> None:
    found = load(docker(rule("read"), rule("mkdir", **fields)), caps=("CAP_CHOWN",))
    assert allowed(found) == ({"read", "mkdir"} if stands else {"read"})
    assert not {"includes", "excludes", "comment"} & {key for one in found["syscalls"] for key in one}


def test_dockers_architectures_and_old_rules() -> None:
    found = load(docker({"name": "read", "action": "SCMP_ACT_ALLOW", "args": []}))
    assert found["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert found["syscalls"] == [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": []}]


@pytest.mark.parametrize(
    "document",
    [
        [], 1, {}, {"defaultAction": "ALLOW"}, {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}},
        {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [1]}, docker({"names": "read", "action": "SCMP_ACT_ALLOW"}),
        docker(rule("read", action="NO")), docker(rule("read", args=[{"index": "x"}])),
        {**docker(), "archMap": 5}, {**docker(), "archMap": [1]}, {**docker(), "syscalls": {}}, docker(1),
        {**docker(), "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": 5}]},
        *(docker(rule("read", **{part: value})) for part in ("includes", "excludes") for value in (
            5, [1], {"caps": 5}, {"caps": [5]}, {"caps": "CAP_KILL"}, {"arches": 5}, {"minKernel": 5},
            {"minKernel": "new"},
        )),
    ],
)  # fmt: skip
def test_what_is_no_profile(document: object) -> None:
    with pytest.raises(UsageError, match=r"^mine\.json: "):
        load(document)
