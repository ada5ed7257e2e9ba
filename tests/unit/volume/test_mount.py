"""volume/mount: file systems mounted for the first container that lives and unmounted with the last."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from boxes import container_record
from cli_world import context

from ocipipe.errors import Conflict, NotFound, Unavailable
from ocipipe.host import mounts
from ocipipe.store.container import Container
from ocipipe.store.store import Store
from ocipipe.store.volumes import Volume
from ocipipe.volume.create import Settings, create
from ocipipe.volume.fill import copy_up
from ocipipe.volume.mount import acquire, left_mounted, reading, release, sweep
from ocipipe.volume.remove import remove


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(str(tmp_path / "store"))
    yield found
    left = mounts.mounted_under(found.root)
    mounts.unmount_under(found.root)
    assert left == []


@pytest.fixture
def scratch(store: Store) -> Volume:
    """A volume in memory."""
    return made(store, "scratch", {"type": "tmpfs", "o": "size=2m,mode=1770"})


def made(store: Store, name: str, options: dict[str, str]) -> Volume:
    return create(context(store.root), store, name, Settings("", options, {}))


def user(store: Store, digit: str, *names: str) -> Container:
    """A container that uses these volumes and whose command lives."""
    return store.containers.create(container_record(digit, list(names)))


@contextmanager
def running(container: Container) -> Iterator[None]:
    lock = container.lock_file("run.lock")
    yield
    os.close(lock)


def end(container: Container) -> None:
    os.close(container.lock)


def is_mounted(volume: Volume) -> bool:
    return mounts.mounted_under(volume.data) != []


def test_a_plain_volume_is_there(store: Store) -> None:
    plain = made(store, "plain", {})
    assert acquire(store, "plain", {}) == plain.data
    assert not is_mounted(plain)
    release(store, "plain")
    with pytest.raises(NotFound):
        acquire(store, "none", {})
    release(store, "none")


def test_from_the_first_to_the_last(store: Store, scratch: Volume) -> None:
    one, two = user(store, "1", "scratch"), user(store, "2", "scratch")
    path = acquire(store, "scratch", {})
    assert path == scratch.data
    assert os.stat(path).st_mode & 0o7777 == 0o1770
    Path(path, "file").write_text("x")
    assert acquire(store, "scratch", {}) == path
    assert len(mounts.mounted_under(path)) == 1
    release(store, "scratch", one.id)
    assert os.listdir(path) == ["file"], "the other one lives"
    end(one)
    release(store, "scratch", two.id)
    assert not is_mounted(scratch)
    assert acquire(store, "scratch", {}) == path
    assert os.listdir(path) == []
    release(store, "scratch", two.id)
    end(two)


def test_a_runtime_s_lock_counts_as_well(store: Store, scratch: Volume) -> None:
    one, two = user(store, "1", "scratch"), user(store, "2", "scratch")
    with running(one):
        acquire(store, "scratch", {})
        end(one)
        release(store, "scratch", two.id)
        assert is_mounted(scratch)
    release(store, "scratch", two.id)
    assert not is_mounted(scratch)
    end(two)


def test_what_killed_commands_left_is_found_and_undone(store: Store, scratch: Volume) -> None:
    one = user(store, "1", "scratch")
    acquire(store, "scratch", {})
    assert list(left_mounted(store)) == []
    end(one)
    assert [found.name for found in left_mounted(store)] == ["scratch"]
    sweep(store)
    assert not is_mounted(scratch)


def test_a_directory_of_the_host(store: Store, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    volume = made(store, "host", {"type": "none", "device": str(tmp_path / "host"), "o": "bind"})
    one = user(store, "1", "host")
    Path(acquire(store, "host", {}), "file").write_text("x")
    with pytest.raises(Conflict, match="container c1 uses it"):
        remove(store, "host")
    end(one)
    store.containers.remove(one)
    remove(store, "host")
    assert not os.path.exists(volume.path)
    assert (tmp_path / "host" / "file").read_text() == "x"


def test_what_cannot_be_mounted(store: Store) -> None:
    made(store, "bad", {"type": "none", "device": "/none/such", "o": "bind"})
    made(store, "odd", {"type": "nosuchfs", "device": "x"})
    for name in ("bad", "odd"):
        with pytest.raises(Unavailable, match=f"{name}: its no[a-z]* file system cannot be mounted"):
            acquire(store, name, {})
        remove(store, name)


def test_reading_mounts_for_as_long_as_it_takes(store: Store, scratch: Volume) -> None:
    with reading(store, "scratch", {}) as volume:
        assert is_mounted(volume)
    assert not is_mounted(scratch)


@pytest.fixture
def rootfs(tmp_path: Path) -> str:
    (tmp_path / "rootfs" / "srv").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "rootfs" / "srv" / name).write_text(name)
    return str(tmp_path / "rootfs")


def test_copy_up_into_what_is_mounted(store: Store, scratch: Volume, rootfs: str) -> None:
    one = user(store, "1", "scratch")
    acquire(store, "scratch", {})
    assert copy_up(store, "scratch", rootfs, "/srv", {})
    assert sorted(os.listdir(scratch.data)) == ["a", "b"]
    assert not copy_up(store, "scratch", rootfs, "/srv", {})
    assert sorted(os.listdir(scratch.path)) == ["data", "record.json"]
    release(store, "scratch", one.id)
    end(one)


def test_one_that_was_killed_half_way_there_is_done_again(store: Store, scratch: Volume, rootfs: str) -> None:
    one = user(store, "1", "scratch")
    acquire(store, "scratch", {})
    Path(scratch.path, "half").write_text("")
    Path(scratch.data, "a").write_text("hal")
    assert copy_up(store, "scratch", rootfs, "/srv", {})
    assert (Path(scratch.data, "a").read_text(), Path(scratch.data, "b").read_text()) == ("a", "b")
    assert sorted(os.listdir(scratch.path)) == ["data", "record.json"]
    release(store, "scratch", one.id)
    end(one)


def test_no_copy_up_under_a_running_container(store: Store, scratch: Volume, rootfs: str) -> None:
    """Its links could lead us anywhere on the host."""
    one = user(store, "1", "scratch")
    with running(one):
        acquire(store, "scratch", {})
        assert not copy_up(store, "scratch", rootfs, "/srv", {})
        assert os.listdir(scratch.data) == []
    release(store, "scratch", one.id)
    end(one)


def test_something_else_is_mounted_in_it(store: Store, tmp_path: Path) -> None:
    plain = made(store, "plain", {})
    Path(plain.data, "m").mkdir()
    mounts.mount("tmpfs", f"{plain.data}/m", "tmpfs")
    with pytest.raises(Conflict, match="something is mounted"):
        remove(store, "plain")
    mounts.unmount(f"{plain.data}/m")
    remove(store, "plain")
