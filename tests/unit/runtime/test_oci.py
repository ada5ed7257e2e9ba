"""runtime/oci: which runtime is taken, what is asked of it, and what its log says. The runtimes are small scripts."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from ocipipe.errors import Unavailable
from ocipipe.runtime import oci

PATH = os.environ["PATH"]


@pytest.fixture
def runtime(tmp_path: Path) -> oci.Runtime:
    """It says what it was asked, and knows one container: `known`, which is running."""
    program = tmp_path / "bin" / "fake"
    program.parent.mkdir()
    program.write_text(
        f"""#!/bin/sh
echo "$@" >>{tmp_path}/asked
[ "$3" != state ] || [ "$4" = known ] && echo '{{"status": "running"}}'
"""
    )
    program.chmod(0o755)
    return oci.Runtime(str(program), str(tmp_path / "state"), {"PATH": PATH}, systemd=False)


def asked(tmp_path: Path) -> list[str]:
    path = tmp_path / "asked"
    return path.read_text().splitlines() if path.exists() else []


def test_status_and_delete(runtime: oci.Runtime, tmp_path: Path) -> None:
    assert runtime.status("known") == "running"
    assert runtime.status("unknown") == ""
    runtime.delete("known")
    root = f"--root {tmp_path}/state"
    assert asked(tmp_path) == [f"{root} state known", f"{root} state unknown", f"{root} delete --force known"]


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({"systemd": True}, "--systemd-cgroup "),
        ({"systemd": False, "no_cgroups": True}, "--cgroup-manager disabled "),
        ({"systemd": False}, ""),
    ],
)
def test_how_it_is_started(runtime: oci.Runtime, tmp_path: Path, settings: dict[str, bool], options: str) -> None:
    found = oci.Runtime(runtime.path, "/state", {"PATH": PATH}, **settings)
    with open(tmp_path / "lock", "w") as lock:
        os.waitpid(found.run("name", "/bundle", "/log", "/pid", lock.fileno()), 0)
        os.waitpid(found.create("name", "/bundle", "/log", "/pid", (0, 1, 2), lock.fileno()), 0)
    assert asked(tmp_path) == [
        f"--root /state {options}--log /log --log-format json {verb} --bundle /bundle --pid-file /pid name"
        for verb in ("run", "create")
    ]


def test_a_runtime_that_was_uninstalled(runtime: oci.Runtime, tmp_path: Path) -> None:
    """What it may still run is left alone; what it certainly does not run is nobody's obstacle."""
    (tmp_path / "state" / "known").mkdir(parents=True)
    os.unlink(runtime.path)
    assert runtime.status("known") == "running"
    with pytest.raises(Unavailable, match="fake"):
        runtime.delete("known")
    assert runtime.status("unknown") == ""
    runtime.delete("unknown")


def test_a_runtime_by_name_and_by_path(runtime: oci.Runtime, tmp_path: Path) -> None:
    found = oci.choose("fake", "/run/x", {"PATH": str(tmp_path / "bin")})
    assert (found.path, found.root, found.name) == (runtime.path, "/run/x/fake", "fake")
    assert oci.choose(runtime.path, "/run/x", {}).path == runtime.path
    (tmp_path / "bin" / "plain").write_text("")
    with contextlib.chdir(tmp_path):
        assert oci.choose("bin/fake", "/run/x", {}).path == runtime.path  # other commands use it from elsewhere
    for missing in ("no-such-runtime", "/no/such", "plain", str(tmp_path / "bin" / "plain"), str(tmp_path)):
        with pytest.raises(Unavailable, match="is not installed"):
            oci.choose(missing, "/run/x", {"PATH": str(tmp_path / "bin")})


def test_the_default_is_one_that_is_installed() -> None:
    found = oci.choose(None, "/run/x", {"PATH": "/nowhere"})  # a user's PATH often lacks sbin
    assert found.name in ("crun", "runc")
    assert os.access(found.path, os.X_OK)
    assert found.root == f"/run/x/{found.name}"


@pytest.mark.parametrize(
    ("log", "problem"),
    [
        ("", ""),
        ('{"level":"error","msg":"first"}\n{"level":"error","msg":"last"}\n{"level":"warning","msg":"w"}\n', "last"),
        ('{"level":"fatal","msg":"two\\n lines"}\n', "two lines"),
        ('{"msg":"crun says no level"}\n', "crun says no level"),
        ('{"level":"error","msg":"good"}\nno json\n{"level":"err', "good"),
        ('{"level":"error"}\n', ""),
        ("[]\n1\n", ""),
    ],
)
def test_the_last_error_of_a_log(tmp_path: Path, log: str, problem: str) -> None:
    (tmp_path / "log").write_text(log)
    assert oci.last_error(str(tmp_path / "log")) == problem


def test_no_log(tmp_path: Path) -> None:
    assert oci.last_error(str(tmp_path / "log")) == ""
