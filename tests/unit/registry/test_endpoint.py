"""Reading a repository whose registry may say anything (PITFALLS 12, 16, 18)."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from failures import failure
from faulty_registry import FaultyRegistry, Request
from images import Image, Layer, image

from oci_spec.descriptor import Descriptor
from oci_spec.digest import of_bytes
from ocipipe.errors import Corrupt, Denied, NotFound, OcipipeError, Unavailable, Unsupported
from ocipipe.registry.credentials import Credential
from ocipipe.registry.endpoint import DOCUMENT_LIMIT
from ocipipe.registry.retry import ATTEMPTS

OCI = "application/vnd.oci.image.manifest.v1+json"
DATA = bytes(range(256)) * 4096  # 1 MiB
BLOB = Descriptor.make("application/octet-stream", DATA)


@pytest.fixture
def made() -> Image:
    return image([Layer(b"content")])


@pytest.fixture
def held(faulty: FaultyRegistry, made: Image) -> Image:
    faulty.hold(made)
    faulty.blobs[BLOB.digest] = DATA
    return made


def verbs(faulty: FaultyRegistry) -> list[str]:
    return [verb for verb, path, _ in faulty.requests if path != "/v2/"]


def manifests(answer: Any, *, head: bool = True) -> Any:
    """A fault for requests for manifests, HEAD among them or honest."""

    def fault(request: Request) -> bool:
        if "/manifests/" not in request.path or (request.command == "HEAD" and not head):
            return False
        answer(request)
        return True

    return fault


def blobs(*answers: Any) -> Any:
    """A fault for requests for BLOB: the n-th is answered by the n-th of `answers`, then honestly; and their Ranges."""
    ranges: list[str] = []

    def fault(request: Request) -> bool:
        if "/blobs/" not in request.path:
            return False
        ranges.append(request.headers.get("Range", ""))
        if len(ranges) > len(answers):
            return False
        answers[len(ranges) - 1](request)
        return True

    return fault, ranges


def test_head_tells_all(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    endpoint = world.endpoint(faulty.address)
    found = endpoint.resolve("1")
    assert found.document == held.root
    assert verbs(faulty) == ["HEAD"]
    accept = faulty.requests[-1][2]["Accept"]
    for kind in ("image.index.v1+json", "image.manifest.v1+json", "manifest.list.v2+json", "manifest.v2+json"):
        assert kind in accept
    assert endpoint.read(found) == held.raw
    assert endpoint.resolve(held.digest).digest == held.digest


@pytest.mark.parametrize(
    "without",
    [
        {"Docker-Content-Digest": None},
        {"Docker-Content-Digest": "md5:abc"},
        {"Content-Type": None},
        {"Content-Type": "text/html"},
        {"Content-Length": "0"},
    ],
    ids=str,
)
def test_head_that_does_not_tell(world: Any, faulty: FaultyRegistry, held: Image, without: dict[str, Any]) -> None:
    def answer(request: Request) -> None:
        headers = {"Content-Type": OCI, "Docker-Content-Digest": held.digest, "Content-Length": str(len(held.raw))}
        request.send_response(200)
        for name, value in {**headers, **without}.items():
            if value is not None:
                request.send_header(name, value)
        request.end_headers()

    faulty.fault = lambda request: request.command == "HEAD" and manifests(answer)(request)
    endpoint = world.endpoint(faulty.address)
    found = endpoint.resolve("1")
    assert (found.digest, found.size, found.media_type) == (held.digest, len(held.raw), OCI)
    assert endpoint.read(found) == held.raw
    assert verbs(faulty) == ["HEAD", "GET"], "what came with the answer is not fetched again"


def test_sha512(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    target = of_bytes(held.raw, "sha512")
    faulty.fault = manifests(lambda request: request.reply(200, held.raw, {"Content-Type": f"{OCI}; charset=utf-8"}))
    endpoint = world.endpoint(faulty.address)
    found = endpoint.resolve(target)
    assert found.digest == target
    assert endpoint.read(found) == held.raw


def test_unknown(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    endpoint = world.endpoint(faulty.address)
    assert failure(lambda: endpoint.resolve("nope"), NotFound) == (
        f"{faulty.address}/faulty/image:nope: manifest unknown (check the name, or log in with reg-login)"
    )


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", Unsupported),
        ("application/vnd.docker.distribution.manifest.v1+json", Unsupported),
        ("text/html", Corrupt),
        ("", Corrupt),
    ],
)
def test_what_is_no_image(
    world: Any, faulty: FaultyRegistry, held: Image, kind: str, error: type[OcipipeError]
) -> None:
    faulty.types[held.digest] = kind
    said = failure(lambda: world.endpoint(faulty.address).resolve("1"), error)
    assert "Docker schema 1" in said if error is Unsupported else "no image manifest or index" in said


def test_the_digest_that_was_asked_for_decides(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    other = of_bytes(b"other")
    faulty.tags[other] = held.digest
    assert held.digest in failure(lambda: world.endpoint(faulty.address).resolve(other), Corrupt)


def test_the_registry_s_digest_is_not_that_of_its_bytes(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    headers = {"Content-Type": OCI, "Docker-Content-Digest": of_bytes(b"other")}
    faulty.fault = lambda request: (
        request.reply(405, b"") is None
        if request.command == "HEAD"
        else manifests(lambda request: request.reply(200, held.raw, headers))(request)
    )
    assert of_bytes(b"other") in failure(lambda: world.endpoint(faulty.address).resolve("1"), Corrupt)


@pytest.mark.parametrize("head", [True, False])
def test_a_manifest_that_is_too_large(world: Any, faulty: FaultyRegistry, held: Image, head: bool) -> None:
    sent: list[int] = []

    def answer(request: Request) -> None:
        request.send_response(200)
        headers = {"Content-Type": OCI, "Docker-Content-Digest": held.digest, "Content-Length": str(1 << 30)}
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        while request.command == "GET" and sum(sent) < 1 << 30:
            request.wfile.write(b" " * (1 << 20))
            sent.append(1 << 20)

    faulty.fault = lambda request: (
        request.reply(405, b"") is None if request.command == "HEAD" and not head else manifests(answer)(request)
    )
    failure(lambda: world.endpoint(faulty.address).resolve("1"), Corrupt)
    assert sum(sent) < 10 * DOCUMENT_LIMIT
    assert bool(sent) is not head


def test_a_registry_that_is_tired_is_not_asked_twice(world: Any, faulty: FaultyRegistry) -> None:
    faulty.fault = lambda request: request.path != "/v2/" and request.reply(429, b"", {"Retry-After": "3600"}) is None
    assert "3600 s" in failure(lambda: world.endpoint(faulty.address).resolve("1"), Unavailable)
    assert verbs(faulty) == ["HEAD"]


@pytest.mark.parametrize("change", [b"", b"x", b"longer than it was"])
def test_documents_are_verified(world: Any, faulty: FaultyRegistry, held: Image, change: bytes) -> None:
    endpoint = world.endpoint(faulty.address)
    config = Descriptor(held.document["config"])
    assert endpoint.read(config) == held.blobs[config.digest]
    for descriptor in (Descriptor(held.root), config):
        data = held.blobs[descriptor.digest]
        faulty.blobs[descriptor.digest] = change + data[len(change) :] if len(change) == 1 else change
        assert descriptor.digest in failure(lambda wanted=descriptor: endpoint.read(wanted), Corrupt)


def test_a_document_s_media_type_must_be_the_descriptor_s(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    faulty.types[held.digest] = "application/vnd.oci.image.index.v1+json"
    failure(lambda: world.endpoint(faulty.address).read(Descriptor(held.root)), Corrupt)


def test_a_document_that_says_it_is_too_large_is_not_asked_for(world: Any, faulty: FaultyRegistry) -> None:
    endpoint = world.endpoint(faulty.address)
    failure(lambda: endpoint.read(Descriptor({**BLOB.document, "size": DOCUMENT_LIMIT + 1})), Corrupt)
    assert faulty.requests == []


def test_embedded_content_is_not_asked_for(world: Any, faulty: FaultyRegistry) -> None:
    endpoint = world.endpoint(faulty.address)
    right = Descriptor.make("text/plain", b"{}", data=base64.b64encode(b"{}").decode())
    assert endpoint.read(right) == b"{}"
    wrong = Descriptor({**right.document, "data": base64.b64encode(b"[]").decode()})
    failure(lambda: endpoint.read(wrong), Corrupt)
    assert faulty.requests == []


def test_a_blob(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    endpoint = world.endpoint(faulty.address)
    assert b"".join(endpoint.open(BLOB)) == DATA
    assert b"".join(endpoint.open(BLOB, 1000)) == DATA[1000:]
    assert faulty.asked("GET", BLOB.digest)[-1]["Range"] == "bytes=1000-"
    assert list(endpoint.open(BLOB, len(DATA))) == []
    failure(lambda: list(endpoint.open(Descriptor.make("text/plain", b"missing"))), NotFound)


def part(begin: int, end: int, told: int | None = None) -> Any:
    """Answers with a part of DATA, saying so."""

    def answer(request: Request) -> None:
        headers = {"Content-Range": f"bytes {begin if told is None else told}-{len(DATA) - 1}/{len(DATA)}"}
        request.reply(206, DATA[begin:end], headers, length=len(DATA) - begin)

    return answer


def whole(end: int | None = None) -> Any:
    return lambda request: request.reply(200, DATA[:end], length=len(DATA))


def test_a_broken_blob_is_resumed(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    faulty.fault, ranges = blobs(whole(300_000), part(300_000, 700_000), lambda request: request.break_off())
    assert b"".join(world.endpoint(faulty.address).open(BLOB)) == DATA
    assert ranges == ["", "bytes=300000-", "bytes=700000-", "bytes=700000-"]


@pytest.mark.parametrize("end", [False, True], ids=["broken", "ended"])
def test_a_blob_of_unknown_length_that_ends_early_is_resumed(
    world: Any, faulty: FaultyRegistry, held: Image, end: bool
) -> None:
    """In the chunked coding, which doesn't tell how much is to come: it breaks off, or just ends too soon."""

    def piece(request: Request) -> None:
        begin = int((request.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"Content-Range": f"bytes {begin}-{len(DATA) - 1}/{len(DATA)}"} if begin else {}
        request.reply_in_chunks(206 if begin else 200, DATA[begin : begin + 300_000], headers, end=end)

    faulty.fault, ranges = blobs(piece, piece)
    assert b"".join(world.endpoint(faulty.address).open(BLOB)) == DATA
    begins = [int(text[len("bytes=") : -1]) for text in ranges[1:]]
    assert ranges[0] == ""
    assert 200_000 < begins[0] <= 300_000 < begins[1] <= 600_000
    assert begins == [300_000, 600_000] or not end  # where it broke, the last bytes before that may be lost


def test_a_server_that_gives_a_part_at_a_time(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    def piece(request: Request) -> None:
        begin = int((request.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        data = DATA[begin : begin + 400_000]
        request.reply(206, data, {"Content-Range": f"bytes {begin}-{begin + len(data) - 1}/{len(DATA)}"})

    faulty.fault, ranges = blobs(*[piece] * 9)
    assert b"".join(world.endpoint(faulty.address).open(BLOB)) == DATA
    assert len(ranges) == 3


def test_a_server_that_ignores_range(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    faulty.fault, _ = blobs(*[whole()] * 9)
    assert b"".join(world.endpoint(faulty.address).open(BLOB, 300_000)) == DATA[300_000:]


def test_a_server_that_begins_too_early_or_too_late(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    faulty.fault, _ = blobs(part(1000, len(DATA)))
    assert b"".join(world.endpoint(faulty.address).open(BLOB, 300_000)) == DATA[300_000:]
    faulty.fault, _ = blobs(part(300_001, len(DATA)))
    failure(lambda: list(world.endpoint(faulty.address).open(BLOB, 300_000)), Corrupt)
    faulty.fault, _ = blobs(lambda request: request.reply(206, DATA[300_000:]))
    failure(lambda: list(world.endpoint(faulty.address).open(BLOB, 300_000)), Corrupt)


def test_a_server_that_has_less_than_we(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    """What we have may be wrong then; the server's whole blob is too short, which says so."""
    faulty.fault, ranges = blobs(
        lambda request: request.reply(416, b""), lambda request: request.reply(200, DATA[:1000])
    )
    failure(lambda: list(world.endpoint(faulty.address).open(BLOB, 300_000)), Corrupt)
    assert ranges == ["bytes=300000-", ""]


@pytest.mark.parametrize("status", [200, 206])
@pytest.mark.parametrize("change", [-1, 1])
def test_another_size_is_seen_before_anything_is_read(
    world: Any, faulty: FaultyRegistry, held: Image, status: int, change: int
) -> None:
    wrong = DATA[:-1] if change < 0 else DATA + b"x"
    headers = {"Content-Range": f"bytes 0-{len(wrong) - 1}/{len(wrong)}"}
    faulty.fault, _ = blobs(lambda request: request.reply(status, wrong, headers))
    got: list[bytes] = []
    failure(lambda: got.extend(world.endpoint(faulty.address).open(BLOB)), Corrupt)
    assert got == []


def test_never_more_than_the_size(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    """Even when the server does not say beforehand how much it will send."""
    faulty.fault, _ = blobs(lambda request: request.reply_in_chunks(200, DATA + b"x"))
    got: list[bytes] = []
    failure(lambda: got.extend(world.endpoint(faulty.address).open(BLOB)), Corrupt)
    assert sum(map(len, got)) <= len(DATA)


def test_a_blob_that_always_breaks(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    faulty.fault, ranges = blobs(*[lambda request: request.reply(200, b"", length=len(DATA))] * 99)
    failure(lambda: list(world.endpoint(faulty.address).open(BLOB)), Unavailable)
    assert len(ranges) == ATTEMPTS
    assert world.pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6])


def test_attempts_count_anew_after_progress(world: Any, faulty: FaultyRegistry, held: Image) -> None:
    nothing = [lambda request: request.break_off()] * (ATTEMPTS - 2)
    faulty.fault, ranges = blobs(whole(400_000), *nothing, part(400_000, 800_000), *nothing)
    assert b"".join(world.endpoint(faulty.address).open(BLOB)) == DATA
    assert ranges.count("bytes=800000-") == ATTEMPTS - 1


def foreign(*urls: str) -> Descriptor:
    return Descriptor({**BLOB.document, "urls": list(urls)})


def test_a_foreign_layer_is_fetched_from_its_urls(world: Any, faulty: FaultyRegistry, other: FaultyRegistry) -> None:
    other.blobs[BLOB.digest] = DATA
    path = f"/v2/x/blobs/{BLOB.digest}"
    faulty.fault = lambda request: (
        not request.headers.get("Authorization") and request.reply(401, b"", {"WWW-Authenticate": "Basic"}) is None
    )
    endpoint = world.endpoint(faulty.address, credential=Credential("me", "secret"))
    urls = (
        "http://cdn.lab/plain",
        "file:///etc/passwd",
        f"http://{other.address}/missing/x",
        f"http://{other.address}{path}",
    )
    assert b"".join(endpoint.open(foreign(*urls))) == DATA
    assert [headers.get("Authorization") for _, _, headers in other.requests] == [None, None]
    failure(lambda: list(endpoint.open(foreign(f"http://{other.address}/missing/x"))), NotFound)


def test_a_registry_that_has_the_foreign_layer_is_enough(
    world: Any, faulty: FaultyRegistry, held: Image, other: FaultyRegistry
) -> None:
    assert b"".join(world.endpoint(faulty.address).open(foreign(f"http://{other.address}/x"))) == DATA
    assert other.requests == []


def pages(*answers: tuple[object, str]) -> Any:
    """A fault: the n-th request for tags is answered with the n-th document and Link."""
    left = list(answers)

    def fault(request: Request) -> bool:
        if "/tags/list" not in request.path:
            return False
        document, link = left.pop(0)
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        request.reply(200, body, {"Link": link} if link else {})
        return True

    return fault


def test_tags_page_by_page(world: Any, faulty: FaultyRegistry) -> None:
    base = f"http://{faulty.address}/v2/faulty/image/tags/list"
    faulty.fault = pages(
        ({"name": "faulty/image", "tags": ["a", "b"]}, '</v2/faulty/image/tags/list?n=2&last=b>; rel="next"'),
        ({"name": "faulty/image", "tags": ["c"]}, f'<{base}?n=2&last=c>; rel="next"'),
        ({"name": "faulty/image", "tags": None}, '<?n=2&last=d>; rel="next"'),
        ({"name": "faulty/image", "tags": ["e"]}, ""),
    )
    assert list(world.endpoint(faulty.address).tags()) == ["a", "b", "c", "e"]
    assert [path.partition("?")[2] for _, path, _ in faulty.requests[1:]] == [
        "",
        "n=2&last=b",
        "n=2&last=c",
        "n=2&last=d",
    ]


def test_pages_of_tags_that_go_round(world: Any, faulty: FaultyRegistry) -> None:
    link = '</v2/faulty/image/tags/list>; rel="next"'
    faulty.fault = pages(({"tags": ["a"]}, link), ({"tags": ["a"]}, link))
    assert list(world.endpoint(faulty.address).tags()) == ["a"]


@pytest.mark.parametrize(
    ("document", "link"),
    [(b"<html>", ""), ([], ""), ({"tags": "a"}, ""), ({"tags": [1]}, ""), ({"tags": []}, "garbage")],
)
def test_garbage_for_tags(world: Any, faulty: FaultyRegistry, document: object, link: str) -> None:
    faulty.fault = pages((document, link))
    assert "list of tags" in failure(lambda: list(world.endpoint(faulty.address).tags()), Corrupt)


def test_the_next_page_is_not_asked_of_strangers(world: Any, faulty: FaultyRegistry) -> None:
    faulty.fault = pages(({"tags": ["a"]}, '<http://cdn.lab/tags>; rel="next"'))
    failure(lambda: list(world.endpoint(faulty.address).tags()), Denied)


def test_the_digests_in_here_are_right() -> None:
    assert f"sha256:{hashlib.sha256(DATA).hexdigest()}" == BLOB.digest
