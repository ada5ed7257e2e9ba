"""Whatever a registry writes into its answers, we say in our words what is wrong, and end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from faulty_registry import FaultyRegistry, Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from images import Layer, image

from oci_spec.descriptor import Descriptor
from ocipipe.errors import OcipipeError
from ocipipe.registry.credentials import Credential
from ocipipe.registry.remote import Remote

DATA = b"x" * 3000
BLOB = Descriptor.make("application/octet-stream", DATA)
ROOT = Descriptor(image([Layer(b"content")]).root)

NUMBERS = ("", "\xb2", "9" * 5000, "-1", "0", "1", "3000", "1e3")
RANGES = (
    "0-0",
    "0--1",
    "5-2",
    "0-2999",
    "bytes 0-5/\xb2",
    f"bytes 0-9/{'9' * 5000}",
    "bytes 1-2/*",
    "bytes */3000",
    "*",
)
PLACES = (
    "", "?", "//", "/v2/\xff", "https://", "http://[", "https://[::1", "https://h:99999/x", "http://h:x/", "/\x01",
    f"https://{'a' * 70}.example/", "ftp://h/", "/v2/faulty/image/blobs/uploads/1", "http://127.0.0.1:1/",
)  # fmt: skip
CHALLENGES = (
    "Bearer", "Bearer realm=", 'Bearer realm="http://["', 'Bearer realm="https://h:99999/"', "Basic", 'Basic realm="\\',
    'Bearer realm="file:///etc/passwd"', "Negotiate abc==", ";", "\xb2",
)  # fmt: skip
DATES = ("Wed, 21 Oct 2015 07:28:00 +9999999999", "Mon, 01 Jan 0001 00:00:00 GMT", "soon")
VALUES = {
    "Location": PLACES,
    "Range": RANGES + NUMBERS,
    "Content-Range": RANGES + NUMBERS,
    "Content-Length": NUMBERS,
    "Docker-Content-Digest": ("sha256:xyz", f"sha256:{'0' * 64}", f"sha512:{'0' * 128}", "", "\xb2", str(BLOB.digest)),
    "Content-Type": ("", ";", "text/html; charset", "application/vnd.oci.image.index.v1+json", "\xb2/\xb2"),
    "WWW-Authenticate": CHALLENGES,
    "Link": ("<", "<x>", "<http://[>; rel=next", "<x>; rel=next", "\xb2", '<>; rel="next'),
    "Retry-After": NUMBERS + DATES,
    "Date": DATES,
    "OCI-Chunk-Min-Length": NUMBERS,
    "Transfer-Encoding": ("chunked", "gzip", "\xb2"),
    "Content-Encoding": ("gzip", "\xb2"),
    "Set-Cookie": ("a=b; domain=.", "=", "\xb2"),
}
STATUSES = (200, 201, 202, 204, 206, 301, 303, 304, 307, 400, 401, 403, 404, 405, 413, 416, 429, 503, 999)
BODIES = (
    b"", b"{}", b"[]", DATA, DATA + b"x", b'{"tags":[1]}', b'{"tags":["a"]}', b'{"errors":[{"code":3}]}', b"\xff",
    b"[" * 5000, b'{"token":"a","expires_in":' + b"9" * 400 + b"}", b'{"token":3}',
)  # fmt: skip

header = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name])))
answers = st.lists(
    st.tuples(st.sampled_from(STATUSES), st.lists(header, max_size=3), st.sampled_from(BODIES)), max_size=5
)


def answering(request: Request, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    request.body()
    if not any(name == "Content-Length" for name, _ in headers):
        headers = [*headers, ("Content-Length", str(len(body)))]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    request.wfile.write(f"HTTP/1.1 {status} X\r\n{lines}Connection: close\r\n\r\n".encode("latin-1"))
    if request.command != "HEAD":
        request.wfile.write(body)


@pytest.fixture(scope="module")
def shared() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as running:
        yield running


def push(remote: Remote) -> None:
    remote.push(BLOB, lambda offset: iter([DATA[offset:]]), origin=f"{remote.origin.client.host}/other/image")


ASKED: dict[str, Callable[[Remote], object]] = {
    "resolve": lambda remote: remote.resolve("1"),
    "read": lambda remote: remote.read(ROOT),
    "open": lambda remote: list(remote.open(BLOB)),
    "resume": lambda remote: list(remote.open(BLOB, 10)),
    "tags": lambda remote: list(remote.tags()),
    "push": push,
}


@pytest.mark.parametrize("what", ASKED)
def test_garbage(what: str, world: Any, shared: FaultyRegistry) -> None:
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(answers, st.sampled_from([None, Credential("me", "secret"), Credential(identity_token="secret")]))
    def ask(given_: list[tuple[int, list[tuple[str, str]], bytes]], credential: Credential | None) -> None:
        left = list(given_)

        def fault(request: Request) -> bool:
            if request.path != "/v2/":
                answering(request, *(left.pop(0) if left else (404, [], b"")))
            return request.path != "/v2/"

        shared.fault = fault
        said = ""
        try:
            ASKED[what](world.remote(shared.address, credential=credential))
        except OcipipeError as error:
            said = str(error)
        assert "secret" not in said
        assert said.isprintable()

    ask()
