"""runtime/users: docker's meaning of `user[:group]`, and passwd and group files as images have them."""

from __future__ import annotations

import pytest

from ocipipe.errors import NotFound
from ocipipe.runtime import users

PASSWD = """root:x:0:0:root:/root:/bin/sh
app:x:1000:1000:App:/home/app:/bin/sh
second:x:1000:2000:same number:/home/second:/bin/sh
77:x:5:6:a name of digits:/seventy:/bin/sh
homeless:x:9:9:::
short:x:10:11
"""
GROUP = """root:x:0:root
app:x:1000:
extra:x:2000:app,other
more:x:1500:app
again:x:1500:app
digits:x:6:77
none:x:3000
"""


@pytest.mark.parametrize(
    ("text", "uid", "gid", "additional", "home"),
    [
        ("", 0, 0, [], "/root"),
        ("root", 0, 0, [], "/root"),
        ("app", 1000, 1000, [1500, 2000], "/home/app"),
        ("1000", 1000, 1000, [1500, 2000], "/home/app"),  # the first of that number
        ("second", 1000, 2000, [], "/home/second"),
        ("77", 5, 6, [], "/seventy"),  # a name before a number
        ("4321", 4321, 0, [], "/"),
        ("app:extra", 1000, 2000, [], "/home/app"),
        ("app:7", 1000, 7, [], "/home/app"),
        ("4321:none", 4321, 3000, [], "/"),
        ("4321:1234", 4321, 1234, [], "/"),
        (":extra", 0, 2000, [], "/root"),
        ("app:", 1000, 1000, [1500, 2000], "/home/app"),
        ("homeless", 9, 9, [], "/"),
        ("short", 10, 11, [], "/"),
        ("2147483647", (1 << 31) - 1, 0, [], "/"),
    ],
)
def test_who_it_is(text: str, uid: int, gid: int, additional: list[int], home: str) -> None:
    found = users.resolve(text, PASSWD, GROUP)
    assert (found.uid, found.gid, found.additional, found.home) == (uid, gid, additional, home)


@pytest.mark.parametrize("text", ["nobody", "-1", "2147483648", "²", "٣", "1000x", "app:nogroup", "app:-1", "0:²"])
def test_who_is_nobody(text: str) -> None:
    with pytest.raises(NotFound, match=r"no such (user|group)"):
        users.resolve(text, PASSWD, GROUP)


@pytest.mark.parametrize(
    "row",
    [
        "app", "app:x", "app:x:", "app:x::1:", "app:x:²:1:a:/h:/s", "app:x:1:-1:a:/h:/s", ":x:1:1:a:/h:/s",
        "app:x:1e3:1:::",
    ],
)  # fmt: skip
def test_rows_that_make_no_sense_are_passed_over(row: str) -> None:
    with pytest.raises(NotFound):
        users.resolve("app", row, "")
    assert users.resolve("app", f"{row}\napp:x:1:2:::", "bad\nbad:x:²:app\ngood:x:3:app\n").additional == [3]


def test_without_files() -> None:
    found = users.resolve("", "", "")
    assert (found.uid, found.gid, found.additional, found.home) == (0, 0, [], "/")


def test_only_a_line_end_ends_an_entry() -> None:
    """What Python counts as a line end besides (form feed, U+2028) cannot smuggle in an entry."""
    for character in "\x0b\x0c\x1c\x85\u2028":
        with pytest.raises(NotFound):
            users.resolve("evil", f"app:x:1:1:a{character}evil:x:0:0::/:/bin/sh:/h:/s", "")


def test_groups_beside() -> None:
    group = "wheel:x:10:app\naudio:x:29:\n"
    passwd = "app:x:1000:1001::/home/app:\n"
    assert users.resolve("app", passwd, group, ["audio", "77"]).additional == [10, 29, 77]
    assert users.resolve("app:5", passwd, group, ["audio", "5"]).additional == [29]
    assert users.resolve("", passwd, group, ["0", "audio"]).additional == [29]
    with pytest.raises(NotFound, match="none: no such group"):
        users.resolve("app", passwd, group, ["none"])
