"""store-df and store-info: what takes how much, and what the host has and lacks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from boxes import Box
from commands import Commands
from images import Image, Layer, image, layer_path
from tars import Tar

NOW = "--older-than=0s"


def made(word: str) -> Image:
    lower = Tar().file("shared", os.urandom(1 << 16)[:0] + b"s" * (1 << 16))
    return image([Layer(lower.bytes(), "none"), Layer(Tar().file(word, word.encode() * 9000).bytes(), "none")])


def kinds(run: Commands) -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in run("store-df").documents}


def on_disk(*paths: Path) -> int:
    done = subprocess.run(["du", "-s", "--block-size=1", "-c", *map(str, paths)], capture_output=True, check=True)
    return int(done.stdout.split()[-2])


@pytest.fixture
def two(run: Commands, store_root: Path) -> list[Image]:
    found = [made(word) for word in ("one", "two")]
    for word, one in zip(("one", "two"), found, strict=True):
        one.into_store(store_root, f"localhost/{word}:1")
        run("img-pull", "--policy", "missing", f"localhost/{word}:1")
    run("img-tag", "localhost/one:1", "localhost/again:1")
    return found


def test_no_store(run: Commands, store_root: Path) -> None:
    assert run("store-df").documents == []
    assert run("store-info").documents[0]["store"]["exists"] is False
    assert not store_root.exists()


def test_kinds(run: Commands, store_root: Path, two: list[Image]) -> None:
    found = kinds(run)
    shared = store_root / "images" / "blobs" / two[0].document["layers"][0]["digest"].replace(":", "/")
    assert found["images"]["count"] == 2, "one of them has two names"
    assert found["images"]["bytes"] == on_disk(*(store_root / "images" / "blobs" / "sha256").iterdir())
    assert found["images"]["shared"] == on_disk(shared)
    assert found["images"]["reclaimable"] == found["images"]["bytes"]
    assert found["layers"]["count"] == 3
    assert found["layers"]["bytes"] == on_disk(*(store_root / "layers" / "sha256").iterdir())
    assert found["layers"]["reclaimable"] == found["layers"]["bytes"]
    assert found["orphaned blobs"]["count"] == found["containers"]["count"] == 0


def test_reclaimable_is_what_a_prune_frees(run: Commands, store_root: Path, two: list[Image]) -> None:
    freed = sum(one["reclaimable"] for one in run("store-df").documents)
    plan = run("store-prune", "--images", "--containers", "--partial", NOW).documents
    blobs = sum(one["bytes"] for one in plan if one["kind"] == "blob")
    assert 0 < blobs <= freed
    assert sum(one["bytes"] for one in run("store-df").documents) == 0


def test_each(run: Commands, store_root: Path, two: list[Image], busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    Box(run, store_root)("--name", "web", rm=False)
    found = run("store-df", "-v").documents
    by_digest = {one["object"].get("digest"): one for one in found}
    used, unused = by_digest[busybox_image.digest], by_digest[two[0].digest]
    assert (used["active"], used["reclaimable"], used["shared"]) == (1, 0, 0)
    assert unused["active"] == 0
    assert unused["reclaimable"] == unused["bytes"] - unused["shared"] > 0
    (container,) = [one for one in found if one["kind"] == "container"]
    assert container["object"]["name"] == "web"
    assert container["reclaimable"] == container["bytes"] > 0
    whole = kinds(run)
    assert whole["images"]["active"] == 1
    assert whole["layers"]["reclaimable"] == whole["layers"]["bytes"] - on_disk(layer_path(store_root, busybox_image))


def test_a_running_container_is_active(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    command = [str(run.bin / "ctr-run"), "--rm", "-i", "busybox", "sh", "-c", "echo up; cat"]
    with subprocess.Popen(command, env=run.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        found = kinds(run)["containers"]
        process.stdin.close()
        process.wait(60)
    assert (found["count"], found["active"], found["reclaimable"]) == (1, 1, 0)


def test_leftovers(run: Commands, store_root: Path, two: list[Image]) -> None:
    (store_root / "leases" / "1-dead").write_text("x")
    (store_root / "partial" / f"sha256-{'1' * 64}").write_text("half")
    (store_root / "layers" / ".tmp-sha256-0").mkdir()
    (store_root / "images" / "blobs" / "sha256" / ("2" * 64)).write_text("orphan")
    found = kinds(run)
    for kind in ("leases", "partial downloads", "temporaries", "orphaned blobs"):
        assert (found[kind]["count"], found[kind]["active"]) == (1, 0), kind
        assert found[kind]["reclaimable"] == found[kind]["bytes"] > 0, kind


def test_a_terminal_s_table(run: Commands, store_root: Path, two: list[Image]) -> None:
    lines = run("store-df", "--format", "table").out.decode().splitlines()
    assert lines[0].split() == ["KIND", "OBJECT", "COUNT", "ACTIVE", "SIZE", "SHARED", "RECLAIMABLE"]
    assert any(line.startswith("orphaned blobs") for line in lines)


def test_the_host(run: Commands, store_root: Path, tmp_path: Path) -> None:
    run("img-ls")
    (found,) = run("store-info").documents
    assert found["root"] == str(store_root)
    assert found["host"]["kernel"] == os.uname().release
    assert found["host"]["user"] == 0
    df = subprocess.run(["df", "--output=fstype,size", "-B1", str(tmp_path)], capture_output=True, check=True)
    kind, size = df.stdout.split()[-2:]
    assert (found["store"]["fileSystem"], found["store"]["bytes"]) == (kind.decode(), int(size))
    assert found["features"]["overlayfs"]
    (default,) = [one for one in found["runtimes"] if one["default"]]
    version = subprocess.run([default["path"], "--version"], capture_output=True, check=True).stdout.split(b"\n")[0]
    assert default["version"] in version.decode()
    assert found["store"]["id"] == ""
    run("store-prune", "--plan")
    store_root.mkdir(exist_ok=True)
    assert run("store-info").documents[0]["store"]["exists"] == (store_root / "images").is_dir()


def test_what_the_host_lacks(run: Commands, tmp_path: Path) -> None:
    """Without a runtime and an init program on the path, and as a user: each with a way out."""
    empty = tmp_path / "tmpfs"
    empty.mkdir()
    script = (
        "for d in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do for p in runc crun tini docker-init"
        " catatonit tini-static; do [ -e $d/$p ] && mount --bind /dev/null $d/$p; done; done; "
        "exec store-info"
    )
    done = run("img-ls")
    assert done.status == 0
    out = subprocess.run(
        ["unshare", "-m", "bash", "-c", script], env=run.env, capture_output=True, check=True, timeout=60
    ).stdout
    lacks = {one["part"]: one for one in json.loads(out)["lacks"]}
    assert {"OCI runtime", "an init program"} <= lacks.keys()
    assert "crun" in lacks["OCI runtime"]["remedy"]
    assert json.loads(out)["runtimes"] == []
