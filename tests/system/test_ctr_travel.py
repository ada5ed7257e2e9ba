"""A checkpoint that travels: what is in its archive, and what becomes of it in another store."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import criu
import pytest
from boxes import NAME
from cli_world import context
from commands import Commands
from images import Image
from lives import CODE, Lives, cgroups

from ocipipe.cli.declare import Args
from ocipipe.containers import travelling
from ocipipe.store.store import Store

CHANGES = "echo new > /made; rm /etc/passwd; rm -r /var; mkdir /var; ln /made /again; chown 7:8 /made"
CHECKPOINT = {"created": "2026-01-01T00:00:00Z", "options": ["--file-locks"]}


@pytest.fixture
def archive(lives: Lives) -> bytes:
    """Of a container that has ended, with files in place of criu's."""
    lives("ctr-run", "--name", "job", "--label", "a=b", "-w", "/tmp", "busybox", "sh", "-c", CHANGES)
    place = lives.root / "containers" / "names" / "job"
    (place / "checkpoint" / "images").mkdir(parents=True)
    (place / "checkpoint" / "images" / "core-1.img").write_bytes(b"no criu's")
    record = json.loads((place / "record.json").read_bytes())
    (place / "record.json").write_text(json.dumps({**record, "checkpoint": CHECKPOINT}))
    store = Store(str(lives.root))
    found = store.containers.find("job")
    chunks = list(travelling.archive(context(lives.root), store, found))
    assert not list((lives.root / "containers").glob(".tmp-*"))
    return b"".join(chunks)


def listed(data: bytes) -> list[Any]:
    """What ctr-diff or ctr-export tells."""
    if data.startswith(b"{"):
        return sorted(data.splitlines())
    with tarfile.open(fileobj=io.BytesIO(data)) as found:
        return [
            (one.name, one.type, one.mode, one.uid, one.gid, one.size, one.name == "." or one.mtime, one.linkname)
            for one in found
        ]  # but for the root's time, which is no layer's


def edited(archive: bytes, **members: bytes | None) -> bytes:
    """The same with other content of a file by its name's beginning; None: without it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as before, tarfile.open(fileobj=out, mode="w") as after:
        for member in before:
            content = members.get(member.name.partition(".")[0].partition("/")[0], b"")
            if content is None:
                continue
            data = content or (before.extractfile(member).read() if member.isfile() else b"")  # type: ignore[union-attr]
            member.size = len(data)
            after.addfile(member, io.BytesIO(data))
    return out.getvalue()


def test_what_is_in_it(archive: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as found:
        assert found.getnames() == [".", "changes.tar", "container.json", "images", "images/core-1.img"]
        about = json.load(found.extractfile("container.json"))  # type: ignore[arg-type]
        changes = io.BytesIO(found.extractfile("changes.tar").read())  # type: ignore[union-attr]
    assert about["record"]["checkpoint"] == CHECKPOINT
    assert about["record"]["labels"]["a"] == "b"
    with tarfile.open(fileobj=changes) as found:
        assert {"made", "again", "etc/.wh.passwd", "var/.wh..wh..opq"} <= set(found.getnames())


def test_it_arrives_in_another_store(
    lives: Lives, archive: bytes, tmp_path: Path, run: Commands, busybox_image: Image
) -> None:
    """As it was, with an id of its own: made from the image, the changes on top, criu's files where they belong."""
    other = tmp_path / "other"
    busybox_image.into_store(other, NAME)
    store = Store(str(other)).prepare()
    ctx = context(other)
    ctx.env = run.env
    options = {"name": None, "runtime": None, "pull": "never", "tls_verify": True, "cert_dir": None, "authfile": None}
    args = Args(options)
    made = travelling.arrive(ctx, store, args, iter([archive]), "the archive")
    assert Path(made.path, "checkpoint", "images", "core-1.img").read_bytes() == b"no criu's"
    (whole,) = run("ctr-inspect", "--root", other, "job").documents
    assert whole["record"]["checkpoint"] == CHECKPOINT
    assert whole["record"]["labels"]["a"] == "b"
    assert whole["state"]["status"] == "created"
    for command in ("ctr-diff", "ctr-export"):
        assert listed(run(command, "--root", other, "job").out) == listed(lives(command, "job").out)
    assert not list((other / "containers").glob(".tmp-*"))
    run("ctr-rm", "--root", other, "job")


def test_of_one_that_cannot_go_on_nothing_stays(lives: Lives, archive: bytes, tmp_path: Path) -> None:
    if shutil.which("criu") is None:
        pytest.skip("criu is not installed")
    before = lives.all()
    (tmp_path / "it.tar").write_bytes(archive)
    for argv, input, words in (
        (["--name", "new", "-i", tmp_path / "it.tar"], b"", "new: "),
        (["--name", "new", "-i", "-"], archive, "new: "),
        (["-i", "-"], archive, "job: the name is in use by container "),
        (["-n", "new", "-i", "-"], archive[:-1024], "stdin: the archive has no end marker"),
        (["-n", "new", "-i", "-"], edited(archive, images=None), "stdin: is no checkpoint: it has no images"),
        (["-n", "new", "-i", "-"], edited(archive, container=b"{}"), "stdin: "),
        (["-n", "new", "-i", "-"], edited(archive, changes=b"none"), "stdin: changes.tar: "),
        (["-n", "new", "-i", tmp_path / "none"], b"", f"{tmp_path}/none: "),
    ):  # fmt: skip
        told = lives.refused("ctr-restore", *argv, input=input)
        assert told.startswith(words), told
        assert lives.all() == before
        assert not list((lives.root / "containers").glob(".tmp-*"))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["ctr-restore", "--name", "new", "job"], "--name: goes with --import only"),
        (["ctr-restore", "-i", "x.tar", "job"], "--import: has its container from the archive"),
        (["ctr-checkpoint", "-e", "x.tar", "one", "two"], "--export: is for one container, not for 2"),
    ],
)
def test_usage(lives: Lives, argv: list[str], words: str) -> None:
    assert lives.refused(*argv, status=2).startswith(words)


@pytest.mark.smoke
def test_it_goes_on_as_another(lives: Lives, tmp_path: Path) -> None:
    if not criu.works(tmp_path):
        pytest.skip("criu cannot write down processes of this kernel")
    count = "echo mine > /made; i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"
    lives.detached("--name", "counts", "--runtime", "runc", "--", "sh", "-c", count)
    lives.until(lambda: lives("ctr-logs", "counts").out)
    place = tmp_path / "it.tar"
    (ended,) = lives("ctr-checkpoint", "--export", place, "counts").documents
    assert (ended["status"], ended["annotations"][CODE]) == ("stopped", "137")
    last = int(lives("ctr-logs", "counts").out.split()[-1])
    (found,) = lives("ctr-restore", "--name", "other", "--import", place).documents
    assert (found["status"], found["annotations"]["org.ocipipe.name"]) == ("running", "other")
    assert found["id"] != ended["id"]
    assert cgroups(ended["id"]) == []
    assert found["id"] in Path(f"/proc/{found['pid']}/cgroup").read_text()
    lives.until(lambda: lives("ctr-logs", "other").out)
    assert int(lives("ctr-logs", "other").out.split()[0]) == last + 1
    assert lives("ctr-exec", "other", "cat", "/made").out == b"mine\n"
