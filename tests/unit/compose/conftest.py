"""What tests of compose share."""

from __future__ import annotations

from pathlib import Path

import pytest
from composing import written


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a project, with the files of its secrets and configs, as the working directory."""
    directory = tmp_path / "shop"
    written(directory, {"token": "s3cr3t"})
    (directory / "raw").write_bytes(b"\xff\x00")
    monkeypatch.chdir(directory)
    return directory
