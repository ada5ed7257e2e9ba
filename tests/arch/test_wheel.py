"""What a wheel holds: the two packages with their schemas, the executables, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    # setuptools writes next to what it builds: build a copy.
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE", "oci_spec", "tools", "tests"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(out), str(source)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path,) = out.iterdir()
    return zipfile.ZipFile(path)


def expected() -> set[str]:
    code = {
        str(Path("ocipipe" if folder == "tools" else folder) / path.relative_to(ROOT / folder))
        for folder in ("tools", "oci_spec")
        for path in (ROOT / folder).rglob("*.py")
    }
    schemas = {f"oci_spec/schema/{path.name}" for path in (ROOT / "oci_spec" / "schema").glob("*.json")}
    typed = {f"{name}/py.typed" for name, folder in (("ocipipe", "tools"), ("oci_spec", "oci_spec"))
             if (ROOT / folder / "py.typed").exists()}  # fmt: skip
    return code | schemas | typed


def test_it_holds_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert found == expected()
    assert any(name.endswith(".json") for name in found)


def test_it_installs_every_command(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    lines = wheel.read(entry_points).decode().split()
    commands = {f.stem.replace("_", "-") for f in (ROOT / "tools" / "cmd").glob("*.py") if f.stem != "__init__"}
    assert {line for line in lines if not line.startswith("[") and line != "=" and ":" not in line} == commands
