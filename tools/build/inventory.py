"""The packages in an image: its databases found, and read."""

from __future__ import annotations

import os

from ..errors import OcipipeError
from ..host import files
from ..layers import lowers
from . import packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..layers.lowers import Found
    from .packages import Package
    from .trees import Tree

_LIMIT = 64 << 20
_DPKG, _APK = b"var/lib/dpkg/status", (b"lib/apk/db/installed", b"usr/lib/apk/db/installed")
_DISTROLESS = b"var/lib/dpkg/status.d"
_NOT_SEARCHED = frozenset((b"proc", b"sys", b"dev"))


def system(image: Tree) -> dict[str, str]:
    """What os-release says."""
    return packages.os_release(_read(image, b"etc/os-release") or _read(image, b"usr/lib/os-release"))


def found(image: Tree) -> list[Package]:
    """Every package, once, in a fixed order."""
    there = [*packages.debian(_read(image, _DPKG)), *_distroless(image)]
    for path in dict.fromkeys(map(image.resolve, _APK)):
        there += packages.alpine(_read(image, path))
    for text in _python(image):
        one = packages.python(text)
        there += [] if one is None else [one]
    by_key = {(one.kind, one.name, one.version, one.architecture): one for one in there}
    return [by_key[key] for key in sorted(by_key)]


def _distroless(image: Tree) -> Iterator[Package]:
    path = image.resolve(_DISTROLESS)
    directory = image.look(path)
    if directory is not None and directory.is_directory:
        for name in image.names(directory):
            if not name.endswith(b".md5sums"):
                yield from packages.debian(_read(image, path + b"/" + name))


def _python(image: Tree) -> Iterator[str]:
    """The metadata of every Python distribution, wherever it is."""
    top = image.look(b"")
    waiting = [] if top is None else [(b"", top)]
    while waiting:
        path, directory = waiting.pop()
        for name in _searched(directory):
            if not path and name in _NOT_SEARCHED:
                continue
            if name.endswith(b".dist-info"):
                yield _text(_inner(directory, name, b"METADATA"))
            elif name.endswith(b".egg-info"):
                yield _text(_inner(directory, name, b"PKG-INFO")) or _text(lowers.look(directory.paths, name))
            else:
                inner = lowers.look(directory.paths, name)
                if inner is not None and inner.is_directory:
                    waiting.append((path + b"/" + name, inner))


def _searched(directory: Found) -> list[bytes]:
    """The names in a directory that may be directories, or old metadata; no other file is looked at."""
    found: set[bytes] = set()
    for path in directory.paths:
        with os.scandir(path) as entries:
            found |= {
                one.name for one in entries if one.is_dir(follow_symlinks=False) or one.name.endswith(b".egg-info")
            }
    return sorted(found)


def _inner(directory: Found, name: bytes, inner: bytes) -> Found | None:
    there = lowers.look(directory.paths, name)
    return lowers.look(there.paths, inner) if there is not None and there.is_directory else None


def _read(image: Tree, path: bytes) -> str:
    return _text(image.look(image.resolve(path)))


def _text(there: Found | None) -> str:
    """The text of a file, '' for none that can be read."""
    if there is None or there.is_directory:
        return ""
    try:
        return files.read_limited(os.fsdecode(there.paths[0]), _LIMIT).decode("utf-8", "replace")
    except OcipipeError:
        return ""
