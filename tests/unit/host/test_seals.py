"""host/seals, and files.exchange: what a disk changed is told from what a program wrote."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ocipipe.errors import Corrupt
from ocipipe.host import files


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    files.write_atomic(str(path), b"content", sealed=True)
    return path


def broken(path: Path) -> bool:
    try:
        return files.read_limited(str(path), 100, sealed=True) != path.read_bytes()
    except Corrupt:
        return True


def test_a_disk_that_rots(sealed: Path) -> None:
    assert not broken(sealed)
    found = sealed.stat()
    sealed.write_bytes(b"dontent")
    os.utime(sealed, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert broken(sealed)


def test_a_program_that_writes(sealed: Path) -> None:
    sealed.write_bytes(b"other")
    os.utime(sealed, ns=(1, 1))
    assert not broken(sealed)


def test_replaced_and_copied(sealed: Path, tmp_path: Path) -> None:
    files.write_atomic(str(sealed), b"not sealed")
    assert not broken(sealed)
    files.write_atomic(str(sealed), b"sealed again", sealed=True)
    copy = tmp_path / "copy"
    shutil.copy2(sealed, copy)
    assert not broken(copy)


def test_exchange(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.write_text("file")
    files.exchange(str(one), str(other))
    assert one.read_text() == "file"
    assert other.is_dir()
    with pytest.raises(FileNotFoundError):
        files.exchange(str(one), str(tmp_path / "none"))


def test_what_is_vouched_for(sealed: Path) -> None:
    """Only what we have written, and nobody since."""

    def vouched(path: Path) -> bool:
        return isinstance(files.read_limited(str(path), 100, sealed=True), files.Vouched)

    assert vouched(sealed)
    assert not isinstance(files.read_limited(str(sealed), 100), files.Vouched)
    sealed.write_bytes(b"content")
    assert not vouched(sealed)
    files.write_atomic(str(sealed), b"not sealed")
    assert not vouched(sealed)
