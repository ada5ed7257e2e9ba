"""ctr-cp beside docker cp: every kind of source to every kind of destination, with the same outcome."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Commands
from images import Layer, image
from peers import Docker, docker_argv
from rootfs import add, busybox_tar

SOURCES = [
    "file", "dir", "dir/.", "to-file", "to-dir", "to-dir/.", "none", "file/", "dir/", "empty", "to-dir/", "to-nothing",
]  # fmt: skip
TARGETS = [
    "new", "new/", "old", "full", "full/.", "old-link", "full-link", "new-link", "missing/new", "", "old/", "new/.",
    "full/", "full-link/", "up-link", "old/new", ".",
]  # fmt: skip
FEW_SOURCES, FEW_TARGETS = 5, 8
"""How many of each are tried when not --every-point is asked for; every second pair of these."""
BETTER = [(source, "full-link/") for source in ("dir/.", "to-dir/.")]
"""What docker refuses on the host's side and we do: a link to a directory with a slash is that directory."""


class Case:
    def __init__(self, number: int, source: str, target: str, follow: bool) -> None:
        self.number = number
        self.source = source
        self.target = target
        self.options = ["-L"] if follow else []
        self.top = f"c{number}"

    def __repr__(self) -> str:
        return " ".join([*self.options, repr(self.source), repr(self.target)])


@pytest.fixture
def cases(request: pytest.FixtureRequest) -> list[Case]:
    every = request.config.getoption("--every-point")
    sources, targets = (SOURCES, TARGETS) if every else (SOURCES[:FEW_SOURCES], TARGETS[:FEW_TARGETS])
    links = [source for source in sources if source.startswith("to-")]
    found = [(source, target, False) for source, target in itertools.product(sources, targets)]
    found += [(source, target, True) for source, target in itertools.product(links, targets)]
    if not every:
        found = [case for case in found if (sources.index(case[0]) + targets.index(case[1]) + case[2]) % 2 == 0]
    return [Case(number, *case) for number, case in enumerate(found)]


Tree = dict[str, tuple[str, int, object]]


def tree_of_a_case(tar: tarfile.TarFile, top: str) -> None:
    """What each case starts with: sources in `s`, destinations in `t`."""

    def directory(name: str, mode: int = 0o755) -> None:
        add(tar, f"{top}/{name}", mode=mode, type=tarfile.DIRTYPE)

    def link(name: str, target: str) -> None:
        add(tar, f"{top}/{name}", type=tarfile.SYMTYPE, linkname=target, mode=0o777)

    add(tar, top, mode=0o755, type=tarfile.DIRTYPE)
    for name in ("s", "s/dir/", "s/dir/sub", "s/empty", "t", "t/full", "t/full/dir", "t/full/empty"):
        directory(name, 0o750 if name.startswith("s/") else 0o755)
    add(tar, f"{top}/s/file", b"new\n", mode=0o640)
    add(tar, f"{top}/s/dir/inner", b"inner\n", mode=0o4755)
    add(tar, f"{top}/t/old", b"old\n")
    add(tar, f"{top}/t/full/file", b"old\n")
    add(tar, f"{top}/t/full/dir/stays", b"stays\n")
    add(tar, f"{top}/t/full/to-dir", b"old\n")
    link("s/dir/link", "/somewhere")
    link("s/to-file", "file")
    link("s/to-dir", "dir")
    link("s/to-nothing", "nothing")
    link("t/old-link", "old")
    link("t/full-link", "full")
    link("t/new-link", "made-by-link")
    link("t/up-link", "../t/full")


def archive(numbers: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for number in range(numbers):
            tree_of_a_case(tar, f"c{number}")
    return out.getvalue()


def seen(data: bytes) -> dict[str, Tree]:
    """The cases' trees in an archive."""
    found: dict[str, Tree] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            top, _, name = member.name.partition("/")
            if top.startswith("c") and name.startswith("t"):
                file = tar.extractfile(member) if member.isreg() else None
                content: object = file.read() if file else member.linkname
                found.setdefault(top, {})[name] = (member.type.decode(), member.mode & 0o7777, content)
    return found


def on_host(top: Path) -> Tree:
    found: Tree = {}
    for path in sorted(top.rglob("*")):
        kind = "2" if path.is_symlink() else "5" if path.is_dir() else "0"
        content: object = path.read_bytes() if kind == "0" else os.readlink(path) if kind == "2" else ""
        found[str(path.relative_to(top))] = (kind, path.lstat().st_mode & 0o7777, content)
    return found


@pytest.fixture
def both(run: Commands, store_root: Path, docker: Docker, cases: list[Case]) -> Iterator[str]:
    """The name of a container that docker and we have, with the trees of all cases; it does not run."""
    data = archive(len(cases))
    made = image([Layer(busybox_tar()), Layer(data)], {"Cmd": ["/bin/true"]})
    made.into_store(store_root, "docker.io/library/cases:1")
    run("ctr-run", "--name", "cases", "cases:1")
    docker("import", "-", "cases:1", input=data)
    docker("create", "--name", "cases", "cases:1", "/none")
    yield "cases"
    docker("rm", "--force", "cases")


class Both:
    """The same command line for docker cp and ctr-cp; whether each worked."""

    def __init__(self, run: Commands, docker: Docker) -> None:
        self.run = run
        self.docker = docker

    def ours(self, *words: str) -> bool:
        done = self.run("ctr-cp", *words, status=None)
        assert done.status == 0 or done.errors[0]["code"] != "INTERNAL"
        return done.status == 0

    def theirs(self, *words: str) -> bool:
        argv = docker_argv(self.docker.directory, "cp", *words)
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def unpacked(place: Path) -> Path:
    place.mkdir()
    with tarfile.open(fileobj=io.BytesIO(archive(1))) as tar:
        tar.extractall(place, filter="fully_trusted")
    return place / "c0"


def test_into_a_container(both: str, run: Commands, docker: Docker, cases: list[Case], tmp_path: Path) -> None:
    host = unpacked(tmp_path / "host")
    worked = {}
    for case in cases:
        words = [*case.options, f"{host}/s/{case.source}", f"{both}:/{case.top}/t/{case.target}"]
        worked[case] = Both(run, docker).ours(*words), Both(run, docker).theirs(*words)
    ours, theirs = seen(run("ctr-export", both).out), seen(docker("export", both))
    compare({case: ((mine, ours[case.top]), (other, theirs[case.top])) for case, (mine, other) in worked.items()})


def test_out_of_a_container(both: str, run: Commands, docker: Docker, cases: list[Case], tmp_path: Path) -> None:
    results = {}
    for case in cases:
        if (case.source, case.target) in BETTER:
            continue
        outcomes = []
        for tool in (Both(run, docker).ours, Both(run, docker).theirs):
            top = unpacked(tmp_path / "host")
            done = tool(*case.options, f"{both}:/{case.top}/s/{case.source}", f"{top}/t/{case.target}")
            outcomes.append((done, on_host(top / "t")))
            shutil.rmtree(tmp_path / "host")
        results[case] = outcomes[0], outcomes[1]
    compare(results)


def compare(results: dict[Case, tuple[tuple[bool, Tree], tuple[bool, Tree]]]) -> None:
    wrong = []
    for case, ((worked, ours), (did, theirs)) in results.items():
        names = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        if names or worked != did:
            told = ", ".join(f"{name}: {ours.get(name)} {theirs.get(name)}" for name in names)
            wrong.append(f"{case}: worked {worked} {did}; {told}")
    assert not wrong, "\n".join(["ours, then docker's:", *wrong])
