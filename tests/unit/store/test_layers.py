"""store/layers: a directory with a chain ID's name is whole."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from oci_spec.digest import of_bytes
from ocipipe.store.store import Store

CHAIN = of_bytes(b"some layer")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store")).prepare()


def left(store: Store) -> list[str]:
    return [name for name in os.listdir(os.path.join(store.root, "layers")) if name.startswith(".tmp-")]


def fill(directory: str | None) -> None:
    assert directory is not None
    Path(directory, "file").write_text("content")


def test_a_layer_appears_when_it_is_whole(store: Store) -> None:
    with store.layers.adding(CHAIN) as directory:
        fill(directory)
        assert not store.layers.exists(CHAIN)
    assert os.listdir(store.layers.path(CHAIN)) == ["file"]
    assert left(store) == []


def test_no_other_user_reaches_a_layer(store: Store) -> None:
    """A setuid program of an image must not be one of the host's."""
    with store.layers.adding(CHAIN) as directory:
        fill(directory)
    assert os.stat(os.path.join(store.root, "layers")).st_mode & 0o077 == 0


def test_a_layer_that_is_there_is_not_added_again(store: Store) -> None:
    with store.layers.adding(CHAIN) as directory:
        fill(directory)
    with store.layers.adding(CHAIN) as directory:
        assert directory is None


def test_a_failure_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.layers.adding(CHAIN) as directory:
            fill(directory)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert not store.layers.exists(CHAIN)
    assert left(store) == []


def test_what_a_killed_command_left_is_taken_over(store: Store) -> None:
    child = os.fork()
    if not child:
        with store.layers.adding(CHAIN) as directory:
            fill(directory)
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert len(left(store)) == 1
    with store.layers.adding(CHAIN) as directory:
        assert directory is not None
        assert os.listdir(directory) == []
        fill(directory)
    assert left(store) == []


def test_the_second_of_two_uses_what_the_first_made(store: Store) -> None:
    made: list[bool] = []

    def add() -> None:
        with store.layers.adding(CHAIN) as directory:
            made.append(directory is not None)
            if directory is not None:
                threading.Event().wait(0.2)
                fill(directory)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False, False, False, True]


def test_nobody_waits_for_ever_for_another(store: Store) -> None:
    with store.layers.adding(CHAIN) as slow:
        fill(slow)
        with store.layers.adding(CHAIN, patience=0.1) as fast:
            assert fast != slow
            fill(fast)
        assert store.layers.exists(CHAIN)
    assert os.listdir(store.layers.path(CHAIN)) == ["file"]
    assert left(store) == []


def test_lowers_are_topmost_first(store: Store) -> None:
    other = of_bytes(b"above")
    assert store.layers.lowers([CHAIN, other]) == [store.layers.path(other), store.layers.path(CHAIN)]
