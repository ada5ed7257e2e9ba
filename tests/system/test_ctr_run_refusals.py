"""What ctr-run says no to before it asks a runtime, and what it must not trip over; nothing is left after either."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image

from ocipipe.host import capabilities, files
from ocipipe.runtime import spec

OURS = capabilities.bounding(spec.ALL_CAPABILITIES)


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Box]:
    made = stored(run, store_root, busybox_image)
    yield made
    assert made.left() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hostname", "a b"], "--hostname a b: is no host name"),
        (["--hostname", "a\n10.0.0.1 registry"], "is no host name"),  # it would be a line of /etc/hosts
        (["--hostname", "x" * 65], "is no host name"),
        (["--shm-size", "0"], "--shm-size: is not above 0"),  # to tmpfs, 0 is no limit
        (["--shm-size", "-1"], "--shm-size: is not above 0"),
        (["--cpu-shares", "-5"], "--cpu-shares: -5 is no weight"),
        (["--cpu-shares", "0"], "--cpu-shares: 0 is no weight"),
        (["--cpuset-cpus", "9999"], "--cpuset-cpus: 9999: this host has"),
        (["--cpuset-cpus", "first"], "--cpuset-cpus: 'first' is no list of processors"),
        (["--ulimit", "nofile=99999999999999999999999"], "--ulimit nofile=9999"),
        (["--sysctl", "kernel.hostname=x"], "use --hostname"),
        (["--env-file", "/"], "/: cannot be read: is a directory"),
        (["--env-file", "/dev/zero"], "/dev/zero: is more than 16 MiB long"),
    ],
)
def test_refused_in_one_line(box: Box, options: list[str], message: str) -> None:
    """`refused` demands that there is nothing else on stderr: the runtime was never asked."""
    assert message in box.refused(*options)


def test_a_hard_limit_above_ours(box: Box) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert box.sh("ulimit -Hn", "--ulimit", f"nofile={hard}").strip() == str(hard)
    if "CAP_SYS_RESOURCE" in OURS:
        assert box.sh("ulimit -Hn", "--ulimit", f"nofile={hard + 1}").strip() == str(hard + 1)
    else:
        assert f"the hard limit here is {hard}" in box.refused("--ulimit", f"nofile={hard + 1}")


# --- --config


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"process": None}, "/process"),
        ({"process": {"args": None}}, "/process/args"),
        ({"root": None}, "/root"),
    ],
)
def test_a_config_that_takes_away_what_is_needed(box: Box, tmp_path: Path, patch: object, pointer: str) -> None:
    (tmp_path / "patch.json").write_text(json.dumps(patch))
    assert f"patch.json: {pointer}: is taken away" in box.refused("--config", tmp_path / "patch.json")
    done = box("--config", "-", input=json.dumps(patch).encode(), status=125)
    assert done.errors[0]["message"].startswith(f"stdin: {pointer}: ")


@pytest.mark.parametrize(
    "patch", [{"process": {"user": None}}, {"process": {"env": None}}, {"process": {"rlimits": None}}]
)
def test_a_config_that_takes_away_what_may_be_absent(box: Box, tmp_path: Path, patch: object) -> None:
    (tmp_path / "patch.json").write_text(json.dumps(patch))
    assert box.text("--config", tmp_path / "patch.json", "--", "/bin/echo", "ran") == "ran\n"


def test_a_config_without_mounts_is_the_runtime_s_to_judge(box: Box, tmp_path: Path) -> None:
    (tmp_path / "patch.json").write_text('{"mounts": null}')
    done = box("--config", tmp_path / "patch.json", "--", "/bin/echo", "ran", status=None)
    assert b"INTERNAL" not in done.err


def test_a_config_that_asks_for_a_terminal(box: Box, tmp_path: Path) -> None:
    (tmp_path / "patch.json").write_text('{"process": {"terminal": true}}')
    assert "asks for a terminal" in box.refused("--config", tmp_path / "patch.json")


def test_a_config_with_another_root(box: Box, tmp_path: Path) -> None:
    """Commands are looked for in the root that the process will have."""
    root = tmp_path / "root"
    for name in ("bin", "etc", "proc", "sys", "dev"):
        (root / name).mkdir(parents=True)
    (root / "bin" / "mine").write_bytes(Path("/bin/busybox").read_bytes())
    (root / "bin" / "mine").chmod(0o755)
    (tmp_path / "patch.json").write_text(json.dumps({"root": {"path": str(root)}}))
    assert box("--config", tmp_path / "patch.json", "--", "/bin/sh", status=127).out == b""
    done = box("--config", tmp_path / "patch.json", "--", "/bin/mine", "--list", status=None)
    assert b"COMMAND_NOT_FOUND" not in done.err


# --- pipes where files are expected


def test_files_that_are_pipes(box: Box) -> None:
    """What a shell's <(…) gives."""
    script = """ctr-run --rm --env-file <(echo A=from-pipe) --config <(echo '{"hostname": "patched"}') \
        --security-opt seccomp=<(echo '{"defaultAction": "SCMP_ACT_ALLOW"}') busybox sh -c 'echo $A; hostname'"""
    assert box.run.shell(script).out == b"from-pipe\npatched\n"


# --- isolation


def test_the_host_s_network_does_not_bring_the_host_s_sys(box: Box) -> None:
    """One sysfs of its own, read-only, and nothing of what the host has mounted below its."""
    script = "grep -c ' /sys sysfs ro' /proc/mounts; grep ' /sys' /proc/mounts | grep -cv ' ro,'; echo end"
    lines = box.sh(script, "--network", "host").split()
    alone = box.sh(script).split()
    assert lines == alone
    assert lines[0] == "1"


def test_privileged_with_a_device_of_its_own_name(box: Box) -> None:
    out = box.sh(
        "stat -c %t:%T /dev/mine; test -c /dev/null && echo others", "--privileged", "--device", "/dev/zero:/dev/mine"
    )
    assert out == "1:5\nothers\n"
    assert "/dev/nothing" in box.refused("--privileged", "--device", "/dev/nothing")


# --- ctr-unpack


def test_what_a_killed_unpack_left_is_removed_by_the_next(box: Box, tmp_path: Path) -> None:
    """Of the same bundle, and only what no living command works on."""
    parent = tmp_path / "parent"
    (parent / files.temporary_name("bundle") / "rootfs" / "bin").mkdir(parents=True)
    others = [parent / files.temporary_name("other"), parent / ".tmp-bundle", parent / "bundle-2"]
    for path in others:
        path.mkdir()
    working = parent / files.temporary_name("bundle")
    working.mkdir()
    held = os.open(working, os.O_RDONLY)
    try:
        import fcntl

        fcntl.flock(held, fcntl.LOCK_EX)
        box.run("ctr-unpack", "busybox", parent / "bundle")
    finally:
        os.close(held)
    assert sorted(parent.iterdir()) == sorted([parent / "bundle", working, *others])
