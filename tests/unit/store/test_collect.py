"""store/collect: sweep and discard tell blobs and layers apart, though their digests may be the same."""

from __future__ import annotations

from pathlib import Path

from images import Layer, image
from tars import Tar, diff_id

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from ocipipe.store.collect import sweep
from ocipipe.store.store import Store


def test_a_plain_layer_s_blob_is_not_its_unpacked_layer(tmp_path: Path) -> None:
    """An image that has the layer under gzip needs its chain ID, which is the digest of the plain archive, but not a
    blob of that digest."""
    tar = Tar().file("one").bytes()
    compressed = image([Layer(tar)])
    compressed.into_store(tmp_path / "store", "docker.io/library/one:1")
    store = Store(str(tmp_path / "store"))
    plain = Descriptor.make("application/x", tar)
    store.blobs.put(plain, tar)
    with store.layers.adding(Digest(diff_id(tar))) as directory:
        assert directory
    assert sweep(store, [plain.digest], [plain.digest]) == len(tar)
    assert not store.blobs.exists(plain)
    assert store.layers.exists(plain.digest)
