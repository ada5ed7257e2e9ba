"""--chmod, as chmod(1) has it: compared with the program itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from oci_spec.jsondoc import FormatError
from ocipipe.build.modes import Mode

TEXTS = (
    "0", "644", "0755", "4711", "u=rwx,g=rx,o=", "a+x", "+X", "u=rwX,go=rX", "go-w", "g=u", "o=g-w", "u+s,g+s", "+t",
    "u-s", "a=", "ug=rw,o=r", "u=g,g=o", "a-x+X", "o+t",
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_as_the_program_does_it(text: str, tmp_path: Path) -> None:
    for number, before in enumerate((0o644, 0o755, 0o4750, 0o2600, 0o1777, 0)):
        for is_directory in (False, True):
            path = tmp_path / f"{number}-{is_directory}"
            path.mkdir() if is_directory else path.touch()
            os.chmod(path, before)
            argument = text if text[0] not in "+-=" else f"a{text}"  # without a who, the program asks the umask
            subprocess.run(["chmod", "--", argument, path], check=True)
            wanted = path.stat().st_mode & 0o7777
            if is_directory and text.isdigit():
                wanted &= int(text, 8)  # the program keeps a directory's set-id bits, a build knows no before
            assert Mode(text).of(before, is_directory) == wanted, (oct(before), is_directory)


@pytest.mark.parametrize("text", ["8", "", "u", "77777", "u+q", "x=r", "u=rw,", "rw"])
def test_what_is_no_mode(text: str) -> None:
    with pytest.raises(FormatError):
        Mode(text)
