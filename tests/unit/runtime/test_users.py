"""Who a process is: docker's rules for user[:group], on passwd and group files of every kind."""

from __future__ import annotations

import pytest

from ocipipe.errors import NotFound
from ocipipe.runtime.users import resolve

PASSWD = """root:x:0:0:root:/root:/bin/sh
app:x:1000:1001:App:/home/app:/bin/sh
homeless:x:1002:1002:::/bin/sh
broken line
short:x:5:5
1000:x:77:77::/seventy-seven:/bin/sh
twin:x:1000:9:::
"""
GROUP = """root:x:0:
app:x:1001:
extra:x:2000:other,app
wheel:x:10:root,app
more:x:3000:app
broken:x
"""


def shown(text: str, passwd: str = PASSWD, group: str = GROUP) -> tuple[int, int, list[int], str]:
    user = resolve(text, passwd, group)
    return user.uid, user.gid, user.additional, user.home


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0, [10], "/root")),
        ("root", (0, 0, [10], "/root")),
        ("0", (0, 0, [10], "/root")),
        ("app", (1000, 1001, [10, 2000, 3000], "/home/app")),
        ("1000", (77, 77, [], "/seventy-seven")),  # a name is looked for before a number
        ("app:", (1000, 1001, [10, 2000, 3000], "/home/app")),
        ("app:extra", (1000, 2000, [], "/home/app")),
        ("app:2000", (1000, 2000, [], "/home/app")),
        ("app:4444", (1000, 4444, [], "/home/app")),
        (":extra", (0, 2000, [], "/root")),
        ("homeless", (1002, 1002, [], "/")),
        ("4321", (4321, 0, [], "/")),
        ("4321:1", (4321, 1, [], "/")),
        ("2147483647", (2147483647, 0, [], "/")),
    ],
)
def test_resolve(text: str, expected: tuple[int, int, list[int], str]) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize("text", ["nobody", "broken line", "short", "-1", "2147483648", "1.5", "٣", "app:nobody", "app:-1"])
def test_who_is_not_there(text: str) -> None:
    with pytest.raises(NotFound, match="no such (user|group) in the image"):
        resolve(text, PASSWD, GROUP)


def test_without_files() -> None:
    assert shown("", "", "") == (0, 0, [], "/")
    assert shown("7:8", "", "") == (7, 8, [], "/")
    with pytest.raises(NotFound):
        resolve("root", "", "")


def test_line_ends_and_spaces() -> None:
    assert shown("a", "a:x:5:6::/h:/s\r\n", "g:x:7:b,a\r\n") == (5, 6, [7], "/h")
    assert shown("a", "  a:x:5:6::/h:/s", "g:x:7:a") == (5, 6, [7], "/h")
