"""Connections and certificates; and what is said when they fail."""

from __future__ import annotations

import os
import subprocess
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faulty_registry import FaultyRegistry
from gateway import Gateway
from registry import certificates

from ocipipe.errors import Denied
from ocipipe.registry.retry import Broken
from ocipipe.registry.settings import Registry
from ocipipe.registry.transport import Transport


class Authority:
    """A certificate authority with a server's pair, in the form that certs.d has."""

    def __init__(self, path: Path) -> None:
        self.ca = path / "ca"
        self.pair = certificates(self.ca)
        self.certificate = self.ca / "ca.crt"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def secure(authority: Authority) -> Iterator[FaultyRegistry]:
    with FaultyRegistry(tls=authority.pair) as running:
        yield running


def ask(server: FaultyRegistry, *cert_dirs: Path, insecure: bool = False, **env: str) -> int:
    registry = Registry(server.address, [], insecure, [str(path) for path in cert_dirs])
    answer = Transport(registry, env).send("GET", f"https://{server.address}/v2/", {}, None)
    answer.close()
    return answer.status


def test_an_authority_of_the_registry_s_own(secure: FaultyRegistry, authority: Authority, stranger: Authority) -> None:
    assert ask(secure, authority.ca) == 200
    assert ask(secure, stranger.ca, authority.ca) == 200
    for wrong in ((), (stranger.ca,)):
        with pytest.raises(Broken, match="its certificate is not valid") as caught:
            ask(secure, *wrong)
        assert caught.value.certificate
        assert not caught.value.connected


def test_the_certificate_must_be_for_the_name(secure: FaultyRegistry, authority: Authority) -> None:
    registry = Registry("x", [], False, [str(authority.ca)])
    port = secure.address.rpartition(":")[2]
    with pytest.raises(Broken, match="not valid"):
        Transport(registry, {}).send("GET", f"https://localhost:{port}/v2/", {}, None)


def test_insecure_asks_nothing_and_warns_nobody(secure: FaultyRegistry) -> None:
    with warnings.catch_warnings(record=True) as told:
        assert ask(secure, insecure=True) == 200
    assert told == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_in_the_environment(
    secure: FaultyRegistry, authority: Authority, stranger: Authority, variable: str
) -> None:
    assert ask(secure, **{variable: str(authority.certificate)}) == 200
    assert ask(secure, authority.ca, **{variable: str(stranger.certificate)}) == 200
    with pytest.raises(Broken, match="not valid"):
        ask(secure, **{variable: str(stranger.certificate)})
    with pytest.raises(Denied, match="/nowhere: cannot be used: no such file"):
        ask(secure, **{variable: "/nowhere"})


def test_a_directory_of_authorities(secure: FaultyRegistry, authority: Authority, tmp_path: Path) -> None:
    subprocess.run(["cp", authority.certificate, tmp_path / "a.pem"], check=True)
    subprocess.run(["openssl", "rehash", tmp_path], check=True, capture_output=True)
    assert ask(secure, REQUESTS_CA_BUNDLE=str(tmp_path)) == 200


def test_a_client_certificate_is_shown_to_the_registry_alone(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    own = tmp_path / "certs"
    own.mkdir()
    (own / "ca.crt").write_bytes(authority.certificate.read_bytes())
    key, certificate = stranger.pair
    (own / "client.cert").write_bytes(certificate.read_bytes())
    (own / "client.key").write_bytes(key.read_bytes())
    with FaultyRegistry(tls=authority.pair, clients=stranger.certificate) as registry:
        assert ask(registry, own) == 200
        with pytest.raises(Broken):
            ask(registry, authority.ca)
        with FaultyRegistry(tls=authority.pair, clients=stranger.certificate) as elsewhere:
            transport = Transport(Registry(registry.address, [], False, [str(own)]), {})
            with pytest.raises(Broken):
                transport.send("GET", f"https://{elsewhere.address}/v2/", {}, None)


@pytest.mark.parametrize(
    ("name", "content"),
    [("ca.crt", "garbage"), ("client.cert", "garbage"), ("ca.crt", None)],
    ids=["ca", "cert", "gone"],
)
def test_a_file_that_is_no_certificate(secure: FaultyRegistry, tmp_path: Path, name: str, content: str | None) -> None:
    path = tmp_path / name
    if content is None:
        path.symlink_to("nowhere")
    else:
        path.write_text(content)
    with pytest.raises(Denied, match=f"{path}: cannot be used"):
        ask(secure, tmp_path)


def test_a_directory_that_cannot_be_read(secure: FaultyRegistry, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Denied, match="cannot be read: not a directory"):
        ask(secure, tmp_path / "file")


def test_tls_goes_through_a_proxy(secure: FaultyRegistry, authority: Authority) -> None:
    """The name is nobody's: only the proxy can lead there, and the certificate is checked against the name all the
    same."""
    with Gateway(secure.address) as gateway:
        registry = Registry("registry.invalid", [], False, [str(authority.ca)])
        transport = Transport(registry, {"HTTPS_PROXY": f"http://{gateway.address}"})
        with pytest.raises(Broken, match="not valid"):
            transport.send("GET", "https://registry.invalid/v2/", {}, None)
        assert gateway.asked == ["registry.invalid:443"]
        open_to_all = Transport(
            Registry("registry.invalid", [], True, []), {"HTTPS_PROXY": f"http://{gateway.address}"}
        )
        answer = open_to_all.send("GET", "https://registry.invalid/v2/", {}, None)
        answer.close()
        assert answer.status == 200


def test_the_caller_s_netrc_and_cookies_of_others_stay_out(tmp_path: Path, faulty: FaultyRegistry) -> None:
    """requests would read ~/.netrc; the home of the whole test session is not the user's."""
    netrc = Path(os.environ["HOME"], ".netrc")
    netrc.write_text("default login someone password secret\n")
    try:
        transport = Transport(Registry(faulty.address, [], False, []), {})
        transport.send("GET", f"http://{faulty.address}/v2/", {}, None).close()
    finally:
        netrc.unlink()
    assert "Authorization" not in faulty.requests[0][2]


def test_a_body_that_ends_early(faulty: FaultyRegistry) -> None:
    transport = Transport(Registry(faulty.address, [], False, []), {})

    def read(length: int | None, *, chunked: bool = False) -> bytes:
        def fault(request: Any) -> bool:
            if chunked:
                request.reply_in_chunks(200, b"half", end=length is None)
            else:
                request.reply(200, b"half", length=length)
            return True

        faulty.fault = fault
        answer = transport.send("GET", f"http://{faulty.address}/", {}, None)
        assert answer.length == (None if chunked else length or 4)
        return b"".join(answer.chunks())

    assert read(None) == b"half"
    assert read(None, chunked=True) == b"half"
    for chunked in (False, True):
        with pytest.raises(Broken) as caught:
            read(8, chunked=chunked)
        assert caught.value.connected


def test_a_compressed_body_is_not_touched(faulty: FaultyRegistry) -> None:
    """A digest is of the bytes as they are."""
    faulty.fault = lambda request: request.reply(200, b"\x1f\x8bxx", {"Content-Encoding": "gzip"}) is None
    answer = Transport(Registry(faulty.address, [], False, []), {}).send("GET", f"http://{faulty.address}/", {}, None)
    assert b"".join(answer.chunks()) == b"\x1f\x8bxx"
    assert faulty.requests[0][2]["Accept-Encoding"] == "identity"


def test_nothing_is_followed(faulty: FaultyRegistry) -> None:
    faulty.fault = lambda request: request.reply(307, b"", {"Location": "/v2/"}) is None
    answer = Transport(Registry(faulty.address, [], False, []), {}).send("GET", f"http://{faulty.address}/", {}, None)
    assert answer.status == 307
    assert len(faulty.requests) == 1


def test_connections_are_kept(faulty: FaultyRegistry) -> None:
    transport = Transport(Registry(faulty.address, [], False, []), {})
    for _ in range(3):
        for _ in transport.send("GET", f"http://{faulty.address}/v2/", {}, None).chunks():
            pass
    for method in ("HEAD", "GET"):  # what is closed unread is short, or nothing
        for _ in range(3):
            transport.send(method, f"http://{faulty.address}/v2/nothing/manifests/here", {}, None).close()
    assert len(faulty.connections) == 1
    threads = [
        threading.Thread(target=lambda: list(transport.send("GET", f"http://{faulty.address}/v2/", {}, None).chunks()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(faulty.connections) <= 4
