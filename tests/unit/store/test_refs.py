"""store/refs: names in the layout's index."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from oci_spec import media_types
from oci_spec.descriptor import REF_NAME, Descriptor
from oci_spec.jsondoc import FormatError
from ocipipe.errors import Conflict, Corrupt, NotFound
from ocipipe.store.store import Store

ONE = Descriptor.make(media_types.OCI_MANIFEST, b"one")
TWO = Descriptor.make(media_types.OCI_MANIFEST, b"two")
NAME = "docker.io/library/debian:bookworm"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store")).prepare()


def names(store: Store) -> list[tuple[str | None, str]]:
    return [(entry.name, entry.digest) for entry in store.refs.entries()]


def test_a_fresh_store_is_a_valid_empty_layout(store: Store) -> None:
    assert json.loads(Path(store.images, "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(Path(store.images, "index.json").read_bytes())
    assert index["schemaVersion"] == 2
    assert index["manifests"] == []
    assert os.path.isdir(os.path.join(store.images, "blobs", "sha256"))


def test_preparing_a_store_from_many_threads_makes_one(tmp_path: Path) -> None:
    root = str(tmp_path / "deep" / "store")
    threads = [threading.Thread(target=Store(root).prepare) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.listdir(root) == ["images"]


def test_an_absent_store_has_no_entries(tmp_path: Path) -> None:
    assert Store(str(tmp_path / "none")).refs.entries() == []


def test_a_store_that_is_made_while_it_is_looked_at_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path / "store"))
    is_there = os.path.isdir

    def just_now(path: str) -> bool:
        store.prepare()
        return is_there(path)

    monkeypatch.setattr(os.path, "isdir", just_now)
    assert store.refs.entries() == []


def test_an_index_that_is_missing_is_said(store: Store) -> None:
    os.remove(os.path.join(store.images, "index.json"))
    with pytest.raises(Corrupt, match="the store's index is missing"):
        store.refs.entries()


@pytest.mark.parametrize(
    "text",
    ["debian:bookworm", "docker.io/debian:bookworm", NAME, f"debian@{ONE.digest}", ONE.digest.hex[:8], ONE.digest],
)
def test_resolve(store: Store, text: str) -> None:
    store.refs.tag(ONE, NAME)
    assert store.refs.resolve(text).digest == ONE.digest


@pytest.mark.parametrize("text", ["debian", "other:bookworm", f"debian@{TWO.digest}", TWO.digest, TWO.digest.hex])
def test_what_is_not_there_is_not_found(store: Store, text: str) -> None:
    store.refs.tag(ONE, NAME)
    with pytest.raises(NotFound, match="no such image"):
        store.refs.resolve(text)


def test_a_name_that_looks_like_hex_is_still_a_name(store: Store) -> None:
    store.refs.tag(ONE, "docker.io/library/cafe:latest")
    assert store.refs.resolve("cafe").digest == ONE.digest


def test_a_short_prefix_of_two_images_is_ambiguous(store: Store) -> None:
    found: dict[str, Descriptor] = {}
    number = 0
    while True:
        made = Descriptor.make(media_types.OCI_MANIFEST, str(number).encode())
        if made.digest.hex[:4] in found:
            break
        found[made.digest.hex[:4]] = made
        number += 1
    store.refs.tag(made, "a.example/a:1")
    store.refs.tag(found[made.digest.hex[:4]], "a.example/a:2")
    with pytest.raises(Conflict, match="2 images"):
        store.refs.resolve(made.digest.hex[:4])


def test_malformed_references_are_refused(store: Store) -> None:
    with pytest.raises(FormatError):
        store.refs.resolve("quay.io/UPPER")


def test_a_moved_name_leaves_its_image_nameless(store: Store) -> None:
    store.refs.tag(ONE, NAME)
    store.refs.tag(TWO, NAME)
    assert names(store) == [(None, ONE.digest), (NAME, TWO.digest)]
    store.refs.tag(ONE, "docker.io/library/old:1")
    assert names(store) == [(NAME, TWO.digest), ("docker.io/library/old:1", ONE.digest)]


def test_a_moved_name_of_an_image_with_another_name_leaves_no_entry(store: Store) -> None:
    store.refs.tag(ONE, NAME)
    store.refs.tag(ONE, "docker.io/library/same:1")
    store.refs.tag(TWO, NAME)
    assert names(store) == [("docker.io/library/same:1", ONE.digest), (NAME, TWO.digest)]


def test_tagging_again_changes_nothing(store: Store) -> None:
    store.refs.tag(ONE, NAME)
    before = os.stat(store.refs.path).st_ino
    store.refs.tag(ONE, NAME)
    assert os.stat(store.refs.path).st_ino == before


def test_an_entry_is_dropped_by_name_and_digest(store: Store) -> None:
    one, same = store.refs.tag(ONE, NAME), store.refs.tag(ONE, "docker.io/library/same:1")
    assert not store.refs.drop(TWO.annotated({REF_NAME: NAME}))
    assert store.refs.drop(one)
    assert not store.refs.drop(one)
    assert names(store) == [(same.name, ONE.digest)]


def test_names_written_side_by_side_are_all_kept(store: Store) -> None:
    def tag(number: int) -> None:
        store.refs.tag(ONE, f"docker.io/library/x:{number}")

    threads = [threading.Thread(target=tag, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(store)) == 20


def test_names_of_other_tools_are_found_as_they_stand(store: Store) -> None:
    store.refs.tag(ONE, "bookworm")
    assert store.refs.resolve("bookworm").digest == ONE.digest


def test_a_damaged_index_is_said_and_not_overwritten(store: Store) -> None:
    Path(store.refs.path).write_bytes(b"{")
    with pytest.raises(Corrupt, match=r"index\.json"):
        store.refs.tag(ONE, NAME)
    assert Path(store.refs.path).read_bytes() == b"{"
