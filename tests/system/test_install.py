"""make install and make uninstall: what is installed works by itself, names nothing of where it was built, and goes."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cli_world import Outcome, execute

from ocipipe import __version__
from ocipipe.cli import catalog

ROOT = Path(__file__).resolve().parents[2]
NAMES = catalog.names()


def make(env: dict[str, str], *words: str) -> Outcome:
    done = execute(["make", "-C", str(ROOT), *words, "SYSTEM_PACKAGES=no"], env=env, timeout=280)
    assert done.status == 0, done.err.decode()
    return done


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")} if root.exists() else set()


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory, caller_env: dict[str, str]) -> tuple[Path, Path]:
    """What a packager makes: an installation for a prefix, outside the checkout, below a stage."""
    stage, prefix = tmp_path_factory.mktemp("stage"), tmp_path_factory.mktemp("installed") / "prefix"
    make(caller_env, "install", f"DESTDIR={stage}", f"PREFIX={prefix}")
    return stage, prefix


@pytest.fixture(scope="module")
def prefix(staged: tuple[Path, Path]) -> Path:
    """What was staged, at its place, beside a file that somebody else has put there."""
    stage, prefix = staged
    shutil.copytree(f"{stage}{prefix}", prefix, symlinks=True)
    (prefix / "bin" / "other").write_text("not ours\n")
    return prefix


def test_every_command_is_there_and_starts(prefix: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in (prefix / "bin").iterdir()) == sorted([*NAMES, "other"])
    (tmp_path / "json.py").write_text("raise SystemExit('taken over')")
    for name in NAMES:
        # No environment but a hostile one, and no working directory of ours.
        env = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere"}
        done = execute([str(prefix / "bin" / name), "--version"], env=env, cwd=tmp_path)
        assert (done.status, done.out.decode(), done.err) == (0, f"{name} (ocipipe) {__version__}\n", b"")


def test_help_is_shown_by_the_installed_libraries(prefix: Path) -> None:
    done = execute([str(prefix / "bin" / "img-pull"), "--help"], env={"PATH": "/usr/bin:/bin"})
    assert (done.status, done.err) == (0, b"")
    assert b"--all-platforms" in done.out


def test_the_first_line_names_the_real_interpreter(prefix: Path) -> None:
    for name in NAMES:
        words = (prefix / "bin" / name).read_text().splitlines()[0].removeprefix("#!").split()
        assert words[0] == os.path.realpath(words[0])
        assert words[1:] == ["-IS"]


def test_it_is_compiled(prefix: Path) -> None:
    (site,) = (prefix / "lib" / "ocipipe" / "lib").glob("python3.*/site-packages")
    sources = {path for part in ("ocipipe", "oci_spec") for path in (site / part).rglob("*.py")}
    compiled = {path.parent.parent / f"{path.name.split('.')[0]}.py" for path in site.rglob("*.pyc")}
    assert sources
    assert sources <= compiled


def test_nothing_but_the_interpreter_is_needed_to_run(prefix: Path, tmp_path: Path) -> None:
    """The commands read no file of the checkout."""
    trace = tmp_path / "trace"
    done = execute(
        ["strace", "-f", "-e", "trace=open,openat,execve", "-o", str(trace), str(prefix / "bin" / "img-ls")],
        env={"PATH": os.environ["PATH"], "OCIPIPE_ROOT": str(tmp_path / "store")}, cwd="/",
    )  # fmt: skip
    assert done.status == 0
    assert str(ROOT) not in trace.read_text()


def test_manual_pages_and_completion(prefix: Path) -> None:
    share = prefix / "share"
    for name in NAMES:
        assert (share / "man" / "man1" / f"{name}.1").read_text() == (ROOT / "man" / f"{name}.1").read_text()
        for path in (
            share / "bash-completion" / "completions" / name,
            share / "zsh" / "site-functions" / f"_{name}",
            share / "fish" / "vendor_completions.d" / f"{name}.fish",
        ):
            assert name in path.read_text()


@pytest.mark.parametrize(
    ("name", "key", "command"),
    [
        ("restore", "ExecStart", ["ctr-start", "--all", "--restore"]),
        ("shutdown", "ExecStop", ["ctr-stop", "--all", "--restore"]),
    ],
)
def test_the_units_for_a_reboot(prefix: Path, name: str, key: str, command: list[str]) -> None:
    """They are there where systemd is, call what was installed, and systemd takes them."""
    units = prefix / "lib" / "systemd" / "system"
    if shutil.which("systemctl") is None:
        assert not units.exists()
        return
    unit = units / f"ocipipe-{name}.service"
    lines = unit.read_text().splitlines()
    (words,) = (line.partition("=")[2].split() for line in lines if line.startswith("Exec"))
    assert f"{key}={' '.join(words)}" in lines
    assert words[:3] == [f"{prefix}/bin/{command[0]}", *command[1:]]
    assert execute(words, env={"OCIPIPE_ROOT": str(prefix / "no-store"), "PATH": os.environ["PATH"]}).err == b""
    done = execute(["systemd-analyze", "verify", "--man=no", str(unit)], env=dict(os.environ))
    assert (done.status, done.err.decode()) == (0, "")


def test_a_second_install_replaces_the_first(prefix: Path, caller_env: dict[str, str]) -> None:
    """This one has no stage. A command that the new version does not have is gone; what is not ours stays."""
    installed = prefix / "lib" / "ocipipe" / "installed"
    before = files(prefix)
    shutil.copy(prefix / "bin" / "img-ls", prefix / "bin" / "img-gone")
    installed.write_text(f"{prefix}/bin/img-gone\n{installed.read_text()}")
    make(caller_env, "install", f"PREFIX={prefix}")
    assert files(prefix) == before


def test_uninstall_removes_precisely_that(prefix: Path, caller_env: dict[str, str]) -> None:
    make(caller_env, "uninstall", f"PREFIX={prefix}")
    assert files(prefix) == {"bin", "bin/other"}
    again = subprocess.run(
        ["make", "-C", str(ROOT), "uninstall", f"PREFIX={prefix}"], env=caller_env, capture_output=True, check=False
    )
    assert again.returncode != 0
    assert b"nothing is installed there" in again.stderr


def test_destdir_is_named_nowhere(staged: tuple[Path, Path], caller_env: dict[str, str]) -> None:
    stage, prefix = staged
    for directory, _, names in os.walk(stage):
        for name in names:
            path = Path(directory, name)
            if not path.is_symlink():
                data = path.read_bytes()
                data = gzip.decompress(data) if name.endswith(".gz") else data
                assert os.fsencode(stage) not in data, path
                assert os.fsencode(ROOT) + b"/" not in data, path
            else:
                assert not os.readlink(path).startswith(str(stage)), path
    script = Path(f"{stage}{prefix}/bin/img-ls").read_text()
    assert f"'{prefix}/lib/ocipipe/lib/python3" in script
    make(caller_env, "uninstall", f"DESTDIR={stage}", f"PREFIX={prefix}")
    assert files(stage) == set()
