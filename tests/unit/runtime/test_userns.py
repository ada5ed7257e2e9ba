"""runtime/userns: what is asked of users of a container's own, their maps, and which ranges of ids are free."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocipipe.errors import Conflict, Unavailable, UsageError
from ocipipe.runtime import userns
from ocipipe.runtime.userns import Maps

ONE = Maps([(0, 1000, 1), (1, 5000, 99)], [(0, 2000, 100)])


@pytest.mark.parametrize(
    ("text", "uids", "mode", "size"),
    [
        ("private", [], "private", 65536), ("auto", [], "auto", None), ("auto:size=1", [], "auto", 1),
        ("container:x", [], "container", 65536), (None, ["0:5:6"], "private", 65536),
        ("private", ["0:5:6"], "private", 65536),
    ],
)  # fmt: skip
def test_asked(text: str | None, uids: list[str], mode: str, size: int | None) -> None:
    found = userns.asked(text, uids, [])
    assert found is not None
    assert (found.mode, found.size) == (mode, size)
    assert (found.maps is not None) == bool(uids)


def test_the_host_s() -> None:
    assert userns.asked(None, [], []) is userns.asked("host", [], []) is None


def test_maps_of_one_kind_are_for_both() -> None:
    for uids, gids in ((["0:7:2", "2:100"], []), ([], ["0:7:2", "2:100"])):
        found = userns.asked(None, uids, gids)
        assert found is not None
        assert found.maps is not None
        assert found.maps.uids == found.maps.gids == [(0, 7, 2), (2, 100, 1)]
        assert found.maps.lines == ("0 7 2\n2 100 1",) * 2
    apart = userns.asked("private", ["0:7:2"], ["0:9:3"])
    assert apart is not None
    assert apart.maps is not None
    assert (apart.maps.uids, apart.maps.gids) == ([(0, 7, 2)], [(0, 9, 3)])


@pytest.mark.parametrize(
    ("text", "uids", "problem"),
    [
        ("x", [], "is not among"), ("host:", [], "is not among"), ("private:x", [], "is not among"),
        ("container:", [], "is not among"), ("container", [], "is not among"), ("auto:", [], "is not among"),
        ("auto:size=0", [], "0 is no count"), ("auto:size=", [], "is no count"), ("auto:size=-1", [], "-1 is no count"),
        ("auto:size", [], "is no count"), ("auto:gidmapping=0:1:2", [], "gidmapping=0:1:2 is not supported"),
        ("host", ["0:1:2"], "does not go with --userns host"), ("auto", ["0:1:2"], "does not go with --userns auto"),
        ("container:x", ["0:1:2"], "does not go with"),
        (None, ["0"], "is not CONTAINER"), (None, ["0:1:2:3"], "is not CONTAINER"),
        (None, ["0:1:0"], "is not CONTAINER"), (None, ["a:1:2"], "is not CONTAINER"),
        (None, ["0:-1:2"], "is not CONTAINER"),
        (None, ["0:4294967290:9"], "is not CONTAINER"), (None, ["1:1:2"], "without a user 0"),
        (None, ["0:1:5", "4:100:1"], "overlaps another in the container"),
        (None, ["0:1:5", "5:5:1"], "overlaps another on the host"),
        (None, [f"{one}:{one}:1" for one in range(341)], "more than 340"),
    ],
)  # fmt: skip
def test_refused(text: str | None, uids: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        userns.asked(text, uids, [])


def test_translated() -> None:
    assert ONE.root == (1000, 2000)
    assert ONE.outside(5, 6) == (5004, 2006)
    assert ONE.inside(5004, 2006) == (5, 6)
    assert ONE.inside(0, 2100) == (65534, 65534)
    for uid, gid, what in ((100, 0, "user 100"), (0, 100, "group 100")):
        with pytest.raises(Conflict, match=what):
            ONE.outside(uid, gid)
    again = Maps.of_record({"users": ONE.documents})
    assert again is not None
    assert (again.uids, again.gids) == (ONE.uids, ONE.gids)
    assert Maps.of_record({}) is None


@pytest.mark.parametrize(
    ("passwd", "group", "more", "size"),
    [
        ("", "", [0], 1024), ("a:x:2000:0::/:\nnobody:x:65534:65534::/:", "b:x:3000:\n", [0], 3001),
        ("a:x:2000:0", "", [5000, 0], 5001), ("a:x:b:0\nbroken\n:::\n", "x", [0], 1024), ("", "", [70000], 65536),
    ],
)  # fmt: skip
def test_how_many_an_image_needs(passwd: str, group: str, more: list[int], size: int) -> None:
    assert userns.needed(passwd, group, more) == size


def test_lines_of_subuid() -> None:
    text = "root:1:2\ncontainers:100:50\n containers:500:10 \ncontainers:x:1\ncontainers:5\ncontainers:0:9\n"
    assert userns.subordinate(text, "/etc/subuid") == [(100, 50), (500, 10)]
    with pytest.raises(Unavailable, match="/etc/subgid: has no line of the user containers"):
        userns.subordinate("root:1:2\n", "/etc/subgid")


def test_free_ranges() -> None:
    ranges = [(500, 10), (100, 50)]
    assert userns.free(ranges, [], 50, "f") == 100
    assert userns.free(ranges, [(100, 10), (120, 30)], 10, "f") == 110
    assert userns.free([(100, 50), (500, 20)], [(100, 10), (120, 30)], 11, "f") == 500
    assert userns.free(ranges, [(90, 20)], 40, "f") == 110
    assert userns.free(ranges, [(90, 100)], 10, "f") == 500
    with pytest.raises(Unavailable, match="no 11 ids together"):
        userns.free(ranges, [(90, 100)], 11, "f")


@given(st.lists(st.integers(1, 40), max_size=12), st.lists(st.integers(0, 11), max_size=6))
def test_no_id_is_given_twice(sizes: list[int], gone: list[int]) -> None:
    """Whatever is taken and given back, all that is held lies apart and within the ranges."""
    ranges = [(10, 60), (200, 100)]
    held: list[tuple[int, int]] = []
    for number, size in enumerate(sizes):
        try:
            held.append((userns.free(ranges, held, size, "f"), size))
        except Unavailable:
            assert all(count < size or any(start <= one < start + count for one, _ in held) for start, count in ranges)
        if number in gone and held:
            held.pop(number % len(held))
        ids = [one for start, count in held for one in range(start, start + count)]
        assert len(ids) == len(set(ids))
        assert all(any(start <= one < start + count for start, count in ranges) for one in ids)
