"""The contract that every command inherits, kept by the real executables in real processes.

What a declaration alone decides (help, usage errors) is looked at for every command in this process, where Typer is
imported once, and for a few as the executables present it.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest
from cli_world import Stream, execute, on_terminal, plain, run

from ocipipe.cli import catalog, scripts
from ocipipe.cli.declare import COMMON, Command
from ocipipe.cli.launch import load

NAMES = catalog.names()
SOME = ["compose-up", "ctr-run", "img-ls", "oci-validate", "store-prune", "vol-rm"]
"""Commands of each kind: with and without objects, documents on stdin, options and exit codes of their own."""


@pytest.fixture(scope="module")
def bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bin")
    scripts.main([str(directory)])
    return directory


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A world of its own: an empty store, no credentials, no proxy, no terminal settings."""
    return {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "OCIPIPE_ROOT": str(tmp_path / "root"),
        "OCIPIPE_RUN_ROOT": str(tmp_path / "run"), "LC_ALL": "C.UTF-8", "TERM": "xterm",
    }  # fmt: skip


def declaration(name: str) -> Command:
    found: Command = load(name).COMMAND
    return found


def operands(command: Command) -> list[str]:
    """Words for every operand, none of which exists."""
    return ["nothing.invalid/here:none" for operand in command.operands if operand.required or operand.many]


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal on which no option is cut."""
    monkeypatch.setenv("COLUMNS", "200")


def has_everything(command: Command, text: str) -> None:
    assert command.summary[1:] in " ".join(text.split())
    for option in (*COMMON, *command.options):
        for flag in option.flags:
            assert flag in text
    for operand in command.operands:
        assert operand.name in text


def has_every_option(command: Command, shown: str) -> None:
    assert "╭" in shown
    for option in (*COMMON, *command.options):
        assert option.long in shown


def tells_the_error(shown: str) -> None:
    assert "Usage:" in shown
    assert "--versoin: no such option (did you mean --version?)" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("name", NAMES)
def test_help_names_everything(name: str) -> None:
    done = run(load(name), "--help")
    assert (done.status, done.err) == (0, b"")
    has_everything(declaration(name), done.out.decode())


@pytest.mark.parametrize("name", NAMES)
def test_help_on_a_terminal(name: str, wide: None) -> None:
    done = run(load(name), "--help", stdout=Stream(terminal=True))
    assert (done.status, done.err) == (0, b"")
    has_every_option(declaration(name), plain(done.out))


@pytest.mark.parametrize("name", NAMES)
def test_usage_error_on_a_terminal(name: str, wide: None) -> None:
    done = run(load(name), "--versoin", stderr=Stream(terminal=True))
    assert (done.status, done.out) == (2, b"")
    tells_the_error(plain(done.err))


@pytest.mark.parametrize("name", SOME)
def test_presented_by_the_executable(name: str, bin: Path, env: dict[str, str]) -> None:
    done = execute([str(bin / name), "--help"], env=env)
    assert (done.status, done.err) == (0, b"")
    has_everything(declaration(name), done.out.decode())
    status, shown = on_terminal([str(bin / name), "--help"], {**env, "COLUMNS": "200"}, "stdout")
    assert status == 0
    has_every_option(declaration(name), shown)
    status, shown = on_terminal([str(bin / name), "--versoin"], {**env, "COLUMNS": "200"}, "stderr")
    assert status == 2
    tells_the_error(shown)


@pytest.mark.parametrize("name", NAMES)
def test_version(name: str, bin: Path, env: dict[str, str]) -> None:
    from ocipipe import __version__

    done = execute([str(bin / name), "--version"], env=env)
    assert (done.status, done.out.decode(), done.err) == (0, f"{name} (ocipipe) {__version__}\n", b"")


@pytest.mark.parametrize("name", NAMES)
def test_unknown_option(name: str, bin: Path, env: dict[str, str]) -> None:
    done = execute([str(bin / name), "--versoin"], env=env)
    assert (done.status, done.out) == (2, b"")
    assert done.errors == [{"code": "USAGE", "message": "--versoin: no such option (did you mean --version?)"}]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--format", "xml"], "--format"),
        (["--format"], "--format"),
        (["--progress=loud"], "--progress"),
        (["--quiet=perhaps"], "--quiet"),
        (["-\x01"], "-\\u0001"),
    ],
)
def test_bad_values(name: str, argv: list[str], named: str, bin: Path, env: dict[str, str]) -> None:
    done = execute([str(bin / name), *argv], env=env) if name in SOME else run(load(name), *argv)
    assert (done.status, done.out) == (2, b"")
    assert done.errors[0]["code"] == "USAGE"
    assert json.dumps(done.errors[0]["message"])[1:].startswith(f"{named}: ")


@pytest.mark.parametrize("name", NAMES)
def test_too_many_operands(name: str, bin: Path, env: dict[str, str]) -> None:
    command = declaration(name)
    if any(operand.many for operand in command.operands):
        pytest.skip("takes any number")
    done = execute([str(bin / name), *["x"] * (len(command.operands) + 1)], env=env)
    assert done.status == 2
    assert done.errors[0]["message"].startswith("x: unexpected operand")


@pytest.mark.parametrize("name", NAMES)
def test_missing_operand(name: str, bin: Path, env: dict[str, str]) -> None:
    command = declaration(name)
    if not any(operand.required for operand in command.operands):
        pytest.skip("needs none")
    master, slave = pty.openpty()  # on a terminal no documents are waited for
    try:
        done = subprocess.run([str(bin / name)], stdin=slave, capture_output=True, env=env, check=False)
    finally:
        os.close(slave)
        os.close(master)
    assert (done.returncode, done.stdout) == (2, b"")
    assert json.loads(done.stderr)["errors"][0]["code"] == "USAGE"


@pytest.mark.parametrize("name", NAMES)
def test_stdout_closed_early(name: str, bin: Path, env: dict[str, str]) -> None:
    read, write = os.pipe()
    os.close(read)
    said = "--help" if name in SOME else "--version"  # both are written at once; the help takes longer to make
    done = subprocess.run([str(bin / name), said], stdout=write, stderr=subprocess.PIPE, env=env, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


@pytest.mark.parametrize("name", NAMES)
def test_stdout_full(name: str, bin: Path, env: dict[str, str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(bin / name), "--version"], stdout=full, stderr=subprocess.PIPE, env=env, check=False)
    assert done.returncode == (125 if 125 in declaration(name).exits else 1)
    assert json.loads(done.stderr)["errors"][0]["message"].startswith("standard output: no space left on device")


@pytest.mark.parametrize("name", NAMES)
def test_callers_python_settings_change_nothing(name: str, bin: Path, env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "ocipipe.py").write_text("raise SystemExit('taken over')")
    done = execute(
        [str(bin / name), "--version"], cwd=tmp_path,
        env={**env, "PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere", "PYTHONSTARTUP": str(tmp_path / "json.py")},
    )  # fmt: skip
    assert (done.status, done.err) == (0, b"")


@pytest.mark.parametrize("name", [name for name in NAMES if declaration(name).objects and declaration(name).reads])
def test_empty_pipe_is_nothing_to_do(name: str, bin: Path, env: dict[str, str]) -> None:
    others = [o for o in declaration(name).operands if o.required and o.dest != declaration(name).objects]
    done = execute([str(bin / name), *["x" for _ in others]], env=env, input=b"")
    assert (done.status, done.out, done.err) == (0, b"", b"")


@pytest.mark.parametrize("name", [name for name in NAMES if declaration(name).objects and declaration(name).reads])
def test_documents_that_are_none(name: str, bin: Path, env: dict[str, str]) -> None:
    others = [o for o in declaration(name).operands if o.required and o.dest != declaration(name).objects]
    for data in (b"{", b"[]", b'{"a":1,"a":2}', b"\xff\xfe\n", b'{"a":NaN}'):
        done = execute([str(bin / name), *["x" for _ in others]], env=env, input=data)
        assert (done.status, done.out) == (1, b""), data
        assert done.errors[0]["code"] in ("INVALID", "CORRUPT"), data


@pytest.mark.parametrize("name", [name for name in NAMES if declaration(name).objects])
def test_what_does_not_exist_fails_object_by_object(name: str, bin: Path, env: dict[str, str]) -> None:
    command = declaration(name)
    (objects,) = (operand for operand in command.operands if operand.dest == command.objects)
    if not objects.many:
        pytest.skip("takes one object")
    wrong = ["Not A Name", "sha256:short"]
    words = {one.dest: ["x"] if one.required else [] for one in command.operands} | {command.objects: wrong}
    done = execute([str(bin / name), *(word for given in words.values() for word in given)], env=env)
    assert (done.status, done.out) == (1, b"")
    assert len(done.errors) == len(wrong)
    for word, error in zip(wrong, done.errors, strict=True):
        assert error["code"] != "INTERNAL"
        assert word in error["message"]


@pytest.mark.parametrize("name", NAMES)
def test_a_store_that_cannot_be_made_is_one_line(name: str, bin: Path, env: dict[str, str], tmp_path: Path) -> None:
    """A file where the store should be: refused (or not looked at), never a traceback."""
    (tmp_path / "file").write_text("")
    done = execute([str(bin / name), *operands(declaration(name))], env={**env, "OCIPIPE_ROOT": str(tmp_path / "file")})
    assert b"Traceback" not in done.err
    assert all(error["code"] != "INTERNAL" for error in done.errors)
