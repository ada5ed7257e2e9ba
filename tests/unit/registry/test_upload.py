"""Blobs written to a registry that may want anything (PITFALLS 14, 15, 16)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from failures import failure
from faulty_registry import FaultyRegistry, Request, sent
from images import Layer, image

from oci_spec.descriptor import Descriptor
from oci_spec.digest import of_bytes
from ocipipe.errors import Corrupt, Denied, OcipipeError, Unavailable, Unsupported, WrongContent
from ocipipe.registry.blob_upload import CHUNK
from ocipipe.registry.credentials import Credential
from ocipipe.registry.remote import Remote
from ocipipe.registry.retry import ATTEMPTS

DATA = bytes(range(256)) * 8192  # 2 MiB
BLOB = Descriptor.make("application/octet-stream", DATA)
EMPTY = Descriptor.make("application/octet-stream", b"")


def read(offset: int) -> Iterator[bytes]:
    for position in range(offset, len(DATA), 100_000):
        yield DATA[position : position + 100_000]


def refusing(status: int, body: bytes = b"", *, only: int = 99, verb: str = "PUT") -> Any:
    """A fault: the first `only` uploads with content by this verb are refused after they were read."""
    count: list[int] = []

    def fault(request: Request) -> bool:
        wanted = request.command == verb and "uploads" in request.path and request.headers["Content-Length"] != "0"
        if not wanted or len(count) >= only:
            return False
        count.append(1)
        request.body()
        request.reply(status, body)
        return True

    return fault


def cut(verb: str, *kept: int) -> Any:
    """A fault: the n-th upload by this verb breaks off, the registry keeping so many more bytes."""
    left = list(kept)

    def fault(request: Request) -> bool:
        if request.command != verb or "uploads" not in request.path or not left:
            return False
        request.registry.uploads[request.upload] += request.body(left.pop(0))
        return request.break_off()

    return fault


def test_in_one_piece(remote: Remote, faulty: FaultyRegistry) -> None:
    assert remote.push(BLOB, read) == "done"
    assert faulty.blobs[BLOB.digest] == DATA
    assert sent(faulty) == ["HEAD blobs", "POST uploads", "PUT uploads"]
    headers = faulty.asked("PUT", "uploads")[0]
    assert headers["Content-Length"] == str(len(DATA))
    assert headers["Content-Type"] == "application/octet-stream"


def test_what_is_there_is_not_sent(remote: Remote, faulty: FaultyRegistry) -> None:
    faulty.blobs[BLOB.digest] = DATA
    assert remote.exists(BLOB)
    assert not remote.exists(EMPTY)
    assert remote.push(BLOB, read) == "exists"
    assert [verb for verb, _, _ in faulty.requests if verb not in ("GET", "HEAD")] == []


def test_nothing_at_all(remote: Remote, faulty: FaultyRegistry) -> None:
    assert remote.push(EMPTY, lambda offset: iter(())) == "done"
    assert faulty.blobs[EMPTY.digest] == b""
    assert faulty.asked("PUT", "uploads")[0]["Content-Length"] == "0"


def test_a_mount(remote: Remote, faulty: FaultyRegistry) -> None:
    faulty.blobs[BLOB.digest] = DATA
    faulty.fault = lambda request: request.command == "HEAD" and request.reply(404, b"") is None
    assert remote.push(BLOB, read, origin=f"{faulty.address}/other/image") == "mounted"
    assert sent(faulty) == ["HEAD blobs", "POST uploads"]
    (path,) = [path for verb, path, _ in faulty.requests if verb == "POST"]
    assert path.endswith(f"/v2/faulty/image/blobs/uploads/?mount=sha256%3A{BLOB.digest.hex}&from=other%2Fimage")


@pytest.mark.parametrize("origin", ["", "other.lab/x/y", "SAME"])
def test_no_mount_from_elsewhere_or_here(remote: Remote, faulty: FaultyRegistry, origin: str) -> None:
    remote.push(BLOB, read, origin=origin.replace("SAME", f"{faulty.address}/faulty/image"))
    assert not [path for _, path, _ in faulty.requests if "mount" in path]


def test_a_mount_that_becomes_an_upload(remote: Remote, faulty: FaultyRegistry) -> None:
    faulty.refuses_mounts = True
    assert remote.push(BLOB, read, origin=f"{faulty.address}/other/image") == "done"
    assert sent(faulty) == ["HEAD blobs", "POST uploads", "PUT uploads"]
    assert faulty.blobs[BLOB.digest] == DATA


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_mount_that_is_refused_is_no_failure(remote: Remote, faulty: FaultyRegistry, status: int) -> None:
    faulty.fault = lambda request: "mount=" in request.path and request.reply(status, b"") is None
    assert remote.push(BLOB, read, origin=f"{faulty.address}/other/image") == "done"
    assert faulty.blobs[BLOB.digest] == DATA


def test_a_token_that_is_not_given_for_a_mount(world: Any, faulty: FaultyRegistry, other: FaultyRegistry) -> None:
    other.fault = lambda request: request.reply(403 if "source" in request.path else 200, b'{"token":"t"}') is None
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{other.address}/token"'}
    faulty.fault = lambda request: (
        not request.headers.get("Authorization") and request.reply(401, b"", challenge) is None
    )
    assert world.remote(faulty.address).push(BLOB, read, origin=f"{faulty.address}/source/image") == "done"
    assert [path for _, path, _ in other.requests if "repository%3Asource%2Fimage%3Apull" in path]


@pytest.mark.parametrize("place", ["uploads/x", "/v2/faulty/image/blobs/uploads/x", "http://HOST/elsewhere/uploads/x"])
@pytest.mark.parametrize("chunked", [False, True])
def test_locations(remote: Remote, faulty: FaultyRegistry, place: str, chunked: bool) -> None:
    """The fake insists on the query that its Location carries."""
    faulty.upload_place = place.replace("HOST", faulty.address)
    faulty.fault = refusing(405) if chunked else faulty.fault
    assert remote.push(BLOB, read) == "done"
    assert faulty.blobs[BLOB.digest] == DATA


def test_an_upload_that_names_no_place(remote: Remote, faulty: FaultyRegistry) -> None:
    faulty.fault = lambda request: request.command == "POST" and request.reply(202, b"") is None
    with pytest.raises(Unavailable, match="names no place"):
        remote.push(BLOB, read)


def test_an_upload_elsewhere_gets_no_credentials(world: Any, faulty: FaultyRegistry, other: FaultyRegistry) -> None:
    faulty.upload_place = f"http://{other.address}/uploads/x"
    other.uploads["1"] = b""
    challenge = {"WWW-Authenticate": "Basic"}
    faulty.fault = lambda request: (
        not request.headers.get("Authorization") and request.reply(401, b"", challenge) is None
    )
    remote = world.remote(faulty.address, credential=Credential("me", "secret"))
    assert remote.push(BLOB, read) == "done"
    assert other.blobs[BLOB.digest] == DATA
    assert not any("Authorization" in headers for _, _, headers in other.requests)


def test_an_upload_is_not_sent_in_plain_http_to_strangers(remote: Remote, faulty: FaultyRegistry) -> None:
    faulty.upload_place = "http://cdn.lab/uploads/x"
    with pytest.raises(Denied, match="not https"):
        remote.push(BLOB, read)


@pytest.mark.parametrize("status", [400, 404, 405, 411, 413, 416, 500, 501, 503])
def test_a_registry_that_wants_chunks(remote: Remote, faulty: FaultyRegistry, status: int) -> None:
    faulty.fault = refusing(status)
    assert remote.push(BLOB, read) == "done"
    assert faulty.blobs[BLOB.digest] == DATA
    assert sent(faulty)[-2:] == ["PATCH uploads 0", "PUT uploads"]
    (headers,) = faulty.asked("PATCH", "uploads")
    assert headers["Content-Range"] == f"0-{len(DATA) - 1}"


def test_a_broken_upload_goes_on_where_the_registry_is(remote: Remote, faulty: FaultyRegistry) -> None:
    faulty.fault = cut("PUT", 1_000_000)
    assert remote.push(BLOB, read) == "done"
    assert faulty.blobs[BLOB.digest] == DATA
    assert sent(faulty)[2:] == ["PUT uploads", "HEAD blobs", "GET uploads", "PATCH uploads 1000000", "PUT uploads"]


def test_broken_chunks_go_on_too(remote: Remote, faulty: FaultyRegistry) -> None:
    first, then = cut("PUT", 1_000_000), cut("PATCH", 500_000, 1, 0)
    faulty.fault = lambda request: first(request) or then(request)
    assert remote.push(BLOB, read) == "done"
    assert faulty.blobs[BLOB.digest] == DATA
    assert [one for one in sent(faulty) if "PATCH" in one] == [
        "PATCH uploads 1000000", "PATCH uploads 1500000", "PATCH uploads 1500001", "PATCH uploads 1500001",
    ]  # fmt: skip


def test_an_upload_that_was_forgotten_begins_anew(remote: Remote, faulty: FaultyRegistry) -> None:
    first = cut("PUT", 1_000_000)

    def fault(request: Request) -> bool:
        if first(request):
            faulty.uploads["forgotten"] = faulty.uploads.pop("1")
            return True
        return False

    faulty.fault = fault
    assert remote.push(BLOB, read) == "done"
    assert faulty.blobs[BLOB.digest] == DATA
    assert [one for one in sent(faulty) if "POST" in one or "PATCH" in one] == [
        "POST uploads", "POST uploads", "PATCH uploads 0",
    ]  # fmt: skip


def test_uploads_that_are_forgotten_every_time_end(remote: Remote, faulty: FaultyRegistry, world: Any) -> None:
    def fault(request: Request) -> bool:
        if request.command in ("PUT", "PATCH"):
            return request.break_off()
        if request.command == "GET" and "uploads" in request.path:
            request.reply(404, b"")
            return True
        return False

    faulty.fault = fault
    with pytest.raises(Unavailable):
        remote.push(BLOB, read)
    assert len(world.pauses) < 2 * ATTEMPTS


@pytest.mark.parametrize("range_", ["", "garbage", f"0-{len(DATA)}"])
def test_an_upload_that_tells_nonsense(remote: Remote, faulty: FaultyRegistry, range_: str) -> None:
    first = cut("PUT", 1_000_000)

    def fault(request: Request) -> bool:
        if first(request):
            return True
        if request.command == "GET" and "uploads" in request.path and "2" not in faulty.uploads:
            request.reply(204, b"", {"Range": range_} if range_ else {})
            return True
        return False

    faulty.fault = fault
    if range_:
        assert remote.push(BLOB, read) == "done"
        assert faulty.blobs[BLOB.digest] == DATA
    else:  # no Range means nothing is there, which this registry then contradicts, again and again
        with pytest.raises(Unavailable):
            remote.push(BLOB, read)


@pytest.mark.parametrize("lies", [False, True], ids=["strict", "ignores Content-Range"])
@pytest.mark.parametrize("kept", [0, 1])
def test_a_range_of_0_0_is_nothing_or_one_byte(
    remote: Remote, faulty: FaultyRegistry, kept: int, lies: bool, world: Any
) -> None:
    """Whichever it is, the upload begins anew: a wrong guess would be refused, or store what nobody sent."""
    first = cut("PUT", kept)

    def fault(request: Request) -> bool:
        if first(request):
            return True
        if request.command == "GET" and "uploads" in request.path and len(faulty.uploads[request.upload]) <= 1:
            request.reply(204, b"", {"Range": "0-0"})
            return True
        if request.command == "PATCH" and lies:
            request.headers.replace_header("Content-Range", f"{len(faulty.uploads[request.upload])}-")
        return False

    faulty.fault = fault
    assert remote.push(BLOB, read) == "done"
    assert faulty.blobs[BLOB.digest] == DATA
    assert sent(faulty)[3:] == ["HEAD blobs", "GET uploads", "POST uploads", "PATCH uploads 0", "PUT uploads"]
    assert len(world.pauses) == 1


@pytest.mark.parametrize("content", [b"", b"x"])
def test_a_range_of_0_0_for_the_smallest_blobs(remote: Remote, faulty: FaultyRegistry, content: bytes) -> None:
    blob = Descriptor.make("application/octet-stream", content)
    first = cut("PUT", len(content))

    def fault(request: Request) -> bool:
        if first(request):
            return True
        if request.command == "GET" and "uploads" in request.path:
            request.reply(204, b"", {"Range": "0-0"})
            return True
        return False

    faulty.fault = fault
    assert remote.push(blob, lambda offset: iter((content[offset:],))) == "done"
    assert faulty.blobs[blob.digest] == content


def test_a_registry_that_takes_no_offset_at_all_is_left(remote: Remote, faulty: FaultyRegistry, world: Any) -> None:
    """It tells one offset, then another, and refuses both."""
    told = iter((1000, 2000) * 99)

    def fault(request: Request) -> bool:
        if request.command in ("PUT", "PATCH") and "uploads" in request.path:
            request.body()
            request.reply(416, b"")
        elif request.command == "GET" and "uploads" in request.path:
            request.reply(204, b"", {"Range": f"0-{next(told)}"})
        else:
            return False
        return True

    faulty.fault = fault
    with pytest.raises(Unavailable, match="does not take what comes after"):
        remote.push(BLOB, read)
    assert len(world.pauses) < 2 * ATTEMPTS


def test_a_lost_answer(remote: Remote, faulty: FaultyRegistry) -> None:
    """The blob is there, only we were not told."""

    def fault(request: Request) -> bool:
        if request.command != "PUT" or "uploads" not in request.path:
            return False
        faulty.blobs[BLOB.digest] = request.body()
        return request.break_off()

    faulty.fault = fault
    assert remote.push(BLOB, read) == "done"
    assert sent(faulty) == ["HEAD blobs", "POST uploads", "PUT uploads", "HEAD blobs"]


def test_chunks_are_as_large_as_the_registry_wants(remote: Remote, faulty: FaultyRegistry) -> None:
    faulty.upload_headers = {"OCI-Chunk-Min-Length": str(2 * CHUNK)}
    faulty.fault = refusing(405)
    assert remote.push(BLOB, read) == "done"
    assert faulty.asked("PATCH", "uploads")[0]["Content-Range"] == f"0-{len(DATA) - 1}"


def test_chunks_become_smaller_when_they_are_too_much(remote: Remote, faulty: FaultyRegistry) -> None:
    def fault(request: Request) -> bool:
        if int(request.headers.get("Content-Length") or 0) <= 1 << 20:
            return False
        request.body()
        request.reply(413, b"")
        return True

    faulty.fault = fault
    assert remote.push(BLOB, read) == "done"
    assert faulty.blobs[BLOB.digest] == DATA
    lengths = [int(headers["Content-Length"]) for headers in faulty.asked("PATCH", "uploads")]
    assert lengths == [2 << 20, 1 << 20, 1 << 20]


@pytest.mark.parametrize("verb", ["PUT", "PATCH"])
@pytest.mark.parametrize("status", [307, 308])
def test_an_upload_that_is_redirected(
    world: Any, faulty: FaultyRegistry, other: FaultyRegistry, verb: str, status: int
) -> None:
    """To another host, whole, and again without our credentials."""
    got: dict[str, bytes] = {}

    def storage(request: Request) -> bool:
        got[request.path] = request.body()
        if verb == "PATCH":
            faulty.uploads["1"] = got[request.path]
        else:
            faulty.blobs[BLOB.digest] = got[request.path]
        place = {"Location": f"http://{faulty.address}/v2/faulty/image/blobs/uploads/x?state=a%2Fb&n=1"}
        request.reply(202 if verb == "PATCH" else 201, b"", place)
        return True

    refuse = refusing(405)

    def fault(request: Request) -> bool:
        if "uploads" not in request.path or request.command not in ("PUT", "PATCH"):
            return False
        if request.command == verb:
            request.body()
            request.reply(status, b"", {"Location": f"http://{other.address}/put-here?sig=x%2Fy"})
            return True
        return bool(refuse(request))

    if verb == "PATCH":
        chunks = fault
        faulty.fault = lambda request: request.headers.get("Content-Length") != "0" and chunks(request)
    else:
        faulty.fault = fault
    other.fault = storage
    assert world.remote(faulty.address).push(BLOB, read) == "done"
    assert got == {"/put-here?sig=x%2Fy": DATA}


def test_content_that_is_not_what_the_digest_says(remote: Remote, faulty: FaultyRegistry) -> None:
    wrong = Descriptor({**BLOB.document, "digest": of_bytes(b"other")})
    assert "digest invalid" in failure(lambda: remote.push(wrong, read), WrongContent)
    assert len(faulty.asked("PUT", "uploads")) == 1


def test_a_source_that_ends_early(remote: Remote) -> None:
    longer = Descriptor({**BLOB.document, "size": len(DATA) + 1})
    assert f"ends after {len(DATA)}" in failure(lambda: remote.push(longer, read), Corrupt)


def test_a_source_that_fails_is_not_the_registry_s_fault(remote: Remote) -> None:
    def fails(offset: int) -> Iterator[bytes]:
        yield DATA[:1000]
        raise Unavailable("source", "broke", "")

    assert failure(lambda: remote.push(BLOB, fails), Unavailable) == "source: broke"


@pytest.mark.parametrize(("status", "kind"), [(401, Denied), (403, Denied), (422, Unsupported)])
def test_refused(remote: Remote, faulty: FaultyRegistry, status: int, kind: type[OcipipeError]) -> None:
    for verb in ("POST", "PUT"):
        faulty.fault = lambda request, verb=verb: (
            request.command == verb and request.body() is not None and request.reply(status, b"") is None
        )
        assert BLOB.digest in failure(lambda: remote.push(BLOB, read), kind)


def test_a_registry_that_stored_something_else(remote: Remote, faulty: FaultyRegistry) -> None:
    other = {"Docker-Content-Digest": of_bytes(b"other")}
    faulty.fault = lambda request: (
        request.command == "PUT" and request.body() is not None and request.reply(201, b"", other) is None
    )
    assert other["Docker-Content-Digest"] in failure(lambda: remote.push(BLOB, read), Corrupt)
    made = image([Layer(b"x")])
    push = lambda: remote.push(Descriptor(made.root), lambda offset: iter([made.raw]))  # noqa: E731
    assert other["Docker-Content-Digest"] in failure(push, Corrupt)


@pytest.mark.parametrize("how", ["plain", "cut", "chunks", "lost"])
def test_a_tap_sees_every_byte_once(remote: Remote, faulty: FaultyRegistry, how: str) -> None:
    def lose(request: Request) -> bool:
        if request.command == "PUT" and "uploads" in request.path:
            request.body(1000)
            faulty.blobs[BLOB.digest] = DATA
            return request.break_off()
        return False

    faulty.fault = {"plain": faulty.fault, "cut": cut("PUT", 1_000_001), "chunks": refusing(405), "lost": lose}[how]
    seen: list[bytes] = []
    assert remote.push(BLOB, read, tap=seen.append) == "done"
    assert b"".join(seen) == DATA


def test_a_tap_sees_nothing_of_what_was_there(remote: Remote, faulty: FaultyRegistry) -> None:
    faulty.blobs[BLOB.digest] = DATA
    seen: list[bytes] = []
    assert remote.push(BLOB, read, tap=seen.append) == "exists"
    assert seen == []
