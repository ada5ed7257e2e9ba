"""Debian's docker-registry on a free loopback port, for as long as a `with` block lasts."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_METHOD, _URI = re.compile(r"http\.request\.method=(\S+)"), re.compile(r'http\.request\.uri="([^"]+)"')
_LISTENING = re.compile(r"listening on (127\.0\.0\.1:[0-9]+)")


class DockerRegistry:
    """One registry with its storage below `directory`.

    address   host:port
    tls       serve HTTPS with a certificate of a CA made for it: `ca` is the directory for --cert-dir
    users     name -> password: basic authentication
    inside    what its command line begins with: nsenter, to be on another network
    token     (realm, service, issuer, certificate file): bearer authentication by a token server
    """

    def __init__(
        self,
        directory: Path,
        *,
        tls: bool = False,
        inside: Sequence[str] = (),
        users: dict[str, str] | None = None,
        token: tuple[str, str, str, Path] | None = None,
    ) -> None:
        self._directory = directory
        self._tls = tls
        self._inside = inside
        self._users = users
        self._token = token
        self.address = ""
        self.ca = directory / "ca"

    def __enter__(self) -> DockerRegistry:
        config = self._directory / "config.yml"
        config.write_text("\n".join(self._config()) + "\n")
        log = self._directory / "log"
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [*self._inside, "docker-registry", "serve", str(config)],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"},
            )
        try:
            for _ in range(300):
                if found := _LISTENING.search(log.read_text(errors="replace")):
                    self.address = found[1]
                    return self
                assert self._process.poll() is None, log.read_text(errors="replace")
                time.sleep(0.05)
            raise AssertionError("docker-registry does not listen: " + log.read_text(errors="replace"))
        except BaseException:
            self._stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def answered(self) -> list[str]:
        """`GET /v2/…` of every request that was answered so far, pings left out, as the registry itself logged them."""
        lines = (self._directory / "log").read_text(errors="replace").splitlines()
        found = [(_METHOD.search(line), _URI.search(line)) for line in lines if "response completed" in line]
        return [f"{method[1]} {uri[1]}" for method, uri in found if method and uri and uri[1] != "/v2/"]

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _config(self) -> list[str]:
        lines = [
            "version: 0.1",
            "log: { level: info, accesslog: { disabled: true } }",
            f"storage: {{ filesystem: {{ rootdirectory: {self._directory}/data }}, delete: {{ enabled: true }} }}",
            "http:",
            "  addr: 127.0.0.1:0",
        ]
        if self._tls:
            key, certificate = certificates(self.ca)
            lines.append(f"  tls: {{ certificate: {certificate}, key: {key} }}")
        if self._users is not None:
            passwords = self._directory / "htpasswd"
            for name, password in self._users.items():
                command = ["htpasswd", "-Bbn", name, password]
                with passwords.open("ab") as file:
                    subprocess.run(command, stdout=file, check=True)
            lines.append(f"auth: {{ htpasswd: {{ realm: test, path: {passwords} }} }}")
        if self._token is not None:
            realm, service, issuer, bundle = self._token
            lines += [
                "auth:",
                "  token:",
                f"    realm: {realm}",
                f"    service: {service}",
                f"    issuer: {issuer}",
                f"    rootcertbundle: {bundle}",
            ]
        return lines


def certificates(directory: Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
    """A CA (`directory`/ca.crt) and beside that directory a key and certificate of it for `host`."""
    directory.mkdir(parents=True, exist_ok=True)
    aside = directory.parent
    ca_key, key, request, certificate = (aside / name for name in ("ca.key", "host.key", "host.csr", "host.crt"))
    names = aside / "host.ext"
    names.write_text(f"subjectAltName=IP:{host}\nbasicConstraints=CA:FALSE\n")
    new = ["-newkey", "rsa:2048", "-nodes"]
    _openssl(
        "req", "-x509", *new, "-keyout", ca_key, "-out", directory / "ca.crt", "-subj", "/CN=test CA", "-days", "2"
    )
    _openssl("req", *new, "-keyout", key, "-out", request, "-subj", f"/CN={host}")
    signing = ["-CA", directory / "ca.crt", "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", names]
    _openssl("x509", "-req", "-in", request, "-out", certificate, *signing)
    return key, certificate


def _openssl(*args: object) -> None:
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)
