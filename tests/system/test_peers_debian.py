"""A Debian base image made with debootstrap: runs, and keeps what gets lost easily on the way."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import Commands
from images import Image, layer_path
from layer_trees import Node, snapshot
from rootfs import CAPABILITY, MTIME

from ocipipe.host import mounts, trees

GETXATTR = {"x86_64": 191, "aarch64": 8}
"""The system call's number: the image has perl and no getfattr."""


class World:
    """A store that has pulled Debian, and what pulled it."""

    def __init__(self, run: Commands, root: Path, base: str) -> None:
        self.run = run
        self.root = root
        self.base = base
        self.first = run("img-pull", base).documents


@pytest.fixture(scope="module")
def debian(
    programs: Path, registry: Any, debian_image: Image, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    debian_image.push(registry.address, "system/debian", "bookworm")
    place = tmp_path_factory.mktemp("debian")
    env = {
        "PATH": os.environ["PATH"], "HOME": str(place), "OCIPIPE_ROOT": str(place / "store"),
        "OCIPIPE_RUN_ROOT": str(place / "run"), "OCIPIPE_NETWORK": "none",
    }  # fmt: skip
    yield World(Commands(programs, env), place / "store", f"{registry.address}/system/debian:bookworm")
    assert mounts.mounted_under(str(place)) == []
    trees.remove_tree(str(place))


def tree(root: Path) -> dict[bytes, Node]:
    """Every path with all that it shows but for its time."""
    found = snapshot(root)
    for node in found.values():
        node.mtime = None
    del found[b""]  # the archive has no entry for the root itself
    return found


def hard_links(root: Path) -> set[frozenset[str]]:
    """The groups of names that are one file."""
    groups: dict[int, set[str]] = defaultdict(set)
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            found = os.lstat(path)
            if found.st_nlink > 1:
                groups[found.st_ino].add(os.path.relpath(path, root))
    return {frozenset(group) for group in groups.values()}


def test_it_runs(debian: World) -> None:
    done = debian.run.shell(f"img-pull {debian.base} | ctr-run --rm - cat /etc/os-release")
    assert b"Debian GNU/Linux 12" in done.out


def test_inside_a_container(debian: World) -> None:
    run, base = debian.run, debian.base
    script = "cd /opt/kept; stat -c '%n %a %u:%g %h %F' capable device fifo linked owned plain setgid setuid sticky"
    assert run("ctr-run", "--rm", base, "bash", "-c", script).out.decode().splitlines() == [
        "capable 755 0:0 1 regular file",
        "device 666 0:0 1 character special file",
        "fifo 640 0:0 1 fifo",
        "linked 644 0:0 2 regular file",
        "owned 644 123456:654321 1 regular file",
        "plain 644 0:0 2 regular file",
        "setgid 2755 0:42 1 regular file",
        "setuid 4755 0:0 1 regular file",
        "sticky 1777 0:0 2 directory",
    ]
    perl = (
        'my ($p, $a, $b) = ("/opt/kept/capable", "security.capability", "\\0" x 64); '
        f"my $n = syscall({GETXATTR[platform.machine()]}, $p, $a, $b, 64); "
        'print unpack("H*", substr($b, 0, $n))'
    )
    seen = run("ctr-run", "--rm", base, "perl", "-e", perl)
    assert seen.out.decode() == CAPABILITY.hex()


def test_the_unpacked_layer_is_the_tree(debian: World, debian_image: Image, debian_root: Path) -> None:
    """Containers have run on it by now, too."""
    layer = layer_path(debian.root, debian_image)
    assert tree(layer) == tree(debian_root)
    assert hard_links(layer) == hard_links(debian_root)
    assert os.lstat(layer / "etc" / "os-release").st_mtime == MTIME


def test_the_unpacked_bundle_is_the_tree(debian: World, debian_root: Path, tmp_path: Path) -> None:
    debian.run("ctr-unpack", debian.base, tmp_path / "bundle")
    rootfs = tmp_path / "bundle" / "rootfs"
    assert tree(rootfs) == tree(debian_root)
    assert hard_links(rootfs) == hard_links(debian_root)


def test_a_second_pull_writes_nothing_again(debian: World, debian_image: Image) -> None:
    blobs = debian.root / "images" / "blobs" / "sha256"
    files = {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in blobs.iterdir()}
    assert debian.run("img-pull", debian.base).documents == debian.first
    assert debian.first[0]["digest"] == debian_image.digest
    assert {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in blobs.iterdir()} == files
