"""A small registry in memory that misbehaves on request. It holds what an Image is made of, and takes uploads.

A fault is a function that gets the request and answers whether it has dealt with it; it is asked before every answer.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from images import Image, manifest_types

Fault = Callable[["Request"], bool]


class Request(BaseHTTPRequestHandler):
    """One request, and what a fault can do with it. `number` counts the requests of the registry from 1."""

    protocol_version = "HTTP/1.1"
    registry: FaultyRegistry
    number = 0
    honestly = True

    def setup(self) -> None:
        if self.registry.tls is not None:  # here, so that a handshake which fails ends its own thread only
            self.request = self.registry.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.registry.connections.append(self.client_address)

    def _serve(self) -> None:
        with self.registry.lock:
            self.registry.requests.append((self.command, self.path, dict(self.headers.items())))
            self.number = len(self.registry.requests)
        self.honestly = False
        if self.registry.fault(self):
            self.close_connection = True  # the fault may not have read the request's body
            return
        self.honestly = True
        self.honest()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = _serve

    def honest(self) -> None:
        """The right answer."""
        path, _, query = self.path.partition("?")
        parts = path.split("/")
        if path == "/v2/":
            self.reply(200, b"{}")
        elif self.command == "POST":
            self._begin(parse_qs(query))
        elif "uploads" in parts:
            self._upload(parse_qs(query))
        elif self.command == "PUT":
            self._manifest(parts[-1])
        else:
            self._content(parts[-2], parts[-1])

    def _content(self, kind: str, target: str) -> None:
        digest = self.registry.tags.get(target, target)
        data = self.registry.blobs.get(digest)
        if data is None:
            self.reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
            return
        headers = {"Docker-Content-Digest": digest}
        if kind == "manifests":
            headers["Content-Type"] = self.registry.types.get(digest, "application/vnd.oci.image.manifest.v1+json")
        wanted = self.headers.get("Range")
        if wanted and kind == "blobs":
            begin = int(wanted.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
            self.reply(206, data[begin:], headers)
        else:
            self.reply(200, data, headers)

    def _begin(self, query: dict[str, list[str]]) -> None:
        if query.get("mount", [""])[0] in self.registry.blobs and not self.registry.refuses_mounts:
            self.reply(201, b"", {"Location": "/v2/x/blobs/y"})
            return
        with self.registry.lock:
            name = str(len(self.registry.uploads) + 1)
            self.registry.uploads[name] = b""
        self.reply(202, b"", {"Location": self._place(name), **self.registry.upload_headers})

    def _place(self, name: str) -> str:
        return f"{self.registry.upload_place}?state=a%2Fb&n={name}"

    @property
    def upload(self) -> str:
        """Which of the registry's uploads this request is about."""
        query = parse_qs(urlsplit(self.path).query)
        assert query["state"] == ["a/b"], "the query of Location was lost"
        return query["n"][0]

    def _upload(self, query: dict[str, list[str]]) -> None:
        name = self.upload
        place = {"Location": self._place(name)}
        if name not in self.registry.uploads:
            self.reply(404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')
            return
        have = self.registry.uploads[name]
        if self.command == "GET":
            self.reply(204, b"", {**place, "Range": f"0-{len(have) - 1}"})
            return
        body = self.body()
        if self.command == "PATCH" and (begin := self.headers["Content-Range"].partition("-")[0]) != str(len(have)):
            self.reply(416, b"", {**place, "Range": f"0-{len(have) - 1}", "X-Wanted": begin})
            return
        have += body
        self.registry.uploads[name] = have
        if self.command == "PATCH":
            self.reply(202, b"", {**place, "Range": f"0-{len(have) - 1}"})
            return
        digest = query["digest"][0]
        if f"sha256:{hashlib.sha256(have).hexdigest()}" != digest:
            self.reply(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"digest invalid"}]}')
            return
        self.registry.blobs[digest] = have
        self.reply(201, b"")

    def _manifest(self, target: str) -> None:
        data = self.body()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.registry.blobs[digest] = data
        self.registry.types[digest] = self.headers["Content-Type"]
        self.registry.tags[target] = digest
        self.reply(201, b"", {"Docker-Content-Digest": digest, **self.registry.manifest_headers})

    def body(self, limit: int | None = None) -> bytes:
        """The request's body, or only its first `limit` bytes."""
        length = int(self.headers.get("Content-Length", "0"))
        data = self.rfile.read(length if limit is None else min(limit, length))
        if limit is None and len(data) < length:
            raise ConnectionError("the client went away")
        return data

    def reply(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, length: int | None = None
    ) -> None:
        """Answers; `length` is what Content-Length says when not the truth, and the connection ends after the body."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if not self.honestly:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if length is not None:
            self.close_connection = True

    def reply_in_chunks(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, end: bool = True
    ) -> None:
        """Answers without telling the length; without `end`, the connection breaks before the last chunk."""
        self.send_response(status)
        for name, value in {**(headers or {}), "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body) + b"0\r\n\r\n" * end)
        self.close_connection = True

    def break_off(self) -> bool:
        """Ends the connection without an answer."""
        self.close_connection = True
        self.connection.close()
        return True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ValueError, OSError):
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class FaultyRegistry:
    """Listens on loopback while a `with` block lasts; `fault` may be changed at any time.

    `tls` is a key and a certificate to serve HTTPS with; `clients` the authority whose certificates callers must show.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", tls: tuple[Path, Path] | None = None, clients: Path | None = None
    ) -> None:
        self.reset()
        self.lock = threading.Lock()
        handler = type("Handler", (Request,), {"registry": self})
        server = type("Server", (_Server,), {"address_family": socket.AF_INET6 if ":" in host else socket.AF_INET})
        self._server = server((host, 0), handler)
        self.tls: ssl.SSLContext | None = None
        if tls is not None:
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
            self.tls.load_cert_chain(tls[1], tls[0])
            self.tls.verify_mode = ssl.CERT_REQUIRED if clients else ssl.CERT_NONE
        self.address = f"[{host}]:{self._server.server_port}" if ":" in host else f"{host}:{self._server.server_port}"

    def reset(self) -> None:
        """Holds nothing, was asked nothing, and has no fault."""
        self.blobs: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.uploads: dict[str, bytes] = {}
        self.upload_place = "uploads/one"
        self.upload_headers: dict[str, str] = {}
        self.manifest_headers: dict[str, str] = {}
        self.refuses_mounts = False
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.connections: list[object] = []
        self.fault: Fault = lambda request: False

    def hold(self, image: Image, tag: str = "1") -> str:
        """Has an image; its reference."""
        self.blobs.update(image.blobs)
        self.types.update(manifest_types(image))
        self.tags[tag] = image.digest
        return f"{self.address}/faulty/image:{tag}"

    def asked(self, method: str, part: str) -> list[dict[str, str]]:
        """The headers of every request of a method whose path holds `part`."""
        return [headers for verb, path, headers in self.requests if verb == method and part in path]

    def __enter__(self) -> FaultyRegistry:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def path_of(request: Request) -> str:
    return urlsplit(request.path).path


def sent(faulty: FaultyRegistry) -> list[str]:
    """The requests after the ping, as `VERB part`; an upload's with where its chunk begins."""
    found = []
    for verb, path, headers in faulty.requests:
        part = "uploads" if "uploads" in path else path.rpartition("/")[0].rpartition("/")[2]
        begin = headers.get("Content-Range", "").partition("-")[0]
        if path != "/v2/":
            found.append(f"{verb} {part} {begin}".strip())
    return found
