"""ctr-cp: files into and out of containers, running and stopped; what is mounted in them, and hostile ones."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import tarfile
from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from inhabited import running
from tars import Tar

READY = "echo ready; exec sleep 1000"


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


def cp(box: Box, *words: str | Path, status: int = 0, **settings: object) -> str:
    """ctr-cp; the message of its failure, '' for none."""
    done = box.run("ctr-cp", *words, status=status, **settings)
    assert done.out == b""
    if not status:
        assert done.err == b""
        return ""
    (error,) = done.errors
    assert error["code"] != "INTERNAL"
    return str(error["message"])


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getnames()


@pytest.fixture
def host(tmp_path: Path) -> Path:
    place = tmp_path / "host"
    (place / "d/sub").mkdir(parents=True)
    (place / "f").write_text("of the host\n")
    (place / "d/inner").write_text("inner\n")
    os.chown(place / "f", 123, 456)
    (place / "f").chmod(0o4750)
    os.utime(place / "f", (1, 1_600_000_000))
    return place


def test_into_and_out_of_a_stopped_one(box: Box, host: Path) -> None:
    box("--name", "one", rm=False)
    cp(box, host / "f", "one:/etc/")
    cp(box, "-a", host / "f", "one:/etc/mine")
    cp(box, host / "d", "one:etc")
    cp(box, "one:/etc", host / "out")
    found = {path.name: path.stat() for path in (host / "out").iterdir()}
    assert (found["f"].st_uid, found["f"].st_mode & 0o7777, found["f"].st_mtime) == (0, 0o4750, 1_600_000_000)
    assert found["mine"].st_uid == 0
    cp(box, "-a", "one:/etc/mine", host / "back")
    assert ((host / "back").stat().st_uid, (host / "back").stat().st_gid) == (123, 456)
    assert (host / "out/d/inner").read_text() == "inner\n"
    box.run("ctr-commit", "one", "with:1")
    assert box.run("ctr-run", "--rm", "with:1", "cat", "/etc/f").out == b"of the host\n"
    assert Path("/proc/self/mountinfo").read_text().count(str(box.root)) == 0


def test_into_and_out_of_a_running_one(box: Box, host: Path) -> None:
    script = "echo ready; while ! test -e /seen; do sleep 0.05; done; cat /seen >/answer; exec sleep 1000"
    with running(box, script) as name:
        cp(box, host / "f", f"{name}:/seen")
        while box.run("ctr-cp", f"{name}:/answer", "-", status=None).status:
            pass
        with tarfile.open(fileobj=io.BytesIO(box.run("ctr-cp", f"{name}:/answer", "-").out)) as tar:
            assert tar.getnames() == ["answer"]
        whole = names(box.run("ctr-cp", f"{name}:/", "-").out)  # but for what the kernel makes up there
        assert {"./seen", "./etc/hosts"} <= set(whole)
        assert not [one for one in whole if one.startswith(("./proc", "./sys"))]


@pytest.mark.parametrize("state", ["running", "stopped", "fresh"])
def test_what_is_mounted(box: Box, host: Path, tmp_path: Path, state: str) -> None:
    """Volumes, binds of files, read-only ones; `fresh`: a container whose mount points were never made."""
    (tmp_path / "volume/sub").mkdir(parents=True)
    (tmp_path / "only-read").mkdir()
    (tmp_path / "single").write_text("before")
    options = ["-v", f"{tmp_path}/volume:/data/in", "-v", f"{tmp_path}/only-read:/data/ro:ro",
               "-v", f"{tmp_path}/single:/etc/single", "--tmpfs", "/scratch"]  # fmt: skip

    def check(name: str) -> None:
        cp(box, host / "f", f"{name}:/data/in/sub/")
        assert (tmp_path / "volume/sub/f").read_text() == "of the host\n"
        cp(box, f"{name}:/data/in", host / "out")
        assert (host / "out/sub/f").read_text() == "of the host\n"
        cp(box, host / "f", f"{name}:/etc/single")  # replaced in place: it is a mount point
        assert (tmp_path / "single").read_text() == "of the host\n"
        assert "is mounted there" in cp(box, "-", f"{name}:/etc", status=1, input=Tar().symlink("single", "x").bytes())
        assert "is read-only" in cp(box, host / "f", f"{name}:/data/ro/", status=1)
        assert "is read-only" in cp(box, host / "d", f"{name}:/data/ro", status=1)
        assert os.listdir(tmp_path / "only-read") == []
        if state == "running":
            cp(box, host / "f", f"{name}:/scratch")
            assert names(box.run("ctr-cp", f"{name}:/scratch/.", "-").out) == [".", "./f"]
        else:
            for place in ("/scratch", "/proc", "/dev/pts/x"):
                message = cp(box, host / "f", f"{name}:{place}", status=1)
                assert "only while it runs" in message or "does not exist" in message
        assert box.run("ctr-diff", name).out == b""

    if state == "running":
        with running(box, READY, *options) as name:
            check(name)
        return
    box("--name", "one", *options, rm=False)
    if state == "fresh":
        (record,) = box.records()
        upper = box.root / "containers" / record["id"] / "upper"
        subprocess.run(["rm", "-rf", *upper.iterdir()], check=True)
    check("one")


def test_a_read_only_root(box: Box, host: Path) -> None:
    box("--name", "one", "--read-only", rm=False)
    assert cp(box, host / "f", "one:/new", status=1) == "one:/new: new: is read-only"
    cp(box, "one:/etc/group", host / "group")
    with running(box, READY, "--read-only") as name:
        assert "is read-only" in cp(box, host / "f", f"{name}:/new", status=1)


def test_archives_both_ways(box: Box, host: Path) -> None:
    box("--name", "one", rm=False)
    box.run.shell(f"tar -C {host} -c d f | ctr-cp - one:/tmp")
    box.run.shell(f"tar -C {host} -cz d | ctr-cp - one:/root/")
    assert names(box.run("ctr-cp", "one:/tmp", "-").out) == ["tmp", "tmp/d", "tmp/d/inner", "tmp/d/sub", "tmp/f"]
    assert names(box.run("ctr-cp", "one:/tmp/.", "-").out) == [".", "./d", "./d/inner", "./d/sub", "./f"]
    with tarfile.open(fileobj=io.BytesIO(box.run("ctr-cp", "one:/tmp/f", "-").out)) as tar:
        (member,) = tar
    assert (member.name, member.uid, member.gid, member.mode) == ("f", 123, 456, 0o4750)
    assert box.run("ctr-cp", "one:/tmp", "-").out == box.run("ctr-cp", "one:/tmp", "-").out
    for target in ("one:/etc/group", "one:/none"):
        assert "director" in cp(box, "-", target, status=1, input=Tar().file("x").bytes())
    for data, problem in ((b"", "end marker"), (b"no archive", "truncated"), (Tar().file("../x").bytes(), "leaves")):
        assert problem in cp(box, "-", "one:/tmp", status=1, input=data)
    box.run.shell("ctr-cp one:/etc/. - | head -c 1 >/dev/null; true")


def test_from_one_container_to_another(box: Box) -> None:
    box("--name", "from", "--", "sh", "-c", "echo word >/w; chown 7:8 /w; ln /w /w2", rm=False)
    with running(box, READY) as name:
        cp(box, "from:/w", f"{name}:/tmp/a")
        cp(box, "-a", "from:/w", f"{name}:/tmp/b")
        cp(box, f"{name}:/tmp", "from:/")
        cp(box, "from:/w", "from:/copy")
    done = [json.loads(line) for line in box.run("ctr-events", "--no-follow").out.splitlines()]
    told = [(one["action"], one["object"]["annotations"]["org.ocipipe.name"] == "from", one["detail"]["path"])
            for one in done if one["action"] in ("archive-path", "extract-to-dir")]  # fmt: skip
    assert told == [
        ("archive-path", True, "/w"), ("extract-to-dir", False, "/tmp/a"),
        ("archive-path", True, "/w"), ("extract-to-dir", False, "/tmp/b"),
        ("archive-path", False, "/tmp"), ("extract-to-dir", True, "/"),
        ("archive-path", True, "/w"), ("extract-to-dir", True, "/copy"),
    ]  # fmt: skip
    with tarfile.open(fileobj=io.BytesIO(box.run("ctr-export", "from").out)) as tar:
        owners = {member.name: (member.uid, member.gid) for member in tar if member.name in ("tmp/a", "tmp/b", "copy")}
    assert owners == {"tmp/a": (0, 0), "tmp/b": (0, 0), "copy": (0, 0)}


def test_onto_and_into_itself(box: Box) -> None:
    box("--name", "one", "--", "sh", "-c", "mkdir -p /d/e; echo kept >/d/f; ln -s /d /link", rm=False)
    for source, target in (
        ("/d", "/d/e"), ("/d", "/link"), ("/d/.", "/d"), ("/d", "/"), ("/d/f", "/d"), ("/d/f", "/link/f"), ("/.", "/d"),
    ):  # fmt: skip
        message = cp(box, f"one:{source}", f"one:{target}", status=1)
        assert "is the same as the source" in message or "lies in the source itself" in message
    assert names(box.run("ctr-cp", "one:/d", "-").out) == ["d", "d/e", "d/f"]


def test_links(box: Box, host: Path) -> None:
    script = "ln -s /etc/group /g; ln -s /etc /e; ln -s ../../../../etc/passwd /p"
    box("--name", "one", "--", "sh", "-c", script, rm=False)
    cp(box, "one:/g", host / "link")
    assert os.readlink(host / "link") == "/etc/group"
    cp(box, "-L", "one:/g", host / "file")
    assert b"extra" in (host / "file").read_bytes()
    cp(box, "-L", "one:/p", host / "users")
    assert b"/home/app" in (host / "users").read_bytes()  # the container's, not ours
    cp(box, "one:/e/group", host / "through")
    assert b"extra" in (host / "through").read_bytes()


HOSTILE = "ln -s {out} /out; ln -s ../../../../../../../../../..{out} /up; mkdir /d; ln -s {out}/new /d/dangling"


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_links_never_lead_to_the_host(box: Box, host: Path, tmp_path: Path, state: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "secret").write_text("secret")

    def check(name: str) -> None:
        for source in ("/out/secret", "/up/secret", "/proc/1/root/../out/secret"):
            cp(box, f"{name}:{source}", host / "got", status=1)
            cp(box, "-L", f"{name}:{source}", host / "got", status=1)
        for target in ("/out/new", "/up/new", "/d/dangling", "/out/"):
            box.run("ctr-cp", host / "f", f"{name}:{target}", status=None)
        box.run("ctr-cp", "-", f"{name}:/", status=None, input=Tar().file("out/new").file("up/new").bytes())
        assert os.listdir(out) == ["secret"]
        assert not (host / "got").exists()

    script = HOSTILE.format(out=out)
    if state == "running":
        with running(box, f"{script}; {READY}") as name:
            check(name)
    else:
        box("--name", "one", "--", "sh", "-c", script, rm=False)
        check("one")


SWAPPER = """
mkdir -p /w/real/deep; echo mine >/w/real/deep/file; mkdir /w/full; ln -s {out} /w/out
echo ready
while :; do
  mv /w/real /w/kept; mv /w/out /w/real; mv /w/real /w/out; mv /w/kept /w/real
  mv /w/real/deep /w/real/k; ln -s {out} /w/real/deep; rm -r /w/real/deep; mv /w/real/k /w/real/deep
done
"""


def test_a_process_that_swaps_links_under_our_feet(box: Box, host: Path, tmp_path: Path) -> None:
    """A directory is a link to the host every other moment: nothing is read from there, and nothing written to it."""
    out = tmp_path / "out"
    (out / "deep").mkdir(parents=True)
    for place in (out, out / "deep"):
        (place / "host-only").write_text("what the host has")
    before = sorted(out.rglob("*"))
    (host / "d/pipe").unlink(missing_ok=True)
    os.mkfifo(host / "d/pipe")  # its mode is set by name
    with running(box, SWAPPER.format(out=out)) as name:
        for _ in range(20):
            for words in ((host / "d", f"{name}:/w/real/deep/"), (host / "d/.", f"{name}:/w/real"),
                          (host / "f", f"{name}:/w/real/deep/file")):  # fmt: skip
                done = box.run("ctr-cp", *words, status=None)
                assert b"INTERNAL" not in done.err
            done = box.run("ctr-cp", f"{name}:/w/real", "-", status=None)
            assert b"host-only" not in done.out
            assert b"what the host has" not in done.out
            assert sorted(out.rglob("*")) == before
    assert (out / "deep/host-only").read_text() == "what the host has"


REFUSED = [
    (["a", "b"], 2, "neither is in a container"),
    (["-", "-"], 2, "a stream to a stream"),
    (["none:/x", "y"], 1, "none: no such container"),
    (["one:/none", "y"], 1, "one:/none: no such file or directory"),
    (["one:/etc/group/x", "y"], 1, "no directory"),
    (["./none", "one:/x"], 1, "./none: no such file or directory"),
    (["/etc/hostname:x", "one:/x"], 1, "no such file or directory"),
    (["", "one:/x"], 2, "is empty"),
    (["/etc", "one:/etc/group"], 1, "is no directory"),
    (["/etc/passwd", "one:/none/x"], 1, "does not exist"),
    (["/etc/passwd", "one:/none/"], 1, "no such directory"),
    (["one:/etc/group", "/none/x/y"], 1, "does not exist"),
]


def test_refused(box: Box, tmp_path: Path) -> None:
    box("--name", "one", rm=False)
    for words, status, message in REFUSED:
        assert message in cp(box, *words, status=status, cwd=tmp_path)
    assert box.run("ctr-diff", "one").out == b""


def test_names_that_look_like_containers(box: Box, tmp_path: Path) -> None:
    box("--name", "one", rm=False)
    (tmp_path / "one:x").write_text("odd")
    cp(box, "./one:x", "one:/", cwd=tmp_path)
    assert names(box.run("ctr-cp", "one:/one:x", "-").out) == ["one:x"]
    os.mkdir(tmp_path / "w")
    cp(box, "one:/one:x", "..", cwd=tmp_path / "w")


def test_a_socket_and_a_terminal(box: Box, tmp_path: Path) -> None:
    box("--name", "one", rm=False)
    (record,) = box.records()
    import socket

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        os.rename(tmp_path / "s", box.root / "containers" / record["id"] / "upper" / "s")
    assert "is a socket" in cp(box, "one:/s", tmp_path / "x", status=1)
    cp(box, "one:/.", tmp_path / "all")
    assert not (tmp_path / "all/s").exists()
    master, slave = pty.openpty()
    argv = [str(box.run.bin / "ctr-cp"), "one:/etc", "-"]
    done = subprocess.run(argv, env=box.run.env, stdout=slave, stderr=subprocess.PIPE, check=False)
    os.close(master)
    os.close(slave)
    assert (done.returncode, b"is a terminal" in done.stderr) == (2, True)


def test_a_source_that_is_gone(box: Box, tmp_path: Path, host: Path) -> None:
    """A container that ended, and whose volume was removed since: said, and nothing is written beneath it."""
    box("--name", "one", "-v", f"{tmp_path}/volume:/data", rm=False)
    (tmp_path / "volume").rmdir()
    assert "cannot be mounted there" in cp(box, host / "f", "one:/data/", status=1)


@pytest.mark.parametrize("state", ["created", "running", "paused", "stopped"])
def test_volumes_and_images(box: Box, host: Path, state: str) -> None:
    """By name, in part, in memory, and other images: as the container's process sees them, or would."""
    box.run("vol-create", "data")
    box("-v", "data:/v", "--", "mkdir", "-p", "/v/part/deep")
    words = [
        "--name", "one", "-v", "data:/v", "--mount", "type=volume,source=data,destination=/part,subpath=part",
        "--mount", "type=image,source=busybox,destination=/other", "--ipc", "shareable", "busybox", "sleep", "1000",
    ]  # fmt: skip
    if state == "created":
        box.run("ctr-create", *words)
    else:
        box.run("ctr-run", "-d", *words)
    if state == "paused":
        box.run("ctr-pause", "one")
    if state == "stopped":
        box.run("ctr-kill", "one")
        box.run("ctr-wait", "one")
    cp(box, host / "f", "one:/v/")
    cp(box, host / "f", "one:/part/deep/g")
    assert names(box.run("ctr-cp", "one:/v", "-").out) == ["v", "v/f", "v/part", "v/part/deep", "v/part/deep/g"]
    assert names(box.run("ctr-cp", "one:/other/etc/group", "-").out) == ["group"]
    assert "is read-only" in cp(box, host / "f", "one:/other/new", status=1)
    message = box.run("ctr-cp", host / "f", "one:/dev/shm/x", status=None).err.decode()
    assert ("only while it runs" in message) == (state in ("created", "stopped"))
    assert (box.run("ctr-cp", "one:/dev/shm/x", "-", status=None).status == 0) == (state in ("running", "paused"))
    assert box.text("-v", "data:/v", "--", "cat", "/v/part/deep/g") == "of the host\n"
    assert box.run("ctr-diff", "one").out == b""
    if state == "created":
        box.run("ctr-start", "one")
    box.run("ctr-rm", "--force", "one")
    assert box.left() == []


def test_into_one_that_has_not_started_yet(box: Box, host: Path) -> None:
    """What comes into it before its process begins is there for that."""
    box.run("ctr-create", "--name", "one", "busybox", "cat", "/etc/given")
    cp(box, host / "f", "one:/etc/given")
    assert box.run("ctr-start", "-a", "one").out == b"of the host\n"
