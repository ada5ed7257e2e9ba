"""The values of ctr-run's options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ocipipe.errors import UsageError
from ocipipe.runtime import options


@pytest.mark.parametrize(
    ("text", "source", "destination", "words"),
    [
        ("/a:/b", "/a", "/b", ["rbind", "rprivate"]),
        ("/a:/b:ro", "/a", "/b", ["rbind", "rprivate", "ro"]),
        ("/a:/b:rw,rslave", "/a", "/b", ["rbind", "rslave", "rw"]),
        ("/a:/b:bind,noexec,shared", "/a", "/b", ["bind", "shared", "noexec"]),
    ],
)
def test_volume(text: str, source: str, destination: str, words: list[str]) -> None:
    found = options.volume(text)
    assert found.make
    assert found.document() == {"destination": destination, "type": "bind", "source": source, "options": words}


@pytest.mark.parametrize(
    ("text", "document"),
    [
        (
            "type=bind,source=/a,destination=/b",
            {"destination": "/b", "type": "bind", "source": "/a", "options": ["rbind", "rprivate"]},
        ),
        (
            "type=bind,src=/a,dst=/b,ro,bind-propagation=rshared",
            {"destination": "/b", "type": "bind", "source": "/a", "options": ["rbind", "rshared", "ro"]},
        ),
        (
            "type=bind,src=/a,target=/b,readonly=false,bind-nonrecursive=true",
            {"destination": "/b", "type": "bind", "source": "/a", "options": ["bind", "rprivate"]},
        ),
        (
            "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700,readonly",
            {
                "destination": "/t", "type": "tmpfs", "source": "tmpfs",
                "options": ["ro", "nosuid", "nodev", "noexec", "size=1m", "mode=700"],
            },
        ),
    ],
)  # fmt: skip
def test_mount(text: str, document: dict[str, object]) -> None:
    found = options.mount(text)
    assert not found.make
    assert found.document() == document


def test_tmpfs() -> None:
    assert options.tmpfs("/t").options == ["nosuid", "nodev", "noexec"]
    assert options.tmpfs("/t:exec,size=1m").options == ["nosuid", "nodev", "exec", "size=1m"]
    assert options.tmpfs("/t:nodev,mode=1777").options == ["nosuid", "noexec", "nodev", "mode=1777"]


@pytest.mark.parametrize(
    ("text", "soft", "hard"),
    [("nofile=5", 5, 5), ("core=0:unlimited", 0, 2**64 - 1), ("nproc=-1", 2**64 - 1, 2**64 - 1), ("stack=1:2", 1, 2)],
)
def test_ulimit(text: str, soft: int, hard: int) -> None:
    name = text.partition("=")[0].upper()
    assert options.ulimit(text) == {"type": f"RLIMIT_{name}", "soft": soft, "hard": hard}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/dev/a", ("/dev/a", "/dev/a", "rwm")),
        ("/dev/a:/dev/b", ("/dev/a", "/dev/b", "rwm")),
        ("/dev/a:r", ("/dev/a", "/dev/a", "r")),
        ("/dev/a:/dev/b:wm", ("/dev/a", "/dev/b", "wm")),
    ],
)
def test_device(text: str, parts: tuple[str, str, str]) -> None:
    assert options.device(text) == parts


def test_pairs() -> None:
    assert options.pairs(["a=b", "c", "d=e=f", "a=last"], "--label") == {"a": "last", "c": "", "d": "e=f"}


def test_environment() -> None:
    base = ["PATH=/bin", "A=image", "B=image", "EQ=a=b"]
    files = [("one", "# no\n\nA=file\n  INDENTED=x\nHERE\nGONE\n"), ("two", "C=two\r\nQ='kept'\n")]
    found = options.environment(base, files, ["B=option", "EMPTY=", "HERE2", "GONE2"], {"HERE": "1", "HERE2": "2"})
    assert found == [
        "PATH=/bin", "A=file", "B=option", "EQ=a=b", "INDENTED=x", "HERE=1", "C=two", "Q='kept'", "EMPTY=", "HERE2=2",
    ]  # fmt: skip


REFUSED: list[tuple[Callable[[str], Any], str]] = [
    *((options.volume, text) for text in ("", "/a", "a:/b", "/a:b", "/a:/b:x", "/a:/b:ro:rw", ":/b", "/a:", "/a:/b:")),
    *((options.mount, text) for text in (
        "", "type=bind", "type=bind,src=a,dst=/b", "type=bind,src=/a", "type=bind,src=/a,dst=/", "type=x,dst=/b",
        "type=bind,src=/a,dst=/b,ro=perhaps", "type=tmpfs,dst=/b,src=/a", "type=bind,src=/a,dst=/b,x", "src=/a,dst=/b",
        "type=bind,src=/a,dst=/b,bind-propagation=odd",
    )),
    *((options.tmpfs, text) for text in ("", "a", "/", "/a/..")),
    *((options.ulimit, text) for text in ("", "nofile", "nofile=", "nofile=x", "x=1", "nofile=2:1", "nofile=1:2:3", "NOFILE=1")),
    *((options.device, text) for text in ("", "a", "/a:b:c", "/a:/b:/c", "/a:", "/a:/b:x", "/a:/b:")),
]  # fmt: skip


@pytest.mark.parametrize(("parse", "text"), REFUSED)
def test_refused(parse: Callable[[str], Any], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.problem


@pytest.mark.parametrize("text", ["a b=c", "=x", "\ta\tb=c"])
def test_lines_that_are_no_variable(text: str) -> None:
    with pytest.raises(UsageError, match="file:2"):
        options.environment([], [("file", f"A=1\n{text}\n")], [], {})
