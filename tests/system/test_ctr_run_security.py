"""What a process may do by default, and what the options change: asked of the kernel from inside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image

from ocipipe.host import capabilities, security
from ocipipe.runtime import apparmor, spec

OURS = capabilities.bounding(spec.ALL_CAPABILITIES)
DOCKERS = (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID "
    "SYS_CHROOT"
)


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


def granted(box: Box, *options: str, which: str = "CapEff") -> set[str]:
    """The process's capabilities, by the kernel's own bits."""
    bits = int(box.text(*options, "--", "grep", f"{which}:", "/proc/self/status").split()[1], 16)
    return {name.removeprefix("CAP_") for n, name in enumerate(spec.ALL_CAPABILITIES) if bits >> n & 1}


def test_capabilities(box: Box) -> None:
    defaults = set(DOCKERS.split())
    assert granted(box) == defaults
    assert granted(box, which="CapBnd") == defaults
    assert granted(box, which="CapInh") == granted(box, which="CapAmb") == set()
    assert granted(box, "--user", "app") == set()
    assert granted(box, "--user", "app", which="CapBnd") == defaults
    assert granted(box, "--cap-drop", "ALL") == set()
    assert granted(box, "--cap-drop", "all", "--cap-add", "chown") == {"CHOWN"}
    assert granted(box, "--cap-drop", "CAP_CHOWN") == defaults - {"CHOWN"}
    assert granted(box, "--cap-add", "NET_ADMIN") == defaults | {"NET_ADMIN"}
    everything = {name.removeprefix("CAP_") for name in OURS}
    assert granted(box, "--cap-add", "ALL") == everything
    assert granted(box, "--cap-add", "ALL", "--cap-drop", "NET_RAW") == everything - {"NET_RAW"}
    assert granted(box, "--privileged") == everything


def test_capabilities_that_are_none_or_not_ours(box: Box) -> None:
    assert "is no capability" in box.refused("--cap-add", "FLY")
    assert "is no capability" in box.refused("--cap-drop", "CAP_FLY")
    for missing in sorted(set(spec.ALL_CAPABILITIES) - OURS):
        assert "this host cannot give it" in box.refused("--cap-add", missing)


def test_what_is_hidden_and_what_is_read_only(box: Box) -> None:
    script = """
    for path in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do
        [ ! -e $path ] || [ "$(head -c 1 $path | wc -c)" = 0 ] || echo $path shown; done
    for path in /sys/firmware /proc/acpi /proc/scsi; do [ -z "$(ls $path 2>/dev/null)" ] || echo $path shown; done
    for path in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/mm/ksm/run; do
        [ ! -e $path ] || ! (: >>$path) 2>/dev/null || echo $path writable; done
    echo end"""
    assert box.sh(script) == "end\n"
    assert "/proc/sys/kernel/hostname writable" in box.sh(script, "--privileged")


def test_system_calls(box: Box) -> None:
    """The profile is on, and new user namespaces and mounts are refused."""
    assert box.text("--", "grep", "Seccomp:", "/proc/self/status").split()[1] == "2"
    script = "mount -t tmpfs x /tmp 2>/dev/null && echo mounted; unshare -U echo made 2>/dev/null; true"
    assert box.sh(script) == ""
    assert box.sh(script, "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined") == "mounted\nmade\n"
    unconfined = box.text("--security-opt", "seccomp=unconfined", "--", "grep", "Seccomp:", "/proc/self/status")
    assert unconfined.split()[1] == "0"
    assert box.text("--privileged", "--", "grep", "Seccomp:", "/proc/self/status").split()[1] == "0"


@pytest.mark.parametrize("form", ["runtime-spec", "docker"])
def test_a_seccomp_profile(box: Box, form: str, tmp_path: Path) -> None:
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}
    profile: dict[str, object] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}
    if form == "docker":
        arch = {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}
        never = {**rule, "names": ["write"], "includes": {"caps": ["CAP_SYS_TIME"]}}
        profile |= {"archMap": [arch], "syscalls": [{**rule, "comment": "", "includes": {}, "excludes": {}}, never]}
    (tmp_path / "profile.json").write_text(json.dumps(profile))
    out = box.sh("mkdir /x 2>&1; true", "--security-opt", f"seccomp={tmp_path}/profile.json")
    assert out.strip().endswith("No space left on device")


def test_a_seccomp_profile_that_is_none(box: Box, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    for text in ("{", "[]", "{}", '{"defaultAction": "ALLOW"}', '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": 1}'):
        path.write_text(text)
        assert str(path) in box.refused("--security-opt", f"seccomp={path}"), text
    assert "missing" in box.refused("--security-opt", f"seccomp={tmp_path}/missing")
    assert "apparmor=x" in box.refused("--security-opt", "apparmor=x")


def test_no_new_privileges(box: Box) -> None:
    read = ["--", "grep", "NoNewPrivs:", "/proc/self/status"]
    assert box.text(*read).split()[1] == "0"
    assert box.text("--security-opt", "no-new-privileges", *read).split()[1] == "1"
    assert box.text("--security-opt", "no-new-privileges:true", *read).split()[1] == "1"


def test_namespaces(box: Box) -> None:
    own = box.sh("for n in pid ipc uts mnt net; do readlink /proc/self/ns/$n; done").split()
    host = {str(Path(f"/proc/self/ns/{name}").readlink()) for name in ("pid", "ipc", "uts", "mnt", "net")}
    assert not host & set(own)
    assert len(own) == 5


def test_privileged_has_the_devices(box: Box) -> None:
    for name in ("/dev/kmsg", "/dev/fuse", "/dev/net/tun", "/dev/loop-control"):
        shown = box.text("--privileged", "--", "sh", "-c", f"test -c {name} && echo yes || echo no")
        assert shown == ("yes\n" if Path(name).is_char_device() else "no\n")


def test_init(box: Box) -> None:
    """Orphans are reaped, and a signal ends a process that has no handler for it (pitfall 27)."""
    assert shutil.which("tini-static") or shutil.which("catatonit")
    script = "cat /proc/1/comm; echo $$; (sleep 0.1 &); sleep 0.4; cat /proc/[0-9]*/stat | grep -c ' Z '"
    first, own, zombies = box.sh(script, "--init", status=1).split()
    assert first == "ocipipe-init"
    assert own != "1"
    assert zombies == "0"
    assert box("--init", "--", "sh", "-c", "exit 9", status=9).err == b""
    assert box("--init", "--", "no-such-program", status=127).out == b""


def test_hidden_paths_shown_and_others_hidden(box: Box) -> None:
    script = (
        "for path in /proc/timer_list /etc/passwd; do head -c 1 $path | wc -c; done; grep -c ' /proc/sys ' /proc/mounts"
    )
    assert box.sh(script).split() == ["0", "1", "1"]
    assert box.sh(script, "--security-opt", "mask=/etc/passwd").split() == ["0", "0", "1"]
    assert box.sh(script, "--security-opt", "unmask=/proc/timer_list").split() == ["1", "1", "1"]
    assert box.sh(script, "--security-opt", "systempaths=unconfined", status=1).split() == ["1", "1", "0"]


def test_security_modules_that_are_not_on(box: Box, tmp_path: Path) -> None:
    if not security.has_apparmor():
        assert "AppArmor is not on here" in box.refused("--security-opt", "apparmor=some-profile")
    if not security.has_selinux():
        assert "SELinux is not on here" in box.refused("--security-opt", "label=type:some_t")
    box("--security-opt", "apparmor=unconfined", "--security-opt", "label=disable", "-v", f"{tmp_path}:/mnt:Z",
        "--mount", f"type=bind,source={tmp_path},destination=/o,relabel=shared", "--isolation", "default")  # fmt: skip


def test_our_apparmor_profile(box: Box) -> None:
    """Where AppArmor is on, every container has it; a mount is refused then whatever the capabilities are."""
    if not apparmor.usable():
        pytest.skip("AppArmor is not on here")
    current = ("--", "cat", "/proc/self/attr/current")
    assert box.text(*current).strip() == "ocipipe-default (enforce)"
    assert box.text("--security-opt", "apparmor=unconfined", *current).strip() == "unconfined"
    assert box.text("--privileged", *current).strip() == "unconfined"
    assert "no such AppArmor profile" in box.refused("--security-opt", "apparmor=none-such")
    script = "mount -t tmpfs none /mnt 2>&1"
    options = ("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined")
    assert "denied" in box.sh(script, *options, status=None)
    box.sh(script, *options, "--security-opt", "apparmor=unconfined")
