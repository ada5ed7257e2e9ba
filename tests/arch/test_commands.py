"""The folder `cmd/` is the list of commands: declarations, entry points, pages, completion and scripts agree."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ocipipe.cli import catalog, completion, man, scripts
from ocipipe.cli.declare import COMMON, Command
from ocipipe.cli.launch import load

ROOT = Path(__file__).resolve().parents[2]
NAMES = catalog.names()
KINDS = {"flag", "text", "integer", "number", "bytes"}


@pytest.mark.parametrize("name", NAMES)
def test_declaration(name: str) -> None:
    module = load(name)
    command: Command = module.COMMAND
    assert command.name == name
    assert module.__doc__.startswith(f"{name}: ")
    assert command.summary == command.summary.strip(". ")
    assert command.summary[0].islower()
    assert len(command.summary) <= 72
    assert command.examples, "a command shows how it is used"
    for line, meaning in command.examples:
        assert name in line
        assert meaning
    flags = [flag for option in (*command.common, *command.options) for flag in option.flags]
    assert len(flags) == len(set(flags)), "one flag, one option"
    dests = [option.dest for option in (*command.common, *command.options)] + [
        operand.dest for operand in command.operands
    ]
    assert len(dests) == len(set(dests)), "one name, one value"
    for option in command.options:
        assert option.kind in KINDS
        assert option.long.startswith("--")
        assert option.help
        assert option.help[0] == option.help[0].lower() or option.help[:2].isupper()
        assert not option.help.endswith(".")
        assert option.default is None or option.many or not option.choices or option.default in option.choices
    assert sum(operand.many for operand in command.operands) <= 1
    assert set(command.see) <= set(NAMES), "a page that does not exist"


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_in_one_of_three_ways(name: str) -> None:
    module = load(name)
    command: Command = module.COMMAND
    if command.objects:
        assert command.objects in [operand.dest for operand in command.operands]
        one, all_ = getattr(module, "each", None), getattr(module, "together", None)
        assert (one is None) != (all_ is None)
        if one is not None:
            assert list(inspect.signature(one).parameters) == ["ctx", "args", "item"]
        else:
            assert list(inspect.signature(all_).parameters) == ["ctx", "args", "items"]
        assert not hasattr(module, "run")
    else:
        assert list(inspect.signature(module.run).parameters) == ["ctx", "args"]
        assert not hasattr(module, "each")
        assert not hasattr(module, "together")


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_used(name: str) -> None:
    """A flag that is parsed and then ignored would be a lie: its name is read somewhere in our sources."""
    command: Command = load(name).COMMAND
    sources = "\n".join(path.read_text() for path in (ROOT / "tools").rglob("*.py") if path.parent.name != "cli")
    unused = [option.long for option in command.options if option.dest not in sources]
    assert not unused


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_short(name: str) -> None:
    path = ROOT / "tools" / "cmd" / f"{name.replace('-', '_')}.py"
    assert len(path.read_text().splitlines()) <= 150


def test_entry_points_are_the_folder() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert declared == {name: f"ocipipe.cmd.{name.replace('-', '_')}:COMMAND" for name in NAMES}


def test_packages_are_the_folders() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT / "tools") for path in (ROOT / "tools").rglob("__init__.py")}
    expected = {".".join(("ocipipe", *folder.parts)) for folder in folders} | {"oci_spec"}
    assert set(declared) == expected
    with_code = {path.parent.relative_to(ROOT / "tools") for path in (ROOT / "tools").rglob("*.py")}
    assert with_code == folders, "a folder without __init__.py is in no wheel"


def test_manual_pages_are_true() -> None:
    wanted = {f"{name}.1": man.page(load(name).COMMAND) for name in NAMES}
    found = {path.name: path.read_text() for path in (ROOT / "man").iterdir()}
    assert sorted(found) == sorted(wanted), "make man"
    assert [name for name, text in wanted.items() if found[name] != text] == [], "make man"


@pytest.mark.parametrize("name", NAMES)
def test_manual_page_is_good_roff(name: str, tmp_path: Path) -> None:
    page = tmp_path / f"{name}.1"
    page.write_text(man.page(load(name).COMMAND))
    done = subprocess.run(
        ["man", "--warnings", "-l", str(page)], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "MANWIDTH": "100", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == ""
    for option in (*COMMON, *load(name).COMMAND.options):
        assert option.long in done.stdout
    for line, _ in load(name).COMMAND.examples:
        assert line.splitlines()[0] in done.stdout


def test_readme_table_is_true() -> None:
    readme = (ROOT / "README.md").read_text()
    _, begin, rest = readme.partition(man.BEGIN)
    table, end, _ = rest.partition(man.END)
    assert begin
    assert end
    assert table.strip() == man.table(catalog.declarations()).strip(), "make man"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_good_shell(name: str, shell: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(getattr(completion, shell)(load(name).COMMAND))
    done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_scripts_name_the_real_interpreter(tmp_path: Path) -> None:
    assert scripts.main([str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES
    for path in tmp_path.iterdir():
        first = path.read_text().splitlines()[0]
        interpreter = first.removeprefix("#!").removesuffix(" -IS")
        assert interpreter == os.path.realpath(sys.executable)
        assert not os.path.islink(interpreter)
        assert os.access(path, os.X_OK)
