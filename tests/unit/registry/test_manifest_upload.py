"""Manifests written to a registry, and the lists of their referrers (distribution-spec 1.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from failures import failure
from faulty_registry import FaultyRegistry, sent
from images import Image, Layer, artifact, image, index

from oci_spec.descriptor import Descriptor
from oci_spec.distribution import referrers_tag
from ocipipe.errors import Corrupt
from ocipipe.registry.remote import Remote


def put(remote: Remote, made: Image, **options: Any) -> None:
    remote.push(Descriptor(made.root), lambda offset: iter([made.raw[offset:]]), **options)


def test_a_manifest(remote: Remote, faulty: FaultyRegistry) -> None:
    made = image([Layer(b"content")], docker=True)
    seen: list[bytes] = []
    put(remote, made, tap=seen.append)
    remote.tag(Descriptor(made.root), "new")
    assert faulty.blobs[made.digest] == made.raw == b"".join(seen)
    assert faulty.types[made.digest] == made.root["mediaType"]
    assert faulty.tags["new"] == made.digest
    assert sent(faulty) == ["PUT manifests", "PUT manifests"], "what was just pushed is not fetched to be tagged"


def test_a_manifest_that_was_pushed_before_is_tagged(world: Any, faulty: FaultyRegistry) -> None:
    made = image([Layer(b"content")])
    faulty.hold(made)
    world.remote(faulty.address).tag(Descriptor(made.root), "new")
    assert faulty.tags["new"] == made.digest


@pytest.mark.parametrize("data", [b"{}", b""])
def test_a_manifest_is_checked_before_it_is_sent(remote: Remote, faulty: FaultyRegistry, data: bytes) -> None:
    made = image([Layer(b"content")])
    for chunks in ([data], [made.raw, data or b"x"]):
        failure(lambda chunks=chunks: remote.push(Descriptor(made.root), lambda offset: iter(chunks)), Corrupt)
    assert faulty.requests == []


def referrers(faulty: FaultyRegistry, subject: Image) -> Any:
    tag = referrers_tag(Descriptor(subject.root).digest)
    digest = faulty.tags.get(tag)
    return None if digest is None else json.loads(faulty.blobs[digest])


def test_referrers_are_kept_under_a_tag(remote: Remote, faulty: FaultyRegistry) -> None:
    subject = image([Layer(b"content")])
    signature = artifact("application/vnd.test.signature", b"signed", subject=subject)
    about = image([Layer(b"other")], subject=subject.root, annotations={"a": "b"})
    put(remote, signature)
    put(remote, about)
    put(remote, signature)
    found = referrers(faulty, subject)
    assert found["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert found["manifests"] == [
        {**signature.root, "artifactType": "application/vnd.test.signature"},
        {
            **about.root,
            "artifactType": "application/vnd.oci.image.config.v1+json",
            "annotations": {"a": "b"},
        },
    ]
    assert faulty.types[faulty.tags[referrers_tag(Descriptor(subject.root).digest)]] == found["mediaType"]


def test_referrers_of_an_index(remote: Remote, faulty: FaultyRegistry) -> None:
    subject = image([Layer(b"content")])
    about = index(subject, subject=subject.root, artifactType="application/vnd.test")
    put(remote, about)
    assert referrers(faulty, subject)["manifests"] == [{**about.root, "artifactType": "application/vnd.test"}]


def test_what_else_the_list_of_referrers_says_is_kept(remote: Remote, faulty: FaultyRegistry) -> None:
    subject = image([Layer(b"content")])
    known = index(image([Layer(b"known")]), annotations={"kept": "yes"}, future=[1])
    faulty.hold(known, referrers_tag(Descriptor(subject.root).digest))
    put(remote, artifact("application/vnd.test", b"x", subject=subject))
    found = referrers(faulty, subject)
    assert (found["annotations"], found["future"]) == ({"kept": "yes"}, [1])
    assert found["manifests"][0] == known.document["manifests"][0]
    assert len(found["manifests"]) == 2


def test_a_registry_that_keeps_referrers_itself(remote: Remote, faulty: FaultyRegistry) -> None:
    subject = image([Layer(b"content")])
    faulty.manifest_headers = {"OCI-Subject": subject.digest}
    put(remote, artifact("application/vnd.test", b"x", subject=subject))
    assert referrers(faulty, subject) is None


def test_somebody_s_image_under_the_referrers_tag_is_left_alone(remote: Remote, faulty: FaultyRegistry) -> None:
    subject = image([Layer(b"content")])
    tag = referrers_tag(Descriptor(subject.root).digest)
    faulty.hold(subject, tag)
    call = lambda: put(remote, artifact("application/vnd.test", b"x", subject=subject))  # noqa: E731
    assert "remove the tag" in failure(call, Corrupt)
    assert faulty.tags[tag] == subject.digest
