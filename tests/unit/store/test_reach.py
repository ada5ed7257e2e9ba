"""store/reach and store/collect: what goes with an image, what stays for others, and in which order."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from images import Image, Layer, artifact, chain_id, image, index
from tars import Tar

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from ocipipe.errors import Corrupt, NotFound
from ocipipe.host import locks
from ocipipe.store.collect import discard
from ocipipe.store.reach import Reach, hold
from ocipipe.store.store import Store

BASE = Layer(Tar().file("base", b"base").bytes())
OWN, OTHER = Layer(Tar().file("own", b"own").bytes()), Layer(Tar().file("other", b"other").bytes())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store")).prepare()


def put(store: Store, made: Image, name: str = "docker.io/library/one:1") -> Descriptor:
    """The image's entry, once it is in the store with its layers unpacked."""
    made.into_store(store.root, name)
    for chain in chains(made):
        with store.layers.adding(chain) as directory:
            if directory:
                Path(directory, "file").write_text("content")
    return store.refs.resolve(name)


def chains(made: Image) -> list[Digest]:
    documents = [json.loads(data) for data in made.blobs.values() if data.startswith(b"{")]
    stacks = [one["rootfs"]["diff_ids"] for one in documents if "rootfs" in one]
    return [Digest(chain_id(stack[: end + 1])) for stack in stacks for end in range(len(stack))]


def blobs(store: Store) -> set[str]:
    return {f"sha256:{path.name}" for path in Path(store.images, "blobs", "sha256").iterdir()}


def layers(store: Store) -> set[str]:
    """Chain IDs; nothing else may be left beside them."""
    place = Path(store.root, "layers")
    assert [path.name for path in place.iterdir()] == ["sha256"]
    return {f"sha256:{path.name}" for path in (place / "sha256").iterdir()}


def remove(store: Store, entry: Descriptor) -> int:
    assert store.refs.drop(entry)
    return discard(store, [entry])


def test_all_of_an_image_goes(store: Store) -> None:
    made = image([BASE, OWN])
    assert remove(store, put(store, made)) == sum(map(len, made.blobs.values()))
    assert (blobs(store), layers(store)) == (set(), set())


def test_before_its_name_is_gone_nothing_goes(store: Store) -> None:
    """The order of a removal: a command that is killed leaves garbage, not a name for nothing."""
    made = image([BASE, OWN])
    entry = put(store, made)
    assert discard(store, [entry]) == 0
    assert (blobs(store), layers(store)) == (set(made.blobs), set(chains(made)))


def test_what_images_share_stays(store: Store) -> None:
    going, staying = image([BASE, OWN]), image([BASE, OTHER])
    put(store, staying, "docker.io/library/staying:1")
    remove(store, put(store, going))
    assert (blobs(store), layers(store)) == (set(staying.blobs), set(chains(staying)))


def test_one_layer_on_two_bases_is_one_blob_and_two_unpacked_layers(store: Store) -> None:
    going, staying = image([BASE, OWN]), image([OTHER, OWN])
    put(store, staying, "docker.io/library/staying:1")
    remove(store, put(store, going))
    assert (blobs(store), layers(store)) == (set(staying.blobs), set(chains(staying)))


def test_an_image_of_an_index_that_stays(store: Store) -> None:
    one, two = image([BASE, OWN]), image([BASE, OTHER], on="linux/s390x")
    put(store, index(one, two), "docker.io/library/both:1")
    remove(store, put(store, one))
    assert blobs(store) == set(index(one, two).blobs)


def test_an_index_goes_with_all_but_what_has_a_name(store: Store) -> None:
    one, two = image([BASE, OWN]), image([BASE, OTHER], on="linux/s390x")
    put(store, one)
    remove(store, put(store, index(one, index(two)), "docker.io/library/both:1"))
    assert (blobs(store), layers(store)) == (set(one.blobs), set(chains(one)))


def test_an_artifact_goes_with_its_blob(store: Store) -> None:
    put(store, artifact("application/x", b"content"))
    remove(store, store.refs.resolve("one:1"))
    assert blobs(store) == set()


def test_a_manifest_that_another_image_has_as_its_content(store: Store) -> None:
    """It was met as a blob first: what it names is needed all the same."""
    inner = image([OWN])
    put(store, artifact("application/x", inner.raw), "docker.io/library/backup:1")
    put(store, inner, "docker.io/library/inner:1")
    remove(store, put(store, image([OWN], {"Cmd": ["x"]})))
    assert set(inner.blobs) <= blobs(store)
    assert layers(store) == set(chains(inner))


def test_what_a_running_command_holds_stays(store: Store) -> None:
    made = image([BASE, OWN])
    entry = put(store, made)
    with store.leases.hold() as lease:
        lease.add(BASE.descriptor["digest"], chains(made)[1])
        remove(store, entry)
        assert (blobs(store), layers(store)) == ({BASE.descriptor["digest"]}, {chains(made)[1]})


def test_an_image_that_is_held_stays_whole(store: Store) -> None:
    made = index(image([BASE, OWN]), image([OTHER], on="linux/s390x"))
    entry = put(store, made)
    with store.leases.hold() as lease:
        hold(store, lease, entry)
        assert remove(store, entry) == 0
        assert (blobs(store), layers(store)) == (set(made.blobs), set(chains(made)))


@pytest.mark.parametrize("media_type", ["", "application/x"])
def test_what_is_gone_cannot_be_held(store: Store, media_type: str) -> None:
    entry = put(store, image([OWN]))
    remove(store, entry)
    if media_type:
        entry = Descriptor({**entry.document, "mediaType": media_type})
    with store.leases.hold() as lease, pytest.raises(NotFound):
        hold(store, lease, entry)


def test_nothing_is_collected_between_the_look_and_the_hold(store: Store) -> None:
    """A collector waits while a command looks at what an image needs."""
    entry = put(store, image([OWN]))
    assert store.refs.drop(entry)
    with locks.locked(store.directory("leases"), shared=True):
        child = os.fork()
        if not child:
            discard(store, [entry])
            os._exit(0)
        while not waits_for_a_lock(child):
            assert os.waitpid(child, os.WNOHANG) == (0, 0), "it did not wait"
        assert store.blobs.exists(entry)
    os.waitpid(child, 0)
    assert blobs(store) == set()


def waits_for_a_lock(pid: int) -> bool:
    """As the kernel's table of locks has it: `1: -> FLOCK ADVISORY WRITE pid …`."""
    found = (line.split() for line in Path("/proc/locks").read_text().splitlines())
    return any(words[1] == "->" and words[5] == str(pid) for words in found)


def record(entry: Descriptor, chain_ids: list[Digest]) -> dict[str, object]:
    return {
        "id": "c" * 64, "name": "box", "image": entry.document, "chainIds": chain_ids, "labels": {}, "runtime": "runc",
        "runtimeRoot": "/run/x", "stopSignal": "SIGTERM", "removedAtEnd": False, "status": "stopped", "exitCode": 0,
        "created": "2024-05-01T12:00:00Z",
    }  # fmt: skip


def test_a_container_keeps_its_layers(store: Store) -> None:
    made = image([BASE, OWN])
    entry = put(store, made)
    container = store.containers.create(record(entry, chains(made)))
    os.close(container.lock)
    remove(store, entry)
    assert (blobs(store), layers(store)) == (set(), set(chains(made)))


def test_while_a_container_s_record_is_damaged_nothing_goes(store: Store) -> None:
    """Its layers can't be known."""
    made = image([BASE, OWN])
    entry = put(store, made)
    container = store.containers.create(record(entry, chains(made)))
    os.close(container.lock)
    Path(container.path, "record.json").write_text("{")
    with pytest.raises(Corrupt):
        remove(store, entry)
    assert (blobs(store), layers(store)) == (set(made.blobs), set(chains(made)))


Harm = Callable[[Path], None]


def flip(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b":", b";", 1))


@pytest.mark.parametrize("harm", [Path.unlink, flip], ids=["missing", "damaged"])
@pytest.mark.parametrize("part", ["manifest", "config"])
class TestDamage:
    def test_what_a_removed_image_s_document_would_have_named_is_left(
        self, store: Store, part: str, harm: Harm
    ) -> None:
        """Garbage, for a prune to find; what can still be known goes."""
        made = image([BASE, OWN])
        entry = put(store, made)
        harm(place(store, made, part))
        remove(store, entry)
        layer_blobs = {BASE.descriptor["digest"], OWN.descriptor["digest"]}
        config = made.document["config"]["digest"]
        assert blobs(store) == ({*layer_blobs, config} if part == "manifest" else set())
        assert layers(store) == set(chains(made))

    def test_while_an_image_that_stays_is_damaged_nothing_goes(self, store: Store, part: str, harm: Harm) -> None:
        going, staying = image([BASE, OWN]), image([BASE, OTHER])
        put(store, staying, "docker.io/library/staying:1")
        entry = put(store, going)
        harm(place(store, staying, part))
        before = blobs(store)
        assert remove(store, entry) == 0
        assert (blobs(store), layers(store)) == (before, {*chains(going), *chains(staying)})


def place(store: Store, made: Image, part: str) -> Path:
    found = made.digest if part == "manifest" else made.document["config"]["digest"]
    return Path(store.blobs.path(Digest(found)))


def test_no_document_outlives_what_it_names(store: Store) -> None:
    """Whatever ends a removal half-way, a manifest that is there is whole: images share parts in every way here."""
    one, two, three = image([BASE, OWN]), image([OWN, OTHER]), image([BASE])
    inner = index(two, one)
    entries = [put(store, made, f"docker.io/library/x:{n}") for n, made in enumerate([one, inner, index(three, inner)])]
    reach = Reach()
    for entry in entries:
        reach.add(store, entry)
    order = reach.parents_first()
    assert sorted(order) == sorted(reach.blobs)
    for above, below in named(reach, store):
        assert order.index(above) < order.index(below)


def named(reach: Reach, store: Store) -> Iterator[tuple[Digest, Digest]]:
    for above in reach.documents.values():
        document = json.loads(store.blobs.read(above))
        parts = document.get("manifests") or [document["config"], *document["layers"]]
        yield from ((above.digest, Digest(part["digest"])) for part in parts)
