"""store-prune while others are at work, several at once, and killed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import layout
import pytest
from commands import Commands
from faulty_registry import FaultyRegistry, Request
from images import Image
from killing import Kills
from pruning import NOW, images, made, whole


def slow(registry: FaultyRegistry, blob: str, held: list[bool]) -> None:
    """The registry stops in the middle of a blob until `held` is empty again."""

    def fault(request: Request) -> bool:
        if blob not in request.path:
            return False
        data = registry.blobs[blob]
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data[: len(data) // 2])
        held.append(True)
        while held:
            time.sleep(0.01)
        request.wfile.write(data[len(data) // 2 :])
        return True

    registry.fault = fault


def test_a_pull_at_work(run: Commands, store_root: Path) -> None:
    """It has its lower layer and half of the upper one; all of that is leased."""
    pulled = made("pulled")
    held: list[bool] = []
    with FaultyRegistry() as registry:
        name = registry.hold(pulled)
        slow(registry, pulled.document["layers"][1]["digest"], held)
        with subprocess.Popen([str(run.bin / "img-pull"), name], env=run.env, stdout=subprocess.DEVNULL) as process:
            try:
                while not held:
                    assert process.poll() is None
                    time.sleep(0.01)
                assert run("store-prune", "--images", "--containers", "--partial", NOW).documents == []
            finally:
                held.clear()
            assert process.wait(60) == 0
    whole(run, store_root)


@pytest.fixture
def asked(run: Commands) -> Iterator[tuple[FaultyRegistry, list[str]]]:
    with FaultyRegistry() as registry:
        names = [registry.hold(made(word), word) for word in ("one", "two", "three")]
        yield registry, names


def test_side_by_side(run: Commands, store_root: Path, asked: tuple[FaultyRegistry, list[str]]) -> None:
    """Pulls, tags and removals while two prunes run in a loop, with no age to protect anything: leases must do."""
    stop = f"{store_root}.stop"
    prune = f"while [ ! -e {stop} ]; do store-prune {NOW} >/dev/null; done"
    pruning = [subprocess.Popen(["bash", "-c", prune], env=run.env, stderr=subprocess.PIPE) for _ in range(2)]
    try:
        loops = [
            f"for n in 1 2 3 4 5 6; do img-pull {name} >/dev/null && img-tag {name} localhost/{number}:$n >/dev/null"
            f" && img-rm localhost/{number}:$n >/dev/null || exit 1; done"
            for number, name in enumerate(asked[1])
        ]
        writing = [subprocess.Popen(["bash", "-c", loop], env=run.env, stderr=subprocess.PIPE) for loop in loops]
        told = [process.communicate(timeout=200)[1] for process in writing]
        assert [process.returncode for process in writing] == [0] * 3, told
    finally:
        Path(stop).touch()
        errors = [process.communicate(timeout=60)[1] for process in pruning]
    assert errors == [b"", b""]
    assert images(run) == sorted(asked[1])
    run("store-prune", NOW)
    whole(run, store_root)


def test_killed_at_every_change(kills: Kills, run: Commands, store_root: Path, dangling: Image, tmp_path: Path) -> None:
    """What is left is garbage, never a reference to what is gone; the next prune takes it."""
    (store_root / "leases" / "1-dead").write_text("")
    (store_root / "layers" / ".tmp-sha256-0").mkdir()
    (store_root / "containers" / "names").mkdir(parents=True)
    (store_root / "containers" / "names" / "nobody").symlink_to(f"../{'0' * 64}")
    run("store-prune", "--plan")

    def prune(number: int) -> list[str | Path]:
        root = tmp_path / f"copy-{number}"
        subprocess.run(["cp", "-a", str(store_root), str(root)], check=True)
        return [run.bin / "store-prune", NOW, "--root", root]

    def after(number: int) -> None:
        root = tmp_path / f"copy-{number}"
        there = run.on(OCIPIPE_ROOT=str(root))
        assert layout.problems(root) == []
        assert {found["severity"] for found in there("store-check", "--deep").documents} <= {"garbage"}
        there("store-prune", NOW)
        whole(there, root)
        assert images(there) == ["localhost/new:1", "localhost/old:1"]
        subprocess.run(["rm", "-rf", str(root)], check=True)

    assert kills(prune, after) > 2
