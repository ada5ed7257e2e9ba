"""volume/fill and volume/copy: an image's directory copied up, once, whole, and never from the host."""

from __future__ import annotations

import os
import random
import stat
import threading
from pathlib import Path

import pytest
from cli_world import context
from layer_trees import snapshot

from ocipipe.errors import Conflict, Unavailable
from ocipipe.host import mounts
from ocipipe.store.store import Store
from ocipipe.store.volumes import Volume
from ocipipe.volume import fill as filling
from ocipipe.volume.copy import copy_tree
from ocipipe.volume.create import Settings, create
from ocipipe.volume.fill import copy_up, fill, finish, is_empty, is_pending


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def volume(store: Store) -> Volume:
    return create(context(store.root), store, "data", Settings("", {}, {}))


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    """A root with all that a file can have in srv/data, and links that lead elsewhere."""
    root = tmp_path / "rootfs"
    data = root / "srv" / "data"
    (data / "d").mkdir(parents=True)
    (data / "d" / "file").write_bytes(b"content")
    os.link(data / "d" / "file", data / "hard")
    os.symlink("/etc/shadow", data / "link")
    os.mkfifo(data / "fifo")
    os.mknod(data / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (data / "suid").write_bytes(b"s")
    os.chown(data / "suid", 5, 3_000_000)
    os.chmod(data / "suid", 0o4711)
    os.setxattr(data / "suid", "user.k", b"v\xff")
    os.setxattr(data / "suid", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
    os.setxattr(data / "d", "trusted.x", b"t")
    with (data / "holes").open("wb") as file:
        file.seek(1 << 20)
        file.write(random.Random(1).randbytes(5000))
    os.chown(data, 33, 44)
    os.chmod(data, 0o2770)
    os.setxattr(data, "user.top", b"1")
    for path in (*data.rglob("*"), data):
        os.utime(path, ns=(0, 1_500_000_000_123_456_789), follow_symlinks=False)
    os.symlink("srv/data", root / "relative")
    os.symlink("/srv/data", root / "absolute")
    os.symlink("../../../../../srv", root / "srv" / "climbing")
    return root


@pytest.mark.parametrize("destination", ["/srv/data", "/srv/data/", "/relative", "/absolute", "/srv/climbing/data"])
def test_everything_is_copied(store: Store, volume: Volume, rootfs: Path, destination: str) -> None:
    assert copy_up(store, "data", str(rootfs), destination, {})
    source = rootfs / "srv" / "data"
    assert snapshot(volume.data) == snapshot(source)
    assert os.stat(Path(volume.data, "hard")).st_ino == os.stat(Path(volume.data, "d", "file")).st_ino
    assert os.stat(Path(volume.data, "holes")).st_blocks == os.stat(source / "holes").st_blocks
    assert sorted(os.listdir(volume.path)) == ["data", "record.json"]


def test_only_an_empty_volume(store: Store, volume: Volume, rootfs: Path) -> None:
    Path(volume.data, "mine").write_text("x")
    before = snapshot(volume.data)
    assert not copy_up(store, "data", str(rootfs), "/srv/data", {})
    assert snapshot(volume.data) == before


def test_an_empty_directory_gives_its_attributes(store: Store, volume: Volume, rootfs: Path) -> None:
    (rootfs / "empty").mkdir(mode=0o700)
    os.chown(rootfs / "empty", 5, 6)
    assert copy_up(store, "data", str(rootfs), "/empty", {})
    assert snapshot(volume.data) == snapshot(rootfs / "empty")


def test_nothing_there(store: Store, volume: Volume, rootfs: Path) -> None:
    before = snapshot(volume.data)
    os.symlink("/etc", rootfs / "out")  # which this root has not
    for destination in ("/none", "/srv/data/link", "/out", "/srv/none/deeper"):
        assert not copy_up(store, "data", str(rootfs), destination, {})
    assert snapshot(volume.data) == before
    with pytest.raises(Conflict, match="no directory"):
        copy_up(store, "data", str(rootfs), "/srv/data/hard", {})


def test_a_link_to_the_host_s_files_is_no_way_out(store: Store, volume: Volume, rootfs: Path, tmp_path: Path) -> None:
    """The path of the link exists on the host and not in the root."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("x")
    os.symlink(tmp_path / "secret", rootfs / "out")
    assert not copy_up(store, "data", str(rootfs), "/out", {})
    assert os.listdir(volume.data) == []


def test_of_two_at_once_one_fills_it(store: Store, volume: Volume, rootfs: Path) -> None:
    found: list[bool] = []
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait()
        found.append(copy_up(store, "data", str(rootfs), "/srv/data", {}))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False, False, False, True]
    assert snapshot(volume.data) == snapshot(rootfs / "srv" / "data")


def test_one_that_fails_leaves_nothing(store: Store, volume: Volume, rootfs: Path) -> None:
    def write(place: str, lock: int) -> None:
        Path(place, "half").write_text("x")
        raise KeyError

    before = snapshot(volume.data)
    with pytest.raises(KeyError), store.volumes.locked("data") as locked:
        fill(store, locked, write)
    assert snapshot(volume.data) == before
    assert sorted(os.listdir(volume.path)) == ["data", "record.json"]
    assert os.listdir(store.volumes.path) == ["data"]
    assert copy_up(store, "data", str(rootfs), "/srv/data", {})


@pytest.mark.parametrize("moved", [0, 1, 3, 8])
def test_what_was_whole_when_it_was_killed_is_finished(
    store: Store, volume: Volume, rootfs: Path, moved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever comes next; only the directory's own time is lost when some of it had been moved."""
    wanted = snapshot(rootfs / "srv" / "data")
    monkeypatch.setattr(filling, "finish", lambda volume: None)
    copy_up(store, "data", str(rootfs), "/srv/data", {})
    monkeypatch.undo()
    assert is_pending(volume)
    assert not is_empty(volume)
    source = Path(volume.path, "filling")
    for name in sorted(os.listdir(source))[:moved]:
        os.rename(source / name, Path(volume.data, name))
    with store.volumes.locked("data") as locked:
        finish(locked)
    found = snapshot(volume.data)
    if moved:
        found[b""].mtime = wanted[b""].mtime
    assert found == wanted
    assert sorted(os.listdir(volume.path)) == ["data", "record.json"]


def test_what_another_has_made_meanwhile_stays(
    store: Store, volume: Volume, rootfs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "finish", lambda volume: None)
    copy_up(store, "data", str(rootfs), "/srv/data", {})
    monkeypatch.undo()
    Path(volume.data, "hard").write_text("mine")
    with store.volumes.locked("data") as locked:
        finish(locked)
    assert Path(volume.data, "hard").read_text() == "mine"
    assert Path(volume.data, "d", "file").read_text() == "content"


def test_a_file_system_that_cannot_hold_it(store: Store, volume: Volume, rootfs: Path, tmp_path: Path) -> None:
    """Nothing is left out in silence: ramfs keeps no attributes."""
    target = tmp_path / "ram"
    target.mkdir()
    mounts.mount("ramfs", str(target), "ramfs")
    try:
        with pytest.raises(Unavailable, match="cannot be copied"):
            copy_tree(str(rootfs / "srv" / "data"), str(target / "copy"), "the data", {}, -1)
    finally:
        mounts.unmount(str(target))
