"""host/rooted: what a path names in another root, compared with what a process that was moved there finds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ocipipe.host import rooted


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file").write_text("inside")
    for name, target in {
        "absolute": "/a/file", "relative": "a/file", "up": "../../../../a/file", "a/b/up": "../../a",
        "chain": "absolute", "host": "/etc/passwd", "dangling": "/nothing/here", "loop": "loop", "one": "two",
        "two": "one", "slash": "/", "a/dot": ".",
    }.items():  # fmt: skip
        (root / name).symlink_to(target)
    return root


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", ""), ("", ""), ("/a/file", "a/file"), ("a//./file", "a/file"), ("/absolute", "a/file"),
        ("/relative", "a/file"), ("/up", "a/file"), ("/../../a", "a"), ("/a/b/up/b/up/file", "a/file"),
        ("/chain", "a/file"), ("/host", "etc/passwd"), ("/dangling", "nothing/here"), ("/missing/x", "missing/x"),
        ("/missing/../a", "a"), ("/slash/slash/a", "a"), ("/a/dot/dot/file", "a/file"), ("/a/file/x", "a/file/x"),
        ("/dangling/../x", "nothing/x"),
    ],
)  # fmt: skip
def test_where_it_leads(root: Path, path: str, place: str) -> None:
    found = rooted.resolve(str(root), path)
    assert os.path.normpath(found) == os.path.normpath(os.path.join(root, place))


@pytest.mark.parametrize("path", ["/loop", "/one/x", "/a/../two"])
def test_circles(root: Path, path: str) -> None:
    with pytest.raises(OSError, match="Too many levels"):
        rooted.resolve(str(root), path)


def test_as_the_kernel_does(root: Path) -> None:
    """For what is there: chroot(2) and realpath agree."""
    busybox = Path("/bin/busybox").read_bytes()
    (root / "busybox").write_bytes(busybox)
    (root / "busybox").chmod(0o755)
    for path in ("/absolute", "/relative", "/up", "/a/b/up/b", "/chain", "/slash/a/dot/file", "/../a/b/.."):
        done = subprocess.run(
            ["/usr/sbin/chroot", str(root), "/busybox", "realpath", path], capture_output=True, text=True, check=True
        )
        assert os.path.normpath(rooted.resolve(str(root), path)) == os.path.normpath(f"{root}{done.stdout.strip()}")
