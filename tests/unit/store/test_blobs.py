"""store/blobs: what has a blob's name is that blob, whoever writes, however the write ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from oci_spec.descriptor import Descriptor
from ocipipe.errors import Corrupt, NotFound, Unavailable
from ocipipe.store import blobs as module
from ocipipe.store.store import Store

DATA = os.urandom(3 << 20)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store")).prepare()


def wanted(data: bytes = DATA, **fields: object) -> Descriptor:
    return Descriptor({**Descriptor.make("application/octet-stream", data).document, **fields})


def chunks(data: bytes, size: int = 100_000) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def partials(store: Store) -> list[str]:
    return os.listdir(os.path.join(store.root, "partial"))


def test_push_then_read_back(store: Store) -> None:
    assert store.blobs.push(wanted(), lambda offset: chunks(DATA[offset:])) == "done"
    assert store.blobs.exists(wanted())
    assert b"".join(store.blobs.open(wanted())) == DATA
    assert b"".join(store.blobs.open(wanted(), 1 << 20)) == DATA[1 << 20 :]
    assert os.stat(store.blobs.path(wanted().digest)).st_mode & 0o777 == 0o644
    assert partials(store) == []


def test_what_is_there_is_not_read_again(store: Store) -> None:
    store.blobs.put(wanted(), DATA)

    def never(offset: int) -> Iterator[bytes]:
        raise AssertionError(offset)

    tapped: list[bytes] = []
    assert store.blobs.push(wanted(), never, tap=tapped.append) == "exists"
    assert tapped == []


def test_the_tap_sees_every_byte_in_order(store: Store) -> None:
    tapped: list[bytes] = []
    store.blobs.push(wanted(), lambda offset: chunks(DATA[offset:]), tap=tapped.append)
    assert b"".join(tapped) == DATA


@pytest.mark.parametrize(
    ("sent", "fields", "message"),
    [
        (DATA[:-1], {}, "ended after"),
        (DATA + b"x", {}, "is longer than"),
        (DATA[:-1] + b"\0" if DATA[-1] else DATA[:-1] + b"\1", {}, "has the digest"),
        (DATA, {"size": len(DATA) - 1}, "is longer than"),
        (DATA, {"size": len(DATA) + 1}, "ended after"),
    ],
)
def test_wrong_content_is_refused_and_leaves_nothing(
    store: Store, sent: bytes, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(Corrupt, match=message):
        store.blobs.push(wanted(**fields), lambda offset: chunks(sent[offset:]))
    assert not os.path.exists(store.blobs.path(wanted().digest))
    assert partials(store) == []


def test_a_broken_download_goes_on_where_it_ended(store: Store) -> None:
    def broken(offset: int) -> Iterator[bytes]:
        yield from chunks(DATA[offset : 1 << 20])
        raise Unavailable("registry", "went away")

    with pytest.raises(Unavailable):
        store.blobs.push(wanted(), broken)
    assert not store.blobs.exists(wanted())
    offsets: list[int] = []
    tapped: list[bytes] = []

    def rest(offset: int) -> Iterator[bytes]:
        offsets.append(offset)
        return chunks(DATA[offset:])

    store.blobs.push(wanted(), rest, tap=tapped.append)
    assert offsets == [1 << 20]
    assert b"".join(tapped) == DATA
    assert b"".join(store.blobs.open(wanted())) == DATA


def test_a_damaged_part_is_found_and_fetched_afresh(store: Store) -> None:
    partial = os.path.join(store.directory("partial"), f"sha256-{wanted().digest.hex}")
    Path(partial).write_bytes(b"\0" * 1000)
    assert store.blobs.push(wanted(), lambda offset: chunks(DATA[offset:])) == "done"
    os.unlink(store.blobs.path(wanted().digest))
    Path(partial).write_bytes(b"\0" * 1000)
    tapped: list[bytes] = []
    with pytest.raises(module.DamagedPartial):
        store.blobs.push(wanted(), lambda offset: chunks(DATA[offset:]), tap=tapped.append)
    assert tapped[0] == b"\0" * 1000, "the tap has seen it, so its owner begins anew"
    assert store.blobs.push(wanted(), lambda offset: chunks(DATA[offset:]), tap=lambda chunk: None) == "done"


def test_a_part_longer_than_the_blob_is_dropped(store: Store) -> None:
    partial = os.path.join(store.directory("partial"), f"sha256-{wanted().digest.hex}")
    Path(partial).write_bytes(DATA + b"more")
    assert store.blobs.push(wanted(), lambda offset: chunks(DATA[offset:])) == "done"


def test_many_writers_of_one_blob_read_it_once(store: Store) -> None:
    reads: list[int] = []

    def slowly(offset: int) -> Iterator[bytes]:
        reads.append(offset)
        for chunk in chunks(DATA[offset:]):
            threading.Event().wait(0.005)
            yield chunk

    outcomes: list[str] = []
    threads = [threading.Thread(target=lambda: outcomes.append(store.blobs.push(wanted(), slowly))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done"] + ["exists"] * 7
    assert reads == [0]


def test_a_writer_that_was_killed_is_taken_over(store: Store) -> None:
    child = os.fork()
    if not child:

        def killed(offset: int) -> Iterator[bytes]:
            yield DATA[: 1 << 20]
            os.kill(os.getpid(), 9)

        store.blobs.push(wanted(), killed)
    os.waitpid(child, 0)
    offsets: list[int] = []

    def rest(offset: int) -> Iterator[bytes]:
        offsets.append(offset)
        return chunks(DATA[offset:])

    assert store.blobs.push(wanted(), rest) == "done"
    assert offsets == [1 << 20]


def test_documents_are_verified_whenever_they_are_read(store: Store) -> None:
    store.blobs.put(wanted(b"{}"), b"{}")
    path = store.blobs.path(wanted(b"{}").digest)
    assert store.blobs.read(wanted(b"{}")) == b"{}"
    Path(path).write_bytes(b"[]")
    with pytest.raises(Corrupt, match="does not match its digest"):
        store.blobs.read(wanted(b"{}"))
    os.unlink(path)
    with pytest.raises(NotFound, match="not in the store"):
        store.blobs.read(wanted(b"{}"))
    with pytest.raises(Corrupt, match="documents have at most"):
        store.blobs.read(wanted(b"{}", size=1 << 30))


def test_ingest_finds_the_digest(store: Store) -> None:
    made = store.blobs.ingest(chunks(DATA), "application/octet-stream")
    assert made == wanted()
    assert b"".join(store.blobs.open(made)) == DATA
    assert partials(store) == []


def test_sha512(store: Store) -> None:
    from oci_spec.digest import of_bytes

    long = wanted(digest=of_bytes(DATA, "sha512"))
    assert store.blobs.push(long, lambda offset: chunks(DATA[offset:])) == "done"
    assert b"".join(store.blobs.open(long)) == DATA
