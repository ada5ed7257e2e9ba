"""Uploads to registries with wishes and moods: offsets refused, chunks of a least length, referrers kept by us."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import layout
import pytest
from commands import Commands
from faulty_registry import FaultyRegistry, Request, path_of
from images import Image, Layer, artifact, image, sha256
from tars import Tar

BIG = os.urandom(3_000_000)


@pytest.fixture
def made() -> Image:
    return image([Layer(Tar().file("big", BIG).bytes(), "none")])


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as running:
        yield running


def is_blob_in_one_piece(request: Request) -> bool:
    return request.command == "PUT" and "uploads" in path_of(request) and request.headers["Content-Length"] != "0"


def refuse_one_piece(request: Request) -> bool:
    if not is_blob_in_one_piece(request):
        return False
    request.body()
    request.reply(415, b"")
    return True


def assert_pushed(registry: FaultyRegistry, made: Image, tag: str = "2") -> None:
    assert registry.tags.get(tag) == made.digest
    assert {digest: registry.blobs.get(digest) for digest in made.blobs} == made.blobs


def test_a_refused_offset_is_asked_for(run: Commands, store_root: Path, registry: FaultyRegistry, made: Image) -> None:
    """Somebody else's chunk, or ours whose answer was lost, is there already: 416, then GET tells the offset."""
    made.into_store(store_root, "docker.io/library/made:1")
    blob = made.blobs[made.document["layers"][0]["digest"]]
    ahead: list[str] = []

    def fault(request: Request) -> bool:
        if refuse_one_piece(request):
            return True
        if request.command == "PATCH" and int(request.headers["Content-Length"]) == len(blob) and not ahead:
            ahead.append(request.upload)
            registry.uploads[request.upload] = blob[:777_777]
        return False  # the honest answer to offset 0 is now 416

    registry.fault = fault
    run("img-push", "--jobs", "1", "made:1", f"{registry.address}/faulty/image:2")
    assert ahead
    sent = [headers["Content-Range"] for headers in registry.asked("PATCH", f"n={ahead[0]}")]
    assert sent == [f"0-{len(blob) - 1}", f"777777-{len(blob) - 1}"]
    assert_pushed(registry, made)


def test_chunks_are_at_least_as_long_as_wished(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    """A registry that says 413 to long chunks and names a least length gets chunks between the two."""
    made.into_store(store_root, "docker.io/library/made:1")
    least = 1_500_000
    registry.upload_headers = {"OCI-Chunk-Min-Length": str(least)}

    def fault(request: Request) -> bool:
        if refuse_one_piece(request):
            return True
        if request.command == "PATCH" and int(request.headers["Content-Length"]) > 2_000_000:
            request.body()
            request.reply(413, b"")
            return True
        return False

    registry.fault = fault
    run("img-push", "--jobs", "1", "made:1", f"{registry.address}/faulty/image:2")
    assert_pushed(registry, made)
    total = len(made.blobs[made.document["layers"][0]["digest"]])
    taken = []
    for headers in registry.asked("PATCH", "uploads"):
        first, _, last = headers["Content-Range"].partition("-")
        if int(headers["Content-Length"]) <= 2_000_000 and int(last) < total:
            taken.append((int(first), int(last)))
    assert len([one for one in taken if one[1] > 1000]) >= 2
    assert all(last - first + 1 >= least for first, last in taken if last not in (total - 1,) and last > 1000)


def test_an_upload_that_is_forgotten_begins_anew(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    made.into_store(store_root, "docker.io/library/made:1")
    forgotten: list[str] = []

    def fault(request: Request) -> bool:
        if is_blob_in_one_piece(request) and not forgotten:
            request.body(1000)
            forgotten.append(request.upload)
            del registry.uploads[request.upload]
            return request.break_off()
        return False

    registry.fault = fault
    run("img-push", "--jobs", "1", "made:1", f"{registry.address}/faulty/image:2")
    assert forgotten
    assert_pushed(registry, made)


def test_broken_connections_at_every_request_of_a_push(
    run: Commands, store_root: Path, registry: FaultyRegistry
) -> None:
    small = image([Layer(Tar().file("small", b"content").bytes())])
    small.into_store(store_root, "docker.io/library/made:1")
    run("img-push", "--jobs", "1", "made:1", f"{registry.address}/faulty/image:2")
    total = len(registry.requests)
    assert total >= 7
    for number in range(1, total + 1):
        for kept in (registry.blobs, registry.tags, registry.uploads, registry.types, registry.requests):
            kept.clear()
        breaks = number  # the lambda is asked in this turn of the loop only
        registry.fault = lambda request: request.number == breaks and request.break_off()  # noqa: B023
        run("img-push", "--jobs", "1", "made:1", f"{registry.address}/faulty/image:2")
        assert_pushed(registry, small)
    assert layout.problems(store_root) == []


def test_a_refused_push_succeeds_when_it_is_run_again(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    made.into_store(store_root, "docker.io/library/made:1")
    target = f"{registry.address}/faulty/image:2"

    def denied(request: Request) -> bool:
        if request.command != "POST":
            return False
        request.reply(403, b'{"errors":[{"code":"DENIED","message":"requested access is denied"}]}')
        return True

    registry.fault = denied
    (error,) = run("img-push", "made:1", target, status=1).errors
    assert "requested access is denied" in error["message"]
    assert "reg-login" in error["message"]
    assert registry.tags == {}
    assert layout.problems(store_root) == []
    registry.fault = lambda request: False
    run("img-push", "made:1", target)
    assert_pushed(registry, made)


def test_referrers_are_listed_under_the_fallback_tag(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    """A registry that answers no OCI-Subject does not list them itself; both of two stay listed, once each."""
    made.into_store(store_root, "docker.io/library/made:1")
    run("img-push", "made:1", f"{registry.address}/faulty/image:2")
    about = [artifact("application/vnd.test.sbom", data, subject=made) for data in (b"one", b"two")]
    for number, one in enumerate(about):
        one.into_store(store_root, f"docker.io/library/about:{number}")
        for _ in range(2):  # the same again changes nothing
            run("img-push", f"about:{number}", f"{registry.address}/faulty/image:about{number}")
    tag = made.digest.replace(":", "-")
    listed = json.loads(registry.blobs[registry.tags[tag]])
    assert [entry["digest"] for entry in listed["manifests"]] == [one.digest for one in about]
    assert {entry["artifactType"] for entry in listed["manifests"]} == {"application/vnd.test.sbom"}
    assert registry.types[registry.tags[tag]] == "application/vnd.oci.image.index.v1+json"


def test_a_registry_that_lists_referrers_needs_no_tag(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    one = artifact("application/vnd.test.sbom", b"one", subject=made)
    one.into_store(store_root, "docker.io/library/about:1")

    def fault(request: Request) -> bool:
        if request.command != "PUT" or "/manifests/" not in request.path:
            return False
        data = request.body()
        registry.blobs[sha256(data)] = data
        registry.tags[request.path.rpartition("/")[2]] = sha256(data)
        registry.types[sha256(data)] = request.headers["Content-Type"]
        request.reply(201, b"", {"OCI-Subject": made.digest})
        return True

    registry.fault = fault
    run("img-push", "about:1", f"{registry.address}/faulty/image:about")
    assert registry.tags["about"] == one.digest
    assert made.digest.replace(":", "-") not in registry.tags


def test_a_manifest_that_names_wrong_sizes_is_refused(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    """The publisher's manifest itself lies about a layer's size: no fault that passes, and nothing is kept visible."""
    document = made.document
    document["layers"][0]["size"] -= 1
    raw = json.dumps(document).encode()
    wrong = Image({**made.root, "digest": sha256(raw), "size": len(raw)}, {**made.blobs, sha256(raw): raw})
    (error,) = run("img-pull", registry.hold(wrong), status=1).errors
    assert document["layers"][0]["digest"] in error["message"]
    assert layout.problems(store_root) == []
    assert json.loads((store_root / "images/index.json").read_text())["manifests"] == []
    assert run("img-pull", registry.hold(made)).documents[0]["digest"] == made.digest
