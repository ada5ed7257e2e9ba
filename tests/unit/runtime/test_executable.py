"""What execve(2) will say, told from a tree on the host: compared with the real kernel where that can be asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ocipipe.runtime.executable import CannotExecute, CommandNotFound, check
from ocipipe.runtime.users import User

Document = dict[str, Any]
ROOT = User(0, 0, [], "/")
APP = User(1000, 1000, [2000], "/")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small tree: /bin/sh is a real program without a loader of its own, /usr/bin/tool a script for it."""
    root = tmp_path / "root"
    for directory in ("bin", "usr/bin", "etc", "private", "work"):
        (root / directory).mkdir(parents=True)
    write(root / "bin" / "sh", Path("/usr/bin/tini-static").read_bytes())
    write(root / "usr" / "bin" / "tool", b"#! /bin/sh -e\n")
    write(root / "work" / "here", b"#!/bin/sh\n")
    write(root / "private" / "tool", b"#!/bin/sh\n")
    (root / "private").chmod(0o700)
    (root / "etc" / "text").write_text("words")
    (root / "sbin").symlink_to("/usr/bin")
    (root / "usr" / "bin" / "up").symlink_to("../../../../../../bin/sh")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("/nothing")
    return root


def write(path: Path, data: bytes, mode: int = 0o755) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def status(
    root: Path, command: str, *mounts: Document, user: User = ROOT, path: str = "/bin:/usr/bin", cwd: str = "/work"
) -> int:
    try:
        check(str(root), list(mounts), [command, "argument"], ["A=b", f"PATH={path}"], cwd, user)
    except (CannotExecute, CommandNotFound) as error:
        return error.status
    return 0


def bind(source: Path, destination: str, *options: str) -> Document:
    return {"destination": destination, "type": "bind", "source": str(source), "options": ["rbind", *options]}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sh", 0), ("tool", 0), ("up", 0), ("/sbin/tool", 0), ("./here", 0), ("../bin/sh", 0), ("/bin/../bin/sh", 0),
        ("", 127), ("here", 127), ("nothing", 127), ("/nothing", 127), ("./nothing", 127), ("/dangling", 127),
        ("/nothing/../bin/sh", 127), ("/etc/text", 126), ("/etc", 126), ("/etc/text/x", 126), ("/loop", 126),
        ("/loop/x", 126),
    ],
)  # fmt: skip
def test_status(root: Path, command: str, expected: int) -> None:
    assert status(root, command) == expected


def test_the_path_in_its_order(root: Path) -> None:
    write(root / "etc" / "tool", b"#!/bin/sh\n", 0o644)
    assert status(root, "tool", path="/etc:/usr/bin") == 0
    assert status(root, "tool", path="/etc") == 126
    assert status(root, "tool", path="/etc/text:/nothing") == 127
    assert status(root, "here", path="") == 0  # an empty entry is the working directory
    assert status(root, "tool", path="/private:/nothing", user=APP) == 126


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 126), (b"text", 126), (b"#!", 126), (b"#!\n/bin/sh", 126), (b"#!/bin/none\n", 127),
        (b"#!/etc/text\n", 126), (b"#!/usr/bin/tool\n", 0), (b"#!/mine\n", 126), (b"\x7fELF", 126),
    ],
)  # fmt: skip
def test_formats(root: Path, data: bytes, expected: int) -> None:
    write(root / "mine", data)
    if any(name not in ("register", "status") for name in os.listdir("/proc/sys/fs/binfmt_misc")):
        pytest.fail("this host interprets foreign formats: the expectations do not hold")
    assert status(root, "/mine") == expected


def test_another_machine_s_program(root: Path) -> None:
    head = bytearray((root / "bin" / "sh").read_bytes()[:4096])
    head[18:20] = (8).to_bytes(2, "little")  # MIPS
    write(root / "mips", bytes(head))
    assert status(root, "/mips") == 126


def test_a_loader(root: Path) -> None:
    data = Path("/bin/true").read_bytes()
    write(root / "true", data)
    assert status(root, "/true") == 127  # there is no loader in this tree
    (loader,) = {part for part in data[:4096].split(b"\0") if part.startswith(b"/lib")}
    write(root / loader.decode().lstrip("/"), Path(os.fsdecode(loader)).read_bytes())
    assert status(root, "/true") == 0
    (root / loader.decode().lstrip("/")).unlink()
    with pytest.raises(CommandNotFound, match="ld-linux"):
        check(str(root), [], ["/true"], [], "/", ROOT)


@pytest.mark.parametrize(
    ("mode", "owner", "group", "expected"),
    [
        (0o755, 0, 0, 0), (0o700, 0, 0, 126), (0o700, 1000, 0, 0), (0o070, 1000, 1000, 126), (0o070, 0, 1000, 0),
        (0o070, 0, 2000, 0), (0o070, 0, 3000, 126), (0o001, 0, 0, 0), (0o701, 0, 2000, 126), (0o644, 0, 0, 126),
    ],
)  # fmt: skip
def test_modes_are_judged_for_the_user(root: Path, mode: int, owner: int, group: int, expected: int) -> None:
    write(root / "mine", b"#!/bin/sh\n", mode)
    os.chown(root / "mine", owner, group)
    assert status(root, "/mine", user=APP) == expected
    assert status(root, "/mine") == (0 if mode & 0o111 else 126)


def test_directories_are_searched_by_the_user(root: Path) -> None:
    assert status(root, "/private/tool") == 0
    assert status(root, "/private/tool", user=APP) == 126


def test_mounts(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside / "tool", b"#!/bin/sh\n")
    (outside / "absolute").symlink_to("/bin/sh")  # as the process sees it, not as the host does
    (outside / "onto-itself").symlink_to("/new/deep/tool")
    mounted = bind(outside, "/new/deep")
    for name, expected in (("tool", 0), ("absolute", 0), ("onto-itself", 0), ("nothing", 127)):
        assert status(root, f"/new/deep/{name}", mounted) == expected
        assert status(root, f"/new/deep/{name}") == 127
    assert status(root, "/new/tool", mounted) == 127
    assert status(root, "/usr/bin/tool", bind(outside, "/sbin")) == 0  # mounted through a link: at /usr/bin
    assert status(root, "/usr/bin/up", bind(outside, "/sbin")) == 127
    assert status(root, "/one", bind(outside / "tool", "/one")) == 0
    assert status(root, "/one", bind(outside / "tool", "/one", "noexec")) == 126
    assert status(root, "tool", bind(outside, "/usr/bin", "ro")) == 0


def test_file_systems_that_only_the_container_has(root: Path) -> None:
    empty: Document = {"destination": "/work", "type": "tmpfs", "source": "tmpfs", "options": []}
    proc: Document = {"destination": "/proc", "type": "proc", "source": "proc", "options": []}
    assert status(root, "./here", empty) == 127
    assert status(root, "sh", empty, path="/work:/bin") == 0
    assert status(root, "/proc/self/exe", proc) == 0  # not judged
    assert status(root, "/proc", proc) in (0, 126)
