"""host/files: writing, reading and their promises."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from ocipipe.errors import Corrupt, NotFound, Unavailable
from ocipipe.host import files, locks, process, trees


def test_write_atomic_replaces_whole_and_leaves_no_temporary(tmp_path: Path) -> None:
    target = tmp_path / "file"
    files.write_atomic(str(target), b"one")
    before = target.stat().st_ino
    files.write_atomic(str(target), b"two", 0o600)
    assert target.read_bytes() == b"two"
    assert target.stat().st_ino != before
    assert target.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_write_atomic_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    with pytest.raises(OSError, match="taken"):
        files.write_atomic(str(target), b"x")
    assert os.listdir(tmp_path) == ["taken"]


def test_make_directories_makes_parents_and_accepts_what_is_there(tmp_path: Path) -> None:
    files.make_directories(str(tmp_path / "a" / "b" / "c"))
    files.make_directories(str(tmp_path / "a" / "b" / "c"))
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_read_limited(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    assert files.read_limited(str(tmp_path / "f"), 5) == b"12345"
    with pytest.raises(Corrupt, match="more than the 4 allowed"):
        files.read_limited(str(tmp_path / "f"), 4)
    with pytest.raises(Corrupt, match="no regular file"):
        files.read_limited("/dev/zero", 4)
    with pytest.raises(NotFound):
        files.read_limited(str(tmp_path / "none"), 4)


def test_read_chunks_from_an_offset(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    assert list(files.read_chunks(str(tmp_path / "f"), 3, 4)) == [b"3456", b"789"]


def test_a_lock_is_exclusive_and_ends_with_its_block(tmp_path: Path) -> None:
    with locks.locked(str(tmp_path)):
        assert locks.is_held(str(tmp_path))
        fd = os.open(tmp_path, os.O_RDONLY)
        assert not locks.take(fd)
        assert not locks.take(fd, shared=True)
        os.close(fd)
    assert not locks.is_held(str(tmp_path))


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    ready_read, ready_write = os.pipe()
    child = os.fork()
    if not child:
        with locks.locked(str(tmp_path)):
            os.write(ready_write, b"x")
            os.kill(os.getpid(), 9)
    os.read(ready_read, 1)
    os.waitpid(child, 0)
    with locks.locked(str(tmp_path)):
        pass
    os.close(ready_read)
    os.close(ready_write)


def test_remove_tree_does_not_follow_links_and_takes_every_kind(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    tree = tmp_path / "tree"
    (tree / "sub" / "deep").mkdir(parents=True)
    (tree / "link").symlink_to(outside)
    (tree / "sub" / "dangling").symlink_to("nowhere")
    os.mkfifo(tree / "fifo")
    trees.remove_tree(str(tree))
    assert not tree.exists()
    assert (outside / "kept").exists()
    trees.remove_tree(str(tree))
    (tmp_path / "alias").symlink_to(outside)
    trees.remove_tree(str(tmp_path / "alias"))
    assert (outside / "kept").exists()


def test_run_feeds_and_collects_more_than_a_pipe_holds() -> None:
    data = os.urandom(1 << 20)
    result = process.run(["/bin/cat"], env={}, input=data)
    assert (result.status, result.stdout, result.stderr) == (0, data, b"")


def test_run_tells_status_signal_and_stderr() -> None:
    result = process.run(["/bin/sh", "-c", "echo bad >&2; exit 3"], env={})
    assert (result.status, result.stderr) == (3, b"bad\n")
    assert process.run(["/bin/sh", "-c", "kill -9 $$"], env={}).status == 137
    assert process.run(["/bin/true"], env={}, input=b"x" * (1 << 20)).status == 0


def test_find_looks_on_the_path_then_in_the_system_directories(tmp_path: Path) -> None:
    mine = tmp_path / "true"
    mine.write_text("#!/bin/sh\n")
    assert process.find("true", str(tmp_path)) in ("/usr/bin/true", "/bin/true")
    mine.chmod(0o755)
    assert process.find("true", str(tmp_path)) == str(mine)
    assert process.find("no-such-program-here") is None
    assert process.find(str(tmp_path)) is None


def test_replacing_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def fail() -> None:
        with files.replacing(str(path)) as fd:
            files.write_all(fd, b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_bytes() == b"before"
    with files.replacing(str(path)) as fd:
        files.write_all(fd, b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert os.listdir(tmp_path) == ["file"]


def test_output_follows_links_and_spares_devices(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/file")
    with files.output(str(tmp_path / "link")) as fd:
        files.write_all(fd, b"through")
    assert (tmp_path / "there" / "file").read_bytes() == b"through"
    assert (tmp_path / "link").is_symlink()
    with files.output("/dev/null") as fd:
        files.write_all(fd, b"gone")
    assert not Path("/dev/null").is_file()
    read, write = os.pipe()
    with files.output(f"/dev/fd/{write}") as fd:
        files.write_all(fd, b"piped")
    os.close(write)
    assert os.read(read, 100) == b"piped"
    os.close(read)
    with pytest.raises(IsADirectoryError), files.output(str(tmp_path)):
        pass


def test_a_stream_is_read_to_its_end_also_when_it_does_not_block() -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)

    def late() -> None:
        time.sleep(0.05)
        os.write(write, b"two")
        os.close(write)

    os.write(write, b"one")
    thread = threading.Thread(target=late)
    thread.start()
    assert b"".join(files.read_stream(read, "pipe")) == b"onetwo"
    thread.join()
    os.close(read)
    with pytest.raises(Unavailable, match="gone: cannot be read: bad file descriptor"):
        next(files.read_stream(read, "gone"))
