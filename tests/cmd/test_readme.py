"""The README tells the truth: its shell examples run, and the commands that it sets beside docker's exist as shown."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from ocipipe.cli import catalog
from ocipipe.cli.launch import load
from ocipipe.cli.parse import parse

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
ROWS = [line for line in README.splitlines() if line.startswith("| `docker ")]
BESIDE = [row.split(" | ", 1)[1].strip(" |`").replace("\\|", "|") for row in ROWS]
NAMES = set(catalog.names())
REAL = re.compile(r"100e6|--user nobody|getent")
"""What of the examples takes the real Debian, by its size, its users or its programs; the others have a small one."""


@pytest.mark.parametrize("block", BLOCKS, ids=[block.strip().splitlines()[0] for block in BLOCKS])
def test_shell_examples_run(block: str, programs: Path, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    env: dict[str, str] = request.getfixturevalue("debian_env" if REAL.search(block) else "example_env")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True,
        env={**env, "PATH": f"{programs}:{env['PATH']}"}, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert b'"errors"' not in done.stderr


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 5
    assert 2 <= sum(REAL.search(block) is not None for block in BLOCKS) < len(BLOCKS)
    assert len(BESIDE) >= 10


@pytest.mark.parametrize("line", BESIDE)
def test_what_stands_beside_docker_is_a_command(line: str) -> None:
    name, *argv = shlex.split(line.partition(" | ")[0])
    assert name in NAMES
    parse(load(name).COMMAND, argv)  # raises UsageError for an option or operand that is not there


@pytest.mark.parametrize("block", re.findall(r"^```json\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
def test_documents_are_json(block: str) -> None:
    assert json.loads(block.replace("…", "0"))


def test_every_command_has_an_example_or_a_row() -> None:
    shown = {word for text in [*BLOCKS, *BESIDE] for word in re.findall(r"[a-z]+-[a-z]+", text)}
    assert shown >= NAMES - {"reg-logout"}, "a command that the README only lists"
