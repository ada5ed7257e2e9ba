"""A token server as registries send clients to: RS256 tokens that docker-registry verifies.

Everybody may pull what begins with `open/`; `user` with `password`, or the identity token, may pull and push anything.
"""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

ISSUER, SERVICE = "token-server", "test-registry"
USER, PASSWORD, IDENTITY = "user", "pass:word", "identity-token"


class TokenServer:
    """Listens on loopback while a `with` block lasts; `requests` holds (method, scopes, who) of each request."""

    def __init__(self, directory: Path, *, key: str = "token") -> None:
        self._key, self.certificate = directory / "token.key", directory / "token.crt"
        self._field = key
        self.requests: list[tuple[str, list[str], str]] = []
        self.expires_in: int | None = 300
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(self._key), "-out",
             str(self.certificate), "-subj", "/CN=token server", "-days", "2"],
            check=True, capture_output=True,
        )  # fmt: skip
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                who = ""
                scheme, _, value = self.headers.get("Authorization", "").partition(" ")
                if scheme == "Basic":
                    who = base64.b64decode(value).decode()
                    if who != f"{USER}:{PASSWORD}":
                        self.send_error(401)
                        return
                self._answer("GET", query.get("scope", []), who.partition(":")[0])

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                if form.get("grant_type") != ["refresh_token"] or form.get("refresh_token") != [IDENTITY]:
                    self.send_error(401)
                    return
                self._answer("POST", " ".join(form.get("scope", [])).split(), "identity")

            def _answer(self, method: str, scopes: list[str], who: str) -> None:
                server.requests.append((method, scopes, who))
                body = json.dumps(server.answer(scopes, who)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.realm = f"http://127.0.0.1:{self._server.server_port}/token"

    @property
    def settings(self) -> tuple[str, str, str, Path]:
        """For DockerRegistry's `token`."""
        return self.realm, SERVICE, ISSUER, self.certificate

    def answer(self, scopes: list[str], who: str) -> dict[str, object]:
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":", 2)
            granted = actions.split(",") if who else ["pull"] if name.startswith("open/") else []
            access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": who, "aud": SERVICE, "exp": now + 300, "nbf": now - 10, "iat": now - 10,
                  "jti": str(time.monotonic_ns()), "access": access}  # fmt: skip
        der = subprocess.run(
            ["openssl", "x509", "-in", str(self.certificate), "-outform", "DER"], check=True, capture_output=True
        ).stdout
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        text = b".".join(_encode(json.dumps(part).encode()) for part in (header, claims))
        signed = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self._key)], input=text, check=True, capture_output=True
        ).stdout
        found: dict[str, object] = {self._field: (text + b"." + _encode(signed)).decode()}
        if self.expires_in is not None:
            found["expires_in"] = self.expires_in
        return found

    def __enter__(self) -> TokenServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
