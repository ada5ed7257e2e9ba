"""store/leases: held while the command lives, gone with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocipipe.host import locks
from ocipipe.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store")).prepare()


def test_a_lease_holds_what_was_added_until_it_ends(store: Store) -> None:
    with store.leases.hold() as lease, store.leases.hold() as other:
        lease.add("sha256:a", "sha256:b")
        other.add("sha256:b", "sha256:c")
        assert store.leases.held() == {"sha256:a", "sha256:b", "sha256:c"}
    assert store.leases.held() == set()
    assert os.listdir(os.path.join(store.root, "leases")) == []


def test_a_killed_command_holds_nothing_and_is_cleaned_up(store: Store) -> None:
    child = os.fork()
    if not child:
        with store.leases.hold() as lease:
            lease.add("sha256:a")
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert len(os.listdir(os.path.join(store.root, "leases"))) == 1
    assert store.leases.held() == set()
    assert os.listdir(os.path.join(store.root, "leases")) == []


def test_adding_waits_while_a_collector_works(store: Store) -> None:
    with store.leases.hold() as lease:
        ready_read, ready_write = os.pipe()
        with locks.locked(os.path.join(store.root, "leases")):
            child = os.fork()
            if not child:
                lease.add("sha256:a")
                os.write(ready_write, b"x")
                os._exit(0)
            os.set_blocking(ready_read, False)
            with pytest.raises(BlockingIOError):
                os.read(ready_read, 1)
        os.waitpid(child, 0)
        assert os.read(ready_read, 1) == b"x"
        assert store.leases.held() == {"sha256:a"}
    os.close(ready_read)
    os.close(ready_write)
