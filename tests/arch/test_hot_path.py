"""Import weight: what each command may have loaded by the time it does its own work.

The list is of what may be there, so that anything new has to be decided on here. Standard modules that Python's own
start brings are free to all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from images import Image

from ocipipe.cli import catalog, scripts

NAMES = catalog.names()

STANDARD = {
    # Python's own start, and what os and io are made of
    "__main__", "__future__", "abc", "builtins", "codecs", "encodings", "errno", "gc", "genericpath", "io", "marshal",
    "os", "posix", "posixpath", "stat", "sys", "time", "zipimport",
    # C modules without weight
    "fcntl", "select", "binascii", "itertools", "math",
}  # fmt: skip
JSON = {"json", "re", "enum", "types", "operator", "keyword", "reprlib", "functools", "collections", "copyreg"}
"""The package json and what it stands on take as long as all of Python's start: errors may load them, results not."""
OURS_ALWAYS = {"cli", "cmd", "errors", "context"}

WORK: dict[str, tuple[list[str], set[str]]] = {
    "img-ls": ([], {"host", "store", "images", "transfer"}),
    "img-inspect": (["nothing:here"], {"host", "store", "images", "transfer"} | JSON),
    "img-tag": (["nothing:here", "new"], {"host", "store", "images", "transfer"} | JSON),
    "img-rm": (["nothing:here"], {"host", "store", "images", "transfer"} | JSON),
    "img-history": (["nothing:here"], {"host", "store", "images", "transfer"} | JSON),
    "img-save": (["nothing:here"], {"host", "store", "images", "transfer", "archives", "struct"} | JSON),
    "store-check": ([], {"host", "store", "images", "transfer", "upkeep", "volume"}),
    "store-df": ([], {"host", "store", "images", "transfer", "upkeep", "volume"}),
    "oci-validate": ([], set()),
    "ctr-events": (["--no-follow"], {"host", "store"}),
    "vol-create": (["data"], {"host", "store", "volume"}),
    "vol-ls": ([], {"host", "store", "images", "transfer", "upkeep", "volume"}),
    "vol-inspect": (["nothing"], {"host", "store", "volume"} | JSON),
    "vol-rm": (["nothing"], {"host", "store", "volume"} | JSON),
}
"""A command line that does the command's work without a registry, and the parts of ours that it may load."""


@pytest.fixture(scope="module")
def bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bin")
    scripts.main([str(directory)])
    return directory


def loaded(bin: Path, name: str, argv: list[str], root: Path, stdin: bytes, before: tuple[str, ...] = ()) -> set[str]:
    """Every module that a run imports, as Python's own -X importtime tells. `before` are words that run it elsewhere;
    here, no network is touched."""
    done = subprocess.run(
        [*before, os.path.realpath(sys.executable), "-IS", "-X", "importtime", str(bin / name), *argv],
        input=stdin, capture_output=True, check=False,
        env={"OCIPIPE_ROOT": str(root), "PATH": os.environ["PATH"], **({} if before else {"OCIPIPE_NETWORK": "none"})},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr.decode()
    assert b"INTERNAL" not in done.stderr
    lines = [line for line in done.stderr.decode().splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines} - {"imported package"}


def excess(modules: set[str], parts: set[str]) -> set[str]:
    def fits(name: str) -> bool:
        first, _, rest = name.partition(".")
        if first == "ocipipe":
            return not rest or rest.split(".")[0] in parts | OURS_ALWAYS
        return first in STANDARD or first in parts or first == "oci_spec" or first.startswith("_")

    return {name for name in modules if not fits(name)}


@pytest.mark.parametrize("name", NAMES)
def test_the_way_to_its_own_work(name: str, bin: Path, tmp_path: Path) -> None:
    """The launcher, the declaration and the parser."""
    modules = loaded(bin, name, ["--version"], tmp_path, b"")
    assert excess(modules, set()) == set()
    # Presentation is imported when something is presented.
    assert {part for part in modules if part.startswith("ocipipe.cli.")} <= {
        f"ocipipe.cli.{part}"
        for part in (
            "build_options",
            "compose_options",
            "container_options",
            "declare",
            "launch",
            "options",
            "output",
            "parse",
            "report",
        )
    }


@pytest.mark.parametrize("name", sorted(set(NAMES) & set(WORK)))
def test_its_work(name: str, bin: Path, tmp_path: Path) -> None:
    argv, parts = WORK[name]
    document = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'0' * 64}", "size": 2}
    modules = loaded(bin, name, argv, tmp_path, json.dumps(document).encode())
    assert excess(modules, parts) == set()
    assert any(module.startswith("oci_spec") for module in modules)


def test_a_container_s_way_to_its_start(bin: Path, tmp_path: Path, busybox_image: Image) -> None:
    """All that ctr-run imports to run a process of an image that is here and unpacked."""
    busybox_image.into_store(tmp_path, "docker.io/library/box:1")
    argv = ["--rm", "--run-root", str(tmp_path / "run"), "box:1", "true"]
    loaded(bin, "ctr-run", argv, tmp_path, b"")
    modules = loaded(bin, "ctr-run", argv, tmp_path, b"")
    assert "ocipipe.runtime.foreground" in modules
    ours = {"host", "store", "images", "transfer", "containers", "runtime", "registry"}
    assert excess(modules, ours) == set()
    # On a network it needs that part, and nothing more of the standard library.
    modules = loaded(bin, "ctr-run", argv, tmp_path, b"", ("unshare", "-n"))
    assert excess(modules, ours | {"network"}) == set()


def test_a_process_s_way_into_a_container(bin: Path, tmp_path: Path, busybox_image: Image) -> None:
    """All that ctr-exec imports to run one more process, named or by the container's document."""
    busybox_image.into_store(tmp_path, "docker.io/library/box:1")
    run_root = ["--run-root", str(tmp_path / "run")]
    env = {"OCIPIPE_ROOT": str(tmp_path), "PATH": os.environ["PATH"], "OCIPIPE_NETWORK": "none"}
    argv = [bin / "ctr-run", *run_root, "-d", "--name", "c", "box:1", "sleep", "1000"]
    document = subprocess.run(argv, env=env, check=True, capture_output=True).stdout
    try:
        for name in ("c", "-"):
            modules = loaded(bin, "ctr-exec", [*run_root, name, "true"], tmp_path, document)
            assert "ocipipe.runtime.foreground" in modules
            assert excess(modules, {"select", "fcntl", "host", "store", "containers", "runtime"}) == set()
            # A sealed record is what we wrote: nothing checks it, and what would is not imported.
            assert "oci_spec.validate" not in modules
    finally:
        subprocess.run([bin / "ctr-rm", *run_root, "-f", "c"], env=env, check=True, capture_output=True)


def test_a_build_that_is_all_cached(bin: Path, tmp_path: Path, busybox_image: Image) -> None:
    """All that img-build imports where every step was carried out before: no container, no archive, no OpenSSL."""
    busybox_image.into_store(tmp_path, "docker.io/library/busybox:latest")
    context = tmp_path / "context"
    context.mkdir()
    (context / "file").write_text("file")
    dockerfile = "FROM busybox\nARG A=1\nENV B=$A\nWORKDIR /w\nCOPY file .\nRUN echo $B > made\nCMD [\"sh\"]\n"
    (context / "Dockerfile").write_text(dockerfile)
    argv = ["--run-root", str(tmp_path / "run"), "--network", "none", str(context)]
    loaded(bin, "img-build", argv, tmp_path, b"")
    modules = loaded(bin, "img-build", argv, tmp_path, b"")
    assert "ocipipe.build.cached" in modules
    standard = {"ctypes", "types", "struct", "threading", "functools", "operator", "keyword", "reprlib", "collections"}
    ours = {"host", "store", "images", "build", "layers", "runtime", "registry", "contextlib"}
    assert excess(modules, standard | ours) == set()


YAML = JSON | {"yaml", "base64", "struct", "datetime"}
"""PyYAML, and what it imports of Python's library."""


def test_what_a_compose_file_takes(bin: Path, tmp_path: Path) -> None:
    """PyYAML and our own; jsonschema only where something is wrong."""
    file = tmp_path / "compose.yaml"
    file.write_text("services: {web: {image: i, command: [a], ports: ['80:80'], environment: {A: 1}}}\n")
    modules = loaded(bin, "compose-config", ["-f", str(file)], tmp_path, b"")
    assert "ocipipe.compose.project" in modules
    assert excess(modules, {"compose"} | YAML) == set()


def test_every_work_is_a_commands() -> None:
    assert set(WORK) <= set(NAMES)
