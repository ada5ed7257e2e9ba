"""store-prune in a store with damage: it makes nothing garbage."""

from __future__ import annotations

import json
import os
from pathlib import Path

import damage
import pytest
from boxes import Box
from commands import Commands
from images import Image, index, layer_path
from pruning import NOW, aged, images, kinds, made, stored, whole


def test_a_container_with_a_damaged_record(run: Commands, store_root: Path, busybox_image: Image) -> None:
    """What it needs is not known, so no layer goes; it goes itself when that is asked for."""
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    box = Box(run, store_root)
    box("--name", "web", rm=False)
    damage.truncate((store_root / "containers" / "names" / "web").resolve() / "record.json")
    run("img-rm", "--force", "busybox", status=None)
    done = run("store-prune", NOW, status=1)
    assert "layer" not in kinds(done.documents)
    assert done.errors
    done = run("store-prune", "--containers", NOW)
    assert "container" in kinds(done.documents)
    assert box.left() == []
    run("store-prune", NOW)
    assert [found for found in run("store-check").documents if found["severity"] == "error"] == []


def test_containers_whose_records_were_swapped(run: Commands, store_root: Path, busybox_image: Image) -> None:
    """Each goes for what it is, not for what the other's record says of it."""
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    box = Box(run, store_root)
    for name in ("web", "db", "kept"):
        box("--name", name, "--label", f"n={name}", rm=False)
    web, kept = ((store_root / "containers" / "names" / name).resolve() for name in ("web", "kept"))
    damage.remove(web / "record.json")
    (web / "record.json").write_bytes((kept / "record.json").read_bytes())
    plan = [one for one in run("store-prune", "--containers", "--plan", NOW).documents if one["kind"] == "container"]
    text = "\n".join(json.dumps(one) for one in plan if one["object"]["id"] == web.name)
    (done,) = run("store-prune", "--apply", "-", input=text.encode()).documents
    assert (done["action"], done["object"]["id"]) == ("delete", web.name)
    assert sorted(record["name"] for record in box.records()) == ["db", "kept"]
    assert sorted(os.listdir(store_root / "containers" / "names")) == ["db", "kept"]
    whole(run, store_root)


@pytest.mark.parametrize("which", ["manifest", "index"])
def test_damage_makes_nothing_garbage(run: Commands, store_root: Path, which: str) -> None:
    """What a damaged document names is not known: nothing is planned that it could need."""
    found = stored(run, store_root, "one")
    aged(store_root)
    path = damage.blob(store_root, found.digest) if which == "manifest" else store_root / "images" / "index.json"
    damage.remove(path)
    before = damage.times(store_root)
    done = run("store-prune", "--containers", NOW, status=1)
    assert (done.out, done.errors[0]["code"]) == (b"", "CORRUPT")
    assert "--repair" in done.errors[0]["message"]
    after = damage.times(store_root)
    assert {name: after[name] for name in before} == before


def test_a_rotten_index_makes_nothing_garbage(run: Commands, store_root: Path) -> None:
    """One flipped bit can leave it a valid document that needs other blobs, or none."""
    stored(run, store_root, "one")
    path = store_root / "images" / "index.json"
    data, found = path.read_bytes(), path.stat()
    for part in (b"manifests", b"manifest.v1", b"sha256:", b'"size"', b"localhost"):
        at = data.index(part) + len(part) - 2
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        for command in (("store-prune", "--images"), ("img-prune", "-a"), ("img-prune",)):
            done = run(*command, NOW, status=1)
            assert (done.out, done.errors[0]["code"]) == (b"", "CORRUPT"), part
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    whole(run, store_root)


def test_a_rotten_record_makes_no_layer_garbage(run: Commands, store_root: Path, busybox_image: Image) -> None:
    """One flipped bit of a chain ID, and the container would stand on nothing."""
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    Box(run, store_root)("--name", "web", rm=False)
    path = (store_root / "containers" / "names" / "web").resolve() / "record.json"
    data, found = path.read_bytes(), path.stat()
    at = data.index(b'"chainIds":["sha256:') + 24
    path.write_bytes(data[:at] + (b"0" if data[at : at + 1] != b"0" else b"1") + data[at + 1 :])
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    run("img-rm", "--force", "busybox", status=None)
    run("store-prune", "--images", NOW, status=1)
    assert layer_path(store_root, busybox_image).exists()


def test_a_container_of_an_index_s_image(run: Commands, store_root: Path, busybox_image: Image) -> None:
    """It was named by the digest of the image itself; the index that has it is in use too."""
    index(busybox_image, made("other")).into_store(store_root, "localhost/several:1")
    command = f"echo '{json.dumps(busybox_image.root)}' | ctr-run - true"
    run.shell(command)
    assert run("img-prune", "-a", NOW).documents == []
    assert images(run) == ["localhost/several:1"]


def test_a_damaged_image_without_a_name_goes(run: Commands, store_root: Path, dangling: Image) -> None:
    damage.remove(damage.blob(store_root, dangling.digest))
    run("store-prune", NOW)
    whole(run, store_root)
