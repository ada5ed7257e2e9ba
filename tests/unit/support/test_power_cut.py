"""The model of a power cut: what is not synced may be lost, and what is synced may not."""

from __future__ import annotations

from power_cut import Disk, Node


def directory(**entries: int) -> Node:
    return Node("directory", entries=entries)


def outcomes(disk: Disk) -> list[dict[str, bytes | None]]:
    """Each possible tree: path -> content, None for a directory."""
    return [
        {path: None if node.kind == "directory" else node.data for path, (_, node) in tree.items() if path}
        for _, tree in disk.outages()
    ]


EMPTY = {0: directory()}
NEW = {0: directory(a=1), 1: Node("file", b"new")}


def test_nothing_is_lost_of_what_was_there() -> None:
    assert outcomes(Disk(NEW)) == [{"a": b"new"}]


def test_a_file_that_nobody_synced() -> None:
    disk = Disk(EMPTY)
    disk.change(NEW)
    assert outcomes(disk) == [{}, {"a": b""}, {"a": b"new"}, {"a": b"\0\0\0"}]


def test_a_synced_file_in_a_directory_that_was_not() -> None:
    disk = Disk(EMPTY)
    disk.change(NEW)
    disk.sync(1)
    assert outcomes(disk) == [{}, {"a": b"new"}]


def test_a_synced_directory_with_a_file_that_was_not() -> None:
    disk = Disk(EMPTY)
    disk.change(NEW)
    disk.sync(0)
    assert outcomes(disk) == [{"a": b""}, {"a": b"new"}, {"a": b"\0\0\0"}]


def test_both_synced() -> None:
    disk = Disk(EMPTY)
    disk.change(NEW)
    disk.sync(1)
    disk.sync(0)
    assert outcomes(disk) == [{"a": b"new"}]


def test_a_rename_over_a_file_keeps_one_of_the_two() -> None:
    disk = Disk({0: directory(a=1), 1: Node("file", b"old")})
    disk.change({0: directory(a=1, t=2), 1: Node("file", b"old"), 2: Node("file", b"new")})
    disk.sync(2)
    disk.change({0: directory(a=2), 2: Node("file", b"new")})
    assert outcomes(disk) == [{"a": b"old"}, {"a": b"new"}]
    disk.sync(0)
    assert outcomes(disk) == [{"a": b"new"}]


def test_a_rename_without_a_sync_may_leave_nothing_of_either() -> None:
    disk = Disk({0: directory(a=1), 1: Node("file", b"old")})
    disk.change({0: directory(a=2), 2: Node("file", b"new")})
    assert {"a": b""} in outcomes(disk)


def test_entries_come_and_go_each_for_itself() -> None:
    disk = Disk({0: directory(a=1), 1: Node("file", b"1")})
    disk.change({0: directory(b=1), 1: Node("file", b"1")})
    assert sorted(map(sorted, outcomes(disk))) == [[], ["a"], ["a", "b"], ["b"]]


def test_what_is_in_a_directory_goes_with_it() -> None:
    disk = Disk(EMPTY)
    disk.change({0: directory(d=1), 1: directory(a=2), 2: Node("file", b"new")})
    disk.sync(2)
    disk.sync(1)
    assert outcomes(disk) == [{}, {"d": None, "d/a": b"new"}]


def test_a_removed_file_may_come_back_and_a_removed_directory_with_half_of_what_it_held() -> None:
    disk = Disk({0: directory(d=1), 1: directory(a=2, b=3), 2: Node("file", b"a"), 3: Node("file", b"b")})
    disk.change({0: directory(d=1), 1: directory(b=3), 3: Node("file", b"b")})
    disk.change({0: directory()})
    assert {"d": None, "d/a": b"a", "d/b": b"b"} in outcomes(disk)
    assert {"d": None, "d/b": b"b"} in outcomes(disk)


def test_syncing_all() -> None:
    disk = Disk(EMPTY)
    disk.change(NEW)
    disk.sync_all()
    assert outcomes(disk) == [{"a": b"new"}]
