"""host/mounts on the real kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocipipe.host import mounts


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    mounts.unmount_under(str(tmp_path))


def _overlay(place: Path, lowers: list[Path]) -> Path:
    for name in ("upper", "work", "merged"):
        (place / name).mkdir()
    mounts.overlay(
        [str(lower) for lower in lowers],
        str(place / "upper"),
        str(place / "work"),
        str(place / "merged"),
        str(place / "l"),
    )
    return place / "merged"


def test_overlay_shows_the_topmost_and_writes_to_upper(place: Path) -> None:
    for name in ("a", "b"):
        (place / name).mkdir()
        (place / name / "same").write_text(name)
        (place / name / name).touch()
    merged = _overlay(place, [place / "a", place / "b"])
    assert (merged / "same").read_text() == "a"
    assert sorted(os.listdir(merged)) == ["a", "b", "same"]
    (merged / "new").touch()
    assert os.listdir(place / "upper") == ["new"]
    assert mounts.mounted_under(str(place)) == [str(merged)]
    mounts.unmount(str(merged))
    assert mounts.mounted_under(str(place)) == []


@pytest.mark.parametrize("name", ["with:colon", "with,comma", "back\\slash", "with space", "ümlaut"])
def test_overlay_paths_may_hold_any_character(place: Path, name: str) -> None:
    odd = place / name
    odd.mkdir()
    (odd / "lower").mkdir()
    (odd / "lower" / "file").touch()
    merged = _overlay(odd, [odd / "lower"])
    assert os.listdir(merged) == ["file"]
    assert mounts.mounted_under(str(odd)) == [str(merged)]


def test_overlay_of_127_layers_with_long_paths(place: Path) -> None:
    """PITFALLS 10: mount(2) takes a page of options."""
    long = place / ("x" * 200)
    long.mkdir()
    lowers = []
    for number in range(127):
        lower = long / f"{number:064d}"
        lower.mkdir()
        (lower / str(number)).touch()
        lowers.append(lower)
    before = os.getcwd()
    merged = _overlay(place, lowers)
    assert os.getcwd() == before
    assert len(os.listdir(merged)) == 127


def test_unmount_of_what_is_not_mounted_is_an_error(place: Path) -> None:
    with pytest.raises(OSError, match=str(place)):
        mounts.unmount(str(place))


SHARED = """
import os, sys
from ocipipe.host import mounts
mounts.mount("none", "/", "", flags=mounts.MS_REC | 1 << 20)  # MS_SHARED
os.chdir(sys.argv[1])
for name in ("from/sub", "to"):
    os.makedirs(name)
mounts.mount("none", "from/sub", "tmpfs")
mounts.mount("from", "to", "", flags=mounts.MS_BIND | mounts.MS_REC)
mounts.unmount_under(os.path.abspath("to"))
print([os.path.relpath(one) for one in mounts.mounted_under(os.getcwd())])
"""


def test_unmounting_a_bind_takes_nothing_away_where_it_is_from(tmp_path: Path) -> None:
    """Where mounts are shared, as systemd has them."""
    argv = ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", SHARED, str(tmp_path)]
    assert subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout == b"['from/sub']\n"
