"""layers/unpack: beside a download or from the store, a layer is there whole and verified, or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import zstandard
from layer_trees import snapshot
from tars import Tar, chunked, diff_id, gzipped

from oci_spec import media_types
from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest, chain_ids, of_bytes
from ocipipe.errors import Corrupt, NotFound, Unavailable
from ocipipe.host import mounts
from ocipipe.layers.unpack import LayerUnpacker, unpack_blob, unpack_plain
from ocipipe.store.store import Store

ARCHIVE = Tar().dir("d", uid=3).file("d/f", os.urandom(3 << 20), mode=0o4755).whiteout("old").bytes()
DIFF = Digest(diff_id(ARCHIVE))
BLOB = gzipped(ARCHIVE)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store")).prepare()


def descriptor(blob: bytes, media_type: str = media_types.OCI_LAYER_GZIP) -> Descriptor:
    return Descriptor({"mediaType": media_type, "digest": of_bytes(blob), "size": len(blob)})


def nothing_left(store: Store) -> bool:
    """No layer, no work directory, no thread of ours."""
    names = [
        name for _, directories, files in os.walk(os.path.join(store.root, "layers")) for name in directories + files
    ]
    running = [thread.name for thread in threading.enumerate() if "sha256:" in thread.name]
    return [name for name in names if name != "sha256"] == running == []


def feed(unpacker: LayerUnpacker, blob: bytes, size: int = 10000) -> None:
    for chunk in chunked(blob, size):
        unpacker.write(chunk)


def test_a_layer_unpacks_while_it_arrives(store: Store) -> None:
    unpacker = LayerUnpacker(store, descriptor(BLOB), DIFF, DIFF)
    feed(unpacker, BLOB)
    assert not store.layers.exists(DIFF)
    unpacker.finish()
    unpacker.abort()
    tree = snapshot(store.layers.path(DIFF))
    assert sorted(tree) == [b"", b"d", b"d/f"]
    assert (tree[b"d"].owner, tree[b"d/f"].mode) == ((3, 0), 0o4755)


@pytest.mark.parametrize(
    ("blob", "media_type"),
    [
        (BLOB, media_types.OCI_LAYER_GZIP),
        (BLOB, media_types.OCI_LAYER),
        (BLOB, media_types.OCI_LAYER_ZSTD),
        (ARCHIVE, media_types.DOCKER_LAYER_GZIP),
        (zstandard.compress(ARCHIVE), media_types.OCI_LAYER_GZIP),
        (zstandard.compress(ARCHIVE), media_types.OCI_LAYER_ZSTD),
    ],
)
def test_a_stored_blob_unpacks_whatever_its_media_type_says(store: Store, blob: bytes, media_type: str) -> None:
    layer = descriptor(blob, media_type)
    store.blobs.put(layer, blob)
    unpack_blob(store, layer, DIFF, DIFF)
    assert os.path.getsize(os.path.join(store.layers.path(DIFF), "d/f")) == 3 << 20
    unpack_blob(store, layer, DIFF, DIFF)


def test_bytes_after_the_archive_count_for_the_diff_id(store: Store) -> None:
    archive = ARCHIVE + b"and more" * 1000
    found = Digest(diff_id(archive))
    unpacker = LayerUnpacker(store, descriptor(gzipped(archive)), found, found)
    feed(unpacker, gzipped(archive))
    unpacker.finish()
    assert store.layers.exists(found)


def test_a_layer_without_bytes(store: Store) -> None:
    empty = Digest(diff_id(b""))
    store.blobs.put(descriptor(b""), b"")
    unpack_blob(store, descriptor(b""), empty, empty)
    assert os.listdir(store.layers.path(empty)) == []


def test_upper_layers_see_the_lower_ones(store: Store) -> None:
    archives = [Tar().dir("d", mode=0o700).file("d/x").bytes(), Tar().link("y", "d/x").whiteout("d/x").bytes()]
    diffs = [Digest(diff_id(archive)) for archive in archives]
    chain = chain_ids(diffs)
    for number, archive in enumerate(archives):
        store.blobs.put(descriptor(gzipped(archive)), gzipped(archive))
        lowers = store.layers.lowers(chain[:number])
        unpack_blob(store, descriptor(gzipped(archive)), diffs[number], chain[number], lowers)
    assert sorted(os.listdir(store.layers.path(chain[1]))) == ["d", "y"]


def test_layers_unpack_side_by_side_and_wait_where_they_must(store: Store) -> None:
    archives = [Tar().dir("d", mode=0o700).bytes(), Tar().file("d/new").bytes()]
    diffs = [Digest(diff_id(archive)) for archive in archives]
    chain = chain_ids(diffs)
    ready = threading.Event()

    def lowers() -> list[str]:
        ready.wait()
        return store.layers.lowers(chain[:1])

    upper = LayerUnpacker(store, descriptor(archives[1]), diffs[1], chain[1], lowers)
    upper.write(archives[1])
    lower = LayerUnpacker(store, descriptor(archives[0]), diffs[0], chain[0])
    lower.write(archives[0])
    lower.finish()
    ready.set()
    upper.finish()
    assert os.stat(os.path.join(store.layers.path(chain[1]), "d")).st_mode & 0o777 == 0o700


def test_a_wrong_diff_id_leaves_nothing_and_names_both(store: Store) -> None:
    wrong = Digest(diff_id(b"something else"))
    unpacker = LayerUnpacker(store, descriptor(BLOB), wrong, wrong)
    feed(unpacker, BLOB)
    with pytest.raises(Corrupt) as caught:
        unpacker.finish()
    message = str(caught.value)
    assert message.startswith(f"layer {of_bytes(BLOB)}: ")
    assert DIFF in message
    assert wrong in message
    assert nothing_left(store)


@pytest.mark.parametrize(
    "blob",
    [
        BLOB[:-5],
        BLOB[: len(BLOB) // 2],
        BLOB[:3],
        b"\x1f\x8b\x08" + b"x" * 100000,
        gzipped(ARCHIVE[:-3000]),
        b"no archive at all",
        gzipped(b"x" * 512),
    ],
)
def test_broken_layers_leave_nothing(store: Store, blob: bytes) -> None:
    found = Digest(diff_id(ARCHIVE))
    unpacker = LayerUnpacker(store, descriptor(blob), found, found)
    feed(unpacker, blob)
    feed(unpacker, bytes(20 << 20), 1 << 20)  # far more than the pipes hold: a dead worker must not stop the download
    with pytest.raises(Corrupt, match="layer sha256:"):
        unpacker.finish()
    assert nothing_left(store)


def test_abort_at_any_point_leaves_nothing(store: Store) -> None:
    for length in (0, 1, 100, len(BLOB) // 2, len(BLOB)):
        unpacker = LayerUnpacker(store, descriptor(BLOB), DIFF, DIFF)
        if length:
            feed(unpacker, BLOB[:length])
        unpacker.abort()
        unpacker.abort()
        assert nothing_left(store)


def test_a_missing_blob(store: Store) -> None:
    with pytest.raises(NotFound, match="is not in the store"):
        unpack_blob(store, descriptor(BLOB), DIFF, DIFF)
    assert nothing_left(store)


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mounts.mount("tmpfs", str(place), "tmpfs", "size=2m")
    try:
        store = Store(str(place / "store")).prepare()
        unpacker = LayerUnpacker(store, descriptor(BLOB), DIFF, DIFF)
        feed(unpacker, BLOB)
        with pytest.raises(Unavailable, match=r"cannot be unpacked: no space left on device \(make room"):
            unpacker.finish()
        assert nothing_left(store)
    finally:
        mounts.unmount(str(place))


def test_a_layer_that_is_there_is_not_unpacked_again(store: Store) -> None:
    with store.layers.adding(DIFF) as directory:
        assert directory is not None
        Path(directory, "kept").touch()
    unpacker = LayerUnpacker(store, descriptor(BLOB), DIFF, DIFF)
    feed(unpacker, BLOB)
    unpacker.finish()
    assert os.listdir(store.layers.path(DIFF)) == ["kept"]


def test_a_plain_tree_of_a_whole_image(store: Store, tmp_path: Path) -> None:
    archives = [Tar().dir("d").file("d/a").file("d/b").bytes(), Tar().whiteout("d/a").file("d/c").bytes()]
    layers = []
    for archive in archives:
        layer = descriptor(gzipped(archive))
        store.blobs.put(layer, gzipped(archive))
        layers.append((layer, Digest(diff_id(archive))))
    target = tmp_path / "tree"
    target.mkdir()
    unpack_plain(store, layers, str(target))
    assert sorted(os.listdir(target / "d")) == ["b", "c"]
    with pytest.raises(Corrupt, match="diff ID"):
        unpack_plain(store, [(layers[0][0], layers[1][1])], str(target))
