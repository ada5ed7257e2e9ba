"""A directory of the host as a container's root: changed in place, or under an overlay; its whole life, and what it is
refused for."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest
import rootfs
from boxes import Box
from commands import Commands
from images import Image


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with busybox in it."""
    found = tmp_path / "tree"
    with tarfile.open(fileobj=io.BytesIO(rootfs.busybox_tar())) as tar:
        tar.extractall(found, filter="fully_trusted")
    return found


@pytest.fixture
def box(run: Commands, store_root: Path) -> Box:
    return Box(run, store_root)


def listed(tree: Path) -> list[str]:
    return sorted(str(one.relative_to(tree)) for one in tree.rglob("*") if not one.is_symlink())


def test_in_place(box: Box, tree: Path, tmp_path: Path) -> None:
    """Made, started twice, looked at, written to, made again from its document, and removed: the directory stays."""
    run = box.run
    script = "echo $0 >>/log; id -u app; pwd; hostname; exec true"
    argv = ["ctr-create", "--rootfs", "--name", "one", "-u", "app", "-w", "/work", "--hostname", "in"]
    (tree / "log").touch(mode=0o666)
    (tree / "log").chmod(0o666)
    (tree / "srv").mkdir()
    (tree / "srv" / "first").write_text("copied up")
    made = run(*argv, "-v", "data:/srv", tree, "sh", "-c", script).documents[0]
    assert made["annotations"]["org.ocipipe.rootfs"] == str(tree)
    assert "org.ocipipe.image" not in made["annotations"]
    assert run("ctr-start", "-a", "one").out.splitlines()[1:] == [b"/work", b"in"]
    run("ctr-restart", "one")
    run("ctr-wait", "one")
    assert (tree / "log").read_text() == "sh\nsh\n"
    whole = run("ctr-inspect", "one").documents[0]
    assert whole["config"]["root"]["path"] == str(tree)
    assert whole["record"]["rootfs"] == {"path": str(tree), "overlay": False}
    assert "image" not in whole
    assert run.shell("ctr-inspect one | oci-validate | jq -c .valid").out == b"true\n"
    assert str(tree) in run("ctr-ps", "-a", "--format", "table").out.decode()
    assert run("ctr-ps", "-a", "-f", "ancestor=busybox").documents == []
    run.shell("ctr-inspect one | ctr-create --name two - | ctr-start | ctr-wait")
    assert (tree / "log").read_text() == "sh\nsh\nsh\n"
    assert b"first" in run("ctr-run", "--rm", "--rootfs", "-v", "data:/srv", tree, "ls", "/srv").out

    assert "no writable layer" in str(run("ctr-diff", "one", status=1).errors)
    assert "made of a directory" in str(run("ctr-commit", "one", status=1).errors)
    with tarfile.open(fileobj=io.BytesIO(run("ctr-export", "one").out)) as tar:
        assert {"log", "bin/busybox", "etc/passwd"} <= set(tar.getnames())
    run.shell("ctr-export one | img-import - flat:1")
    assert run("ctr-run", "--rm", "flat:1", "/bin/cat", "/log").out == b"sh\nsh\nsh\n"
    (tmp_path / "new").write_text("new")
    run("ctr-cp", tmp_path / "new", "one:/copied")
    assert (tree / "copied").read_text() == "new"
    assert run("store-check", status=None).status == 0
    run.shell("store-df; store-prune --plan")
    before = listed(tree)
    run("ctr-rm", "one", "two")
    assert listed(tree) == before
    assert box.left() == []


def test_under_an_overlay(box: Box, tree: Path) -> None:
    """What changes is the container's own, and ctr-diff tells of it as of an image's."""
    before = listed(tree)
    run = box.run
    run("ctr-run", "--name", "over", "--rootfs", f"{tree}:O", "sh", "-c", "echo x >/new; rm /etc/group")
    assert listed(tree) == before
    assert [(one["path"], one["kind"]) for one in run("ctr-diff", "over").documents] == [
        ("/etc", "changed"), ("/etc/group", "deleted"), ("/new", "added"),
    ]  # fmt: skip
    with tarfile.open(fileobj=io.BytesIO(run("ctr-export", "over").out)) as tar:
        assert {"new", "bin/busybox"} <= set(tar.getnames())
        assert {"etc/group", "etc/hosts"} & set(tar.getnames()) == set()
    assert "made of a directory" in str(run("ctr-commit", "over", status=1).errors)
    run("ctr-start", "-a", "over", status=1)  # there is no such file any more, and it says so
    run("ctr-rm", "over")
    assert listed(tree) == before
    assert box.left() == []


def test_a_path_from_here_and_one_that_goes(box: Box, tree: Path, tmp_path: Path) -> None:
    """A relative path, and a link, are what they were when the container was made; without it nothing starts."""
    run = box.run
    (tmp_path / "link").symlink_to(tree)
    made = run("ctr-create", "--name", "here", "--rootfs", "link", "cat", "/etc/passwd", cwd=tmp_path).documents[0]
    assert made["annotations"]["org.ocipipe.rootfs"] == str(tree)
    (tmp_path / "link").unlink()
    assert b"app" in run("ctr-start", "-a", "here", cwd="/").out
    whole = run("ctr-inspect", "here").out
    shutil.move(tree, tmp_path / "away")
    assert "no such directory" in str(run("ctr-start", "here", status=1).errors)
    assert "no such directory" in str(run("ctr-create", "-", input=whole, status=1).errors)
    assert [one["status"] for one in run("ctr-ps", "-a").documents] == ["stopped"]
    shutil.move(tmp_path / "away", tree)
    assert b"app" in run("ctr-start", "-a", "here").out
    run("ctr-rm", "here")
    assert box.left() == []


def test_killed(box: Box, tree: Path) -> None:
    """kill -9 of all that belongs to it leaves nothing that ctr-rm cannot take away, and the directory."""
    run = box.run
    made = run("ctr-run", "-d", "--rootfs", tree, "sleep", "1000").documents[0]
    run.shell(f"kill -9 {made['pid']} $(cat $OCIPIPE_RUN_ROOT/containers/{made['id']}/monitor)")
    run("ctr-rm", "-f", made["id"])
    assert (tree / "bin" / "busybox").is_file()
    assert box.left() == []


def test_refused(box: Box, tree: Path, store_root: Path, busybox_image: Image) -> None:
    (tree / "file").touch()
    (tree / "inner").symlink_to("/")
    store_root.mkdir()
    for argv, named in (
        ([tree / "none", "true"], f"{tree}/none: no such directory"),
        ([tree / "file", "true"], f"{tree}/file: is no directory"),
        ([":O", "true"], ":O: names no directory"),
        (["/", "true"], "/: is this host's own root"),
        (["/:O", "true"], "/: is this host's own root"),
        ([tree / "inner", "true"], f"{tree}/inner: is this host's own root"),
        ([store_root, "true"], "where containers are kept"),
        ([store_root.parent, "true"], "where containers are kept"),
        ([store_root / "containers", "true"], "no such directory"),
        ([tree], "command: a directory names none"),
        (["--platform", "linux/arm64", tree, "true"], "--platform: chooses among images"),
        (["-", "true"], "-: names no directory"),
        (["-u", "who", tree, "true"], "who: no such user"),
    ):
        done = box.run("ctr-run", "--rm", "--rootfs", *argv, status=None)
        (error,) = json.loads(done.err.splitlines()[-1])["errors"]
        assert named in error["message"], (argv, error)
        assert done.status in (2, 125)
        assert error["code"] != "INTERNAL"
    assert box("--rootfs", "--", status=None).status == 125
    assert box.left() == []
