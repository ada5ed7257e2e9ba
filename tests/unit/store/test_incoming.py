"""store/incoming: what a failed command brought in goes again, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from images import Image, Layer, image
from layout import unfinished
from tars import Tar

from oci_spec.descriptor import Descriptor
from ocipipe.errors import Corrupt
from ocipipe.store.incoming import Incoming
from ocipipe.store.store import Store

ONE = image([Layer(Tar().file("one").bytes())])
CONTENT = b"content"
BLOB = Descriptor.make("application/x", CONTENT)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store")).prepare()


def blobs(store: Store) -> set[str]:
    return {f"sha256:{path.name}" for path in Path(store.images, "blobs", "sha256").iterdir()}


def bring(incoming: Incoming, made: Image) -> Descriptor:
    for digest, data in made.blobs.items():
        descriptor = Descriptor({"mediaType": "application/x", "digest": digest, "size": len(data)})
        incoming.push(descriptor, lambda offset, data=data: iter((data[offset:],)))
    return Descriptor(made.root)


def test_what_is_kept_stays_and_the_rest_goes(store: Store) -> None:
    with Incoming(store) as incoming:
        root = bring(incoming, ONE)
        incoming.push(BLOB, lambda offset: iter((CONTENT[offset:],)))
        junk = incoming.ingest(iter((b"ju", b"nk")), "application/x")
        assert b"".join(incoming.open(junk)) == b"junk"
        assert store.leases.held() >= {BLOB.digest, junk.digest, root.digest}
        incoming.keep(store.refs.tag(root, "docker.io/library/one:1"))
    assert blobs(store) == set(ONE.blobs)
    assert store.leases.held() == set()


def test_after_a_failure_all_goes_but_what_was_there(store: Store) -> None:
    store.blobs.put(BLOB, CONTENT)

    def fail() -> None:
        with Incoming(store) as incoming:
            incoming.keep(bring(incoming, ONE))
            assert incoming.push(BLOB, lambda offset: iter((CONTENT[offset:],))) == "exists"
            assert incoming.ingest(iter((CONTENT,)), "application/x").digest == BLOB.digest
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert blobs(store) == {BLOB.digest}


def test_what_others_need_meanwhile_stays(store: Store) -> None:
    """A name that another command gave, and a lease that another holds."""
    with store.leases.hold() as lease:

        def fail() -> None:
            with Incoming(store) as incoming:
                root = bring(incoming, ONE)
                incoming.push(BLOB, lambda offset: iter((CONTENT[offset:],)))
                store.refs.tag(root, "docker.io/library/theirs:1")
                lease.add(BLOB.digest)
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert blobs(store) == {*ONE.blobs, BLOB.digest}


def test_half_a_blob_is_not_kept_for_another_try(store: Store) -> None:
    def broken(offset: int) -> Iterator[bytes]:
        yield CONTENT[:3]
        raise Corrupt("archive", "is cut off")

    with pytest.raises(Corrupt, match="is cut off"), Incoming(store) as incoming:
        incoming.push(BLOB, broken)
    assert unfinished(store.root) == []
    with pytest.raises(Corrupt, match="is cut off"), Incoming(store) as incoming:
        incoming.ingest(broken(0), "application/x")
    assert unfinished(store.root) == []
    assert blobs(store) == set()


def test_layers_go_too(store: Store) -> None:
    """Those that were unpacked now, and not one that was there."""
    before, now = (Descriptor.make("application/x", name).digest for name in (b"before", b"now"))
    with store.layers.adding(before) as directory:
        assert directory

    def fail() -> None:
        with Incoming(store) as incoming:
            incoming.unpacking([before, now])
            with store.layers.adding(now) as directory:
                assert directory
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (store.layers.exists(before), store.layers.exists(now)) == (True, False)
