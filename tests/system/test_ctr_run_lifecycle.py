"""A container from its making to its end: exit status, signals, what is left, and what a killed command leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image, Layer, image
from rootfs import busybox_tar
from runtimes import SlowRuntime

from ocipipe.host import locks


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


def start(box: Box, *argv: str | Path, **settings: Any) -> subprocess.Popen[bytes]:
    """ctr-run in the background."""
    settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    return subprocess.Popen([box.run.bin / "ctr-run", *argv], env=box.run.env, **settings)


PATIENCE = 60
"""Seconds in which what must come, comes; nothing is measured by it."""


def until(condition: Any, process: subprocess.Popen[bytes] | None = None, told: Any = lambda: None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)


# --- exit status (pitfall 28)


@pytest.mark.parametrize("status", [0, 1, 2, 125, 126, 127, 128, 255])
def test_the_process_s_own_status(box: Box, status: int) -> None:
    assert box("--", "sh", "-c", f"exit {status}", status=status).err == b""


def test_killed_by_a_signal(box: Box) -> None:
    assert box("--init", "--", "sh", "-c", "kill -KILL $$", status=137).err == b""
    assert box("--init", "--", "sh", "-c", "kill -TERM $$", status=143).err == b""


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        ("nothing-here", 127, "COMMAND_NOT_FOUND"),
        ("/bin/nothing", 127, "COMMAND_NOT_FOUND"),
        ("bin/nothing", 127, "COMMAND_NOT_FOUND"),
        ("/etc/passwd/x", 126, "CANNOT_EXECUTE"),
        ("/etc/passwd", 126, "CANNOT_EXECUTE"),
        ("/etc", 126, "CANNOT_EXECUTE"),
        ("/mnt/text", 126, "CANNOT_EXECUTE"),
        ("/mnt/empty", 126, "CANNOT_EXECUTE"),
        ("/mnt/script-without-interpreter", 127, "COMMAND_NOT_FOUND"),
        ("/mnt/script", 5, ""),
        ("/mnt/link", 5, ""),
        ("/scratch/x", 127, "COMMAND_NOT_FOUND"),
    ],
)
def test_what_cannot_be_started(box: Box, command: str, status: int, code: str, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    for name, text in {
        "text": "just words", "empty": "", "script": "#!/bin/sh\nexit 5\n",
        "script-without-interpreter": "#!/bin/none\n",
    }.items():  # fmt: skip
        (shared / name).write_text(text)
        (shared / name).chmod(0o755)
    (shared / "link").symlink_to("/mnt/script")  # absolute, in the container's tree
    done = box("-v", f"{shared}:/mnt", "--tmpfs", "/scratch", "--", command, status=status)
    assert done.out == b""
    assert [error["code"] for error in done.errors] == ([code] if code else [])
    assert box.left() == []


def test_a_program_without_its_loader(box: Box, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(Path("/bin/true").read_bytes().replace(b"/lib64/ld-linux-", b"/lib64/xx-linux-"))
    program.chmod(0o755)
    done = box("-v", f"{program}:/mnt/program", "--", "/mnt/program", status=127)
    assert "xx-linux" in done.errors[0]["message"]


def test_a_program_for_its_owner_only(box: Box, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho ran\n")
    program.chmod(0o700)
    assert box.text("-v", f"{program}:/mnt/x", "--", "/mnt/x") == "ran\n"
    assert box("-v", f"{program}:/mnt/x", "--user", "app", "--", "/mnt/x", status=126).out == b""
    program.chmod(0o755)
    assert box("-v", f"{program}:/mnt/x:noexec", "--", "/mnt/x", status=126).out == b""


def test_the_path_decides(box: Box) -> None:
    assert box("-e", "PATH=/nowhere", "--", "true", status=127).out == b""
    assert box.text("-e", "PATH=/nowhere:/bin", "--", "echo", "found") == "found\n"
    assert box.text("-w", "/bin", "--", "./echo", "here") == "here\n"


def test_the_runtime_s_failure_is_ours(box: Box) -> None:
    """125 with the runtime's own words; nothing is left, with or without --rm."""
    for rm in (True, False):
        done = box("--sysctl", "net.nothing.here=1", status=125, rm=rm)
        (error,) = json.loads(done.err.splitlines()[-1])["errors"]
        assert error["code"] == "RUNTIME_FAILED"
        assert "nothing" in error["message"]
        assert box.left() == []


# --- signals


def test_signals_are_passed_on(box: Box, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    script = """
    trap 'echo usr1; touch /mnt/usr1' USR1; trap 'echo hup; touch /mnt/hup' HUP; trap 'echo term; exit 4' TERM
    touch /mnt/ready; while :; do sleep 0.05; done"""
    process = start(box, "--rm", "-v", f"{shared}:/mnt", "busybox", "sh", "-c", script)
    until((shared / "ready").exists, process)
    for number, name in ((signal.SIGUSR1, "usr1"), (signal.SIGHUP, "hup")):
        process.send_signal(number)
        until((shared / name).exists, process)
    process.send_signal(signal.SIGTERM)
    assert process.communicate()[0] == b"usr1\nhup\nterm\n"
    assert process.returncode == 4
    assert box.left() == []


def test_a_signal_before_there_is_a_process(box: Box) -> None:
    """Whenever it comes, the command ends by it (or the process does), and leaves nothing."""
    for step in range(40):
        process = start(box, "--rm", "--init", "busybox", "sleep", "30")
        time.sleep(step * 0.005)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # the kernel drops it where the init, just begun, has no handler yet
            process.send_signal(signal.SIGTERM)
        assert process.communicate() == (b"", b"")
        assert process.returncode in (-signal.SIGTERM, 143)
        assert box.left() == []


# --- what is left


def test_a_kept_container(box: Box) -> None:
    box("--name", "kept", "--", "sh", "-c", "echo data >/file; exit 3", status=3, rm=False)
    (record,) = box.records()
    assert (record["name"], record["status"], record["exitCode"]) == ("kept", "stopped", 3)
    directory = box.root / "containers" / record["id"]
    assert (directory / "upper" / "file").read_text() == "data\n"
    assert not os.path.ismount(directory / "rootfs")
    assert (box.root / "containers" / "names" / "kept").readlink().name == record["id"]
    assert not (box.root / "containers" / "rm" / record["id"]).exists()


def test_the_image_of_a_container_stays(box: Box, store_root: Path) -> None:
    box("--name", "kept", rm=False)
    box.run("img-rm", "busybox", status=None)
    layers = list((store_root / "layers").glob("*/*"))
    assert len(layers) == 1


def test_many_at_once(box: Box) -> None:
    box()
    running = [start(box, "--rm", "busybox", "sh", "-c", f"exit {number}") for number in range(8)]
    assert [process.wait() for process in running] == list(range(8))
    assert [process.communicate()[1] for process in running] == [b""] * 8
    assert box.left() == []


def test_one_name_at_once(box: Box) -> None:
    box()
    running = [start(box, "--name", "same", "busybox", "true") for _ in range(6)]
    statuses = sorted(process.wait() for process in running)
    for process in running:
        process.communicate()
    assert statuses == [0, *[125] * 5]
    assert len(box.records()) == 1


# --- kill -9


def test_a_killed_command(box: Box, tmp_path: Path) -> None:
    """Its process runs on, and nothing of it is touched meanwhile; once it has ended, the next command cleans up."""
    shared = tmp_path / "shared"
    shared.mkdir()
    script = "touch /mnt/ready; while [ ! -e /mnt/end ]; do sleep 0.05; done; ls / >/mnt/listing; touch /mnt/ended"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # the process holds them on
    process = start(box, "--rm", "-v", f"{shared}:/mnt", "busybox", "sh", "-c", script, **quiet)
    until((shared / "ready").exists, process)
    process.kill()
    process.wait()
    box()
    (record,) = box.records()
    (shared / "end").touch()
    until((shared / "ended").exists)
    assert "etc" in (shared / "listing").read_text().split()
    until(lambda: box() and not box.records())
    assert box.left() == []
    assert record["removedAtEnd"]


def test_killed_at_any_moment(box: Box) -> None:
    """What it leaves is unfinished or marked, and gone after the next commands."""
    box()
    for number in range(12):
        process = start(box, "--rm", "busybox", "true", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.008 * number)
        process.kill()
        process.wait()
    until(lambda: box() and not box.left(), told=box.left)


def test_a_killed_runtime(box: Box, tmp_path: Path) -> None:
    """Its process does not outlive the command, and the status tells."""
    shared = tmp_path / "shared"
    shared.mkdir()
    for options in (["--rm"], ["--log-driver", "passthrough", "--name", "kept"]):
        process = start(
            box, *options, "-v", f"{shared}:/mnt", "busybox", "sh", "-c", "touch /mnt/ready; exec sleep 1000",
        )  # fmt: skip
        until((shared / "ready").exists, process)
        until(lambda: any(Path(box.run.env["OCIPIPE_RUN_ROOT"]).glob("containers/*/pid")), process)  # runc's last work
        (shared / "ready").unlink()
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        process.communicate()
        assert process.returncode == 137
    (record,) = box.records()
    assert record["exitCode"] == 137
    assert not [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(box.root) in line]


# --- odd images


def test_an_image_without_layers(run: Commands, store_root: Path, tmp_path: Path) -> None:
    box = stored(run, store_root, image([]))
    done = run("ctr-run", "--rm", "busybox", "true", status=127)
    assert done.errors[0]["code"] == "COMMAND_NOT_FOUND"
    static = tmp_path / "tini-static"
    static.write_bytes(Path("/usr/bin/tini-static").read_bytes())
    static.chmod(0o755)
    assert b"tini version" in box("-v", f"{static}:/tini", "--", "/tini", "--version").out


def test_many_layers(run: Commands, store_root: Path) -> None:
    """More than fit into mount(2)'s page by their paths."""
    import io
    import tarfile

    layers = [Layer(busybox_tar())]
    for number in range(60):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            tar.addfile(tarfile.TarInfo(f"layer-{number}"))
        layers.append(Layer(data.getvalue()))
    box = stored(run, store_root, image(layers, {"Env": ["PATH=/bin"]}))
    assert box.sh("ls -d /layer-* | wc -l") == "60\n"


def test_links_in_the_image_lead_nowhere_else(run: Commands, store_root: Path, tmp_path: Path) -> None:
    """passwd and the working directory as links to the host: read and made inside."""
    import io
    import tarfile

    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("evil:x:66:66::/:/bin/sh\n")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, target in (("etc/passwd", str(outside / "passwd")), ("inner", str(outside))):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    made = image([Layer(busybox_tar()), Layer(data.getvalue())], {"Env": ["PATH=/bin"], "WorkingDir": "/inner/made"})
    box = stored(run, store_root, made)
    assert "no such user" in box.refused("--user", "evil")
    assert box.text("--", "pwd") == f"{outside}/made\n"
    assert list(outside.iterdir()) == [outside / "passwd"]


def test_a_runtime_that_outlives_its_command_keeps_the_container(box: Box, tmp_path: Path) -> None:
    """Killed while the runtime is still at work, which then has no state yet that another command could see: what it
    has created never begins, and goes when it has been created."""
    slow = SlowRuntime(tmp_path)
    shared = tmp_path / "shared"
    shared.mkdir()
    process = start(box, "--rm", "--runtime", slow.path, "-v", f"{shared}:/mnt", "busybox", "touch", "/mnt/it")
    until(slow.came.exists, process)
    process.kill()
    process.wait()
    (record,) = box.records()
    box()
    assert box.records() == [record]
    slow.go.touch()
    until(lambda: not locks.is_held(str(box.root / "containers" / record["id"] / "run.lock")))
    assert (Path(box.run.env["OCIPIPE_RUN_ROOT"]) / "containers" / record["id"] / "pid").exists()  # it waits to begin
    box()
    process.communicate()
    assert box.left() == []
    assert list(shared.iterdir()) == []


def test_a_runtime_that_hangs_is_ended_by_the_second_signal(box: Box, tmp_path: Path) -> None:
    slow = SlowRuntime(tmp_path)
    process = start(box, "--rm", "--runtime", slow.path, "busybox", "true")
    until(slow.came.exists, process)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.3)  # it may be on the point of beginning
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == -signal.SIGTERM
    process.communicate()
    assert box.left() == []


@pytest.mark.parametrize("rm", [True, False])
def test_what_is_removed_at_its_end_waits_for_no_disk(box: Box, rm: bool, tmp_path: Path) -> None:
    """Its root is a volatile overlay, also when it was mounted before; that of one that stays is none."""
    script = "cat /given; sync; grep '^overlay / ' /proc/mounts; exec sleep 1000"
    box.run("ctr-create", *(["--rm"] if rm else []), "--name", "it", "busybox", "sh", "-c", script)
    try:
        (tmp_path / "given").write_text("given\n")
        box.run("ctr-cp", tmp_path / "given", "it:/given")
        box.run("ctr-start", "it")
        until(lambda: b"overlay" in box.run("ctr-logs", "it").out)
        given, mount, *_ = box.run("ctr-logs", "it").out.decode().splitlines()
        assert given == "given"
        assert ("volatile" in mount) == rm
    finally:
        box.run("ctr-rm", "--force", "it")
    assert box.left() == []
