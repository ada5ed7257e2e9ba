"""ctr-run's options where two of them meet, where they are nearly right, and what is left of them afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import ARCHITECTURE, Image, Layer, image, index
from rootfs import busybox_tar

OTHER = "linux/s390x"


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


# --- what is ours is not in the container's layer (pitfall 26)


def test_no_content_of_ours_is_in_the_layer(box: Box, tmp_path: Path) -> None:
    """Only what the process wrote. Where something was mounted there may be an empty place for it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("x")
    script = "echo mine >/mine; cat /etc/hostname /new/mnt/x; echo more >>/etc/hosts; echo t >/scratch/t"
    box.sh(
        script, "--hostname", "inner", "--init", "-v", f"{tmp_path}/data:/new/mnt", "--tmpfs", "/scratch", rm=False,
    )  # fmt: skip
    (record,) = box.records()
    directory = box.root / "containers" / record["id"]
    places = {mount["destination"] for mount in box.config(record["id"])["mounts"]}
    written = {}
    for path in (directory / "upper").rglob("*"):
        inside = f"/{path.relative_to(directory / 'upper')}"
        if path.is_file() and path.stat().st_size:
            written[inside] = path.read_text()
        else:
            assert any(place == inside or place.startswith(f"{inside}/") for place in places), inside
    assert written == {"/mine": "mine\n"}


def test_a_read_only_root_with_all_that_is_mounted_in_it(box: Box, tmp_path: Path) -> None:
    """Mount points and the working directory are made before it is read-only."""
    (tmp_path / "data").mkdir()
    script = "pwd; ls -d /new/mnt /scratch; cat /etc/hostname; touch /x 2>/dev/null || echo read-only; cat /proc/1/comm"
    out = box.sh(
        script, "--read-only", "--init", "-v", f"{tmp_path}/data:/new/mnt", "--tmpfs", "/scratch", "-w", "/fresh",
        "--hostname", "inner",
    )  # fmt: skip
    assert out.split() == ["/fresh", "/new/mnt", "/scratch", "inner", "read-only", "ocipipe-init"]


# --- platforms


def test_a_platform_that_the_image_is_not_for(box: Box, tmp_path: Path) -> None:
    message = f"busybox:latest: is an image for linux/{ARCHITECTURE}, not {OTHER} "
    assert message in box.refused("--pull", "never", "--platform", OTHER)
    done = box.run("ctr-unpack", "--pull", "never", "--platform", OTHER, "busybox", tmp_path / "bundle", status=1)
    assert message in done.errors[0]["message"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "store"]
    assert box.left() == []
    assert box.text("--pull", "never", "--platform", f"linux/{ARCHITECTURE}", "--", "echo", "ran") == "ran\n"
    assert "is not os/architecture" in box.refused("--platform", "s390x")


def test_a_platform_chooses_from_an_index(run: Commands, store_root: Path) -> None:
    here = image([Layer(busybox_tar())], {"Cmd": ["echo", "here"], "Env": ["PATH=/bin"]})
    other = image([Layer(busybox_tar())], {"Cmd": ["echo", "other"], "Env": ["PATH=/bin"]}, on=OTHER)
    stored(run, store_root, index(other, here))
    assert run("ctr-run", "--rm", "--pull", "never", "busybox").out == b"here\n"
    assert run("ctr-run", "--rm", "--pull", "never", "--platform", OTHER, "busybox").out == b"other\n"
    done = run("ctr-run", "--rm", "--pull", "never", "--platform", "linux/mips64le", "busybox", status=125)
    assert "linux/mips64le" in done.errors[0]["message"]
    assert OTHER in done.errors[0]["message"]


# --- what is said before a runtime is asked: `refused` demands one line, in our words


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tmpfs", "/t:bogus"], "--tmpfs /t:bogus: option bogus is not supported"),
        (["--tmpfs", "/t:size=abc"], "option size=abc is not supported"),
        (["--mount", "type=tmpfs,dst=/t,tmpfs-mode=zz"], "option mode=zz is not supported"),
        (["--cpus", "0.001"], "--cpus: 0.001 is not from 0.01"),
        (["--cpus", "nan"], "--cpus"),
        (["--pids-limit", "many"], "--pids-limit"),
        (["--memory", "-1"], "--memory"),
        (["--label", "=x"], "--label =x"),
        (["--annotation", "=x"], "--annotation =x"),
        (["--sysctl", "=x"], "--sysctl =x"),
        (["--stop-signal", "0"], "--stop-signal 0: is no signal"),
        (["--security-opt", "no-new-privileges=maybe"], "is not supported"),
        (["--device", "relative"], "--device relative"),
        (["--user", "a:b:c"], "a: no such user"),
    ],
)
def test_refused(box: Box, options: list[str], message: str) -> None:
    done = box(*options, status=None)
    (error,) = done.errors
    assert message in error["message"]
    assert done.status in (2, 125)
    assert box.left() == []


def test_what_they_stand_for_is_done(box: Box) -> None:
    out = box.sh(
        "stat -c %a:%u /t; grep -c ' /t tmpfs .*size=1024k' /proc/mounts", "--tmpfs", "/t:size=1m,mode=1711,uid=7"
    )
    assert out.split() == ["1711:7", "1"]
    assert box.text("--cpus", "0.01", "--", "echo", "slow") == "slow\n"


@pytest.mark.parametrize("options", [[], ["--init"]])
def test_an_empty_word_is_no_command(box: Box, options: list[str]) -> None:
    done = box(*options, "--", "", status=127)
    assert [error["code"] for error in done.errors] == ["COMMAND_NOT_FOUND"]
    assert box.left() == []


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"process": {"user": {"gid": None}}}, "/process/user"),
        ({"mounts": [{"destination": "/bin", "type": "bind", "options": ["bind"]}]}, "/mounts/0/source"),
        ({"process": {"cwd": None}}, "/process"),
    ],
)
def test_a_config_that_is_half(box: Box, tmp_path: Path, patch: object, pointer: str) -> None:
    (tmp_path / "patch.json").write_text(json.dumps(patch))
    assert f"patch.json: {pointer}: " in box.refused("--config", tmp_path / "patch.json")
    assert box.left() == []


def test_a_half_profile(box: Box, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"defaultAction": "SCMP_ACT_ALLOW", "archMap": 5}')
    assert "p.json: is no seccomp profile: /archMap is no list" in box.refused(
        "--security-opt", f"seccomp={tmp_path}/p.json"
    )


# --- what a container is told to be


def test_stop_signal_labels_and_annotations(run: Commands, store_root: Path, tmp_path: Path) -> None:
    """An option is stronger than the image, and the runtime is told too."""
    config = {"Cmd": ["true"], "Env": ["PATH=/bin"], "StopSignal": "SIGQUIT", "Labels": {"a": "image", "b": "image"}}
    box = stored(run, store_root, image([Layer(busybox_tar())], config))
    (tmp_path / "labels").write_text("# a comment\nb=of the file\nd=e=f\n")
    from_file = ["--label-file", tmp_path / "labels", "--label", "b=ours"]
    for options, signal_name in ([], "SIGQUIT"), (["--stop-signal", "usr1"], "SIGUSR1"), (["--stop-signal", "9"], "9"):
        run("ctr-run", "--name", "kept", *from_file, "--annotation", "c=note", *options, "busybox")
        (record,) = box.records()
        assert record["stopSignal"] == signal_name
        assert record["labels"] == {"a": "image", "b": "ours", "d": "e=f"}
        annotations = box.config(record["id"])["annotations"]
        assert annotations["org.opencontainers.image.stopSignal"] == signal_name
        assert {key: annotations[key] for key in "abcd"} == {"a": "image", "b": "ours", "c": "note", "d": "e=f"}
        assert annotations["org.ocipipe.name"] == "kept"
        shutil.rmtree(store_root / "containers")
    (tmp_path / "labels").write_text("a=b\nno key=x\n")
    assert f"{tmp_path}/labels:2: 'no key' is no label's key" in box.refused("--label-file", tmp_path / "labels")


def test_the_image_must_be_a_document_when_it_comes_by_pipe(box: Box) -> None:
    for data in (b"", b"\n", b"{}\n", b"[1]\n", b"{", b"5\n", json.dumps(
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'0' * 64}", "size": 5}
    ).encode()):  # fmt: skip
        done = box.run("ctr-run", "--rm", "-", "true", input=data, status=None)
        assert done.status in (2, 125), data
        (error,) = done.errors
        assert error["code"] != "INTERNAL"
    assert box.left() == []


# --- runtimes


def test_a_runtime_that_is_gone_is_in_nobody_s_way(box: Box, tmp_path: Path) -> None:
    """A command that was killed had used a runtime of its own, named from where it was; now that is uninstalled."""
    own = tmp_path / "own"
    own.mkdir()
    shared = tmp_path / "shared"
    shared.mkdir()
    program = shutil.which("crun" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "runc")
    assert program
    name = Path(program).name
    shutil.copy(program, own / name)
    script = "touch /mnt/ready; while [ ! -e /mnt/end ]; do sleep 0.05; done"
    options = ["--rm", "--runtime", f"./{name}", "-v", f"{shared}:/mnt"]
    process = subprocess.Popen(
        [box.run.bin / "ctr-run", *options, "busybox", "sh", "-c", script],
        env=box.run.env, cwd=own, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not (shared / "ready").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    (record,) = box.records()
    assert record["runtime"] == str(own / name)
    (own / name).rename(own / "away")
    assert box.text("--", "echo", "works") == "works\n"
    assert box.records() == [record]  # it may run, and does
    (own / "away").rename(own / name)
    (shared / "end").touch()
    deadline = time.monotonic() + 60
    while box.records():
        assert time.monotonic() < deadline
        box()
    assert box.left() == []


def test_the_runtime_that_is_asked_for_is_used(box: Box, tmp_path: Path) -> None:
    program = shutil.which("crun" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "runc")
    (tmp_path / "mine").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\nexec {program} "$@"\n')
    (tmp_path / "mine").chmod(0o755)
    assert box.text("--runtime", tmp_path / "mine", "--", "echo", "ran") == "ran\n"
    assert " create --bundle " in (tmp_path / "asked").read_text()
    (tmp_path / "mine").chmod(0o644)
    assert "mine: is not installed" in box.refused("--runtime", tmp_path / "mine")
    assert os.listdir(box.root / "containers" / "rm") == []
