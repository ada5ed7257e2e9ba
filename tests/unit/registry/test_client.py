"""Requests to one registry: schemes, redirects, credentials, attempts (PITFALLS 13 and 16)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from faulty_registry import FaultyRegistry, Request
from registry import certificates
from token_server import PASSWORD, USER, TokenServer

from ocipipe.errors import Corrupt, Denied, Unavailable
from ocipipe.registry.client import Client, shown
from ocipipe.registry.credentials import Credential
from ocipipe.registry.retry import ATTEMPTS, Broken
from ocipipe.registry.transport import Body

ME = Credential(USER, PASSWORD)


def status(client: Client, target: str = "/v2/", method: str = "GET", **options: Any) -> int:
    answer = client.ask(method, target, subject="subject", **options)
    answer.close()
    return answer.status


def authorizations(faulty: FaultyRegistry) -> list[str | None]:
    return [headers.get("Authorization") for _, _, headers in faulty.requests]


def basic(request: Request) -> bool:
    if request.headers.get("Authorization"):
        return False
    request.reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
    return True


@contextmanager
def raw(*answers: bytes) -> Iterator[str]:
    """A server that answers its n-th connection with the n-th of `answers` whatever is said, then the last again."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        number = 0
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(answers[min(number, len(answers) - 1)])
            number += 1

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_loopback_is_asked_in_plain_http(world: Any, faulty: FaultyRegistry) -> None:
    client = world.client(faulty.address)
    assert status(client) == 200
    assert client.base("x") == f"http://{faulty.address}"
    assert [path for _, path, _ in faulty.requests] == ["/v2/", "/v2/"]
    assert faulty.requests[0][2]["User-Agent"].startswith("ocipipe/")


def test_loopback_that_wants_tls_gets_it(world: Any, tmp_path: Path) -> None:
    key, certificate = certificates(tmp_path / "ca")
    with FaultyRegistry(tls=(key, certificate)) as faulty:
        client = world.client(faulty.address, cert_dirs=(str(tmp_path / "ca"),))
        assert status(client) == 200
        assert client.base("x") == f"https://{faulty.address}"
        stranger = world.client(faulty.address)
        with pytest.raises(Unavailable, match=f"cannot trust {faulty.address}: its certificate is not valid") as caught:
            status(stranger)
        assert "--cert-dir" in caught.value.remedy
        assert status(world.client(faulty.address, insecure=True)) == 200
    assert world.pauses == []


def test_a_server_that_says_it_wants_tls(world: Any) -> None:
    words = b"Client sent an HTTP request to an HTTPS server."
    with raw(b"HTTP/1.0 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s" % (len(words), words)) as address:
        with pytest.raises(Unavailable, match="TLS failed"):
            status(world.client(address))
        assert world.pauses == []


def test_an_insecure_registry_is_asked_by_https_first(world: Any, tmp_path: Path, faulty: FaultyRegistry) -> None:
    """On loopback plain HTTP is first anyway; another name for it shows the order of the rest."""
    name = faulty.address.replace("127.0.0.1", socket.gethostname())
    if socket.gethostbyname(socket.gethostname()).startswith("127."):
        client = world.client(name, insecure=True)
        assert status(client) == 200
        assert client.base("x") == f"http://{name}"
        with pytest.raises(Unavailable, match="cannot reach"):
            status(world.client(name))


@pytest.mark.parametrize(
    ("host", "insecure", "url", "allowed"),
    [
        ("registry.lab", False, "https://cdn.lab/x", True),
        ("registry.lab", False, "http://cdn.lab/x", False),
        ("registry.lab", False, "http://registry.lab/x", False),
        ("registry.lab", False, "http://127.0.0.1/x", False),
        ("registry.lab", False, "file:///etc/passwd", False),
        ("registry.lab", True, "http://cdn.lab/x", True),
        ("127.0.0.1:5000", False, "http://127.0.0.1:6000/x", True),
        ("127.0.0.1:5000", False, "http://cdn.lab/x", False),
        ("127.0.0.1:5000", False, "http://127.0.0.1@cdn.lab/x", False),
    ],
)
def test_where_plain_http_is_allowed(world: Any, host: str, insecure: bool, url: str, allowed: bool) -> None:
    assert world.client(host, insecure=insecure).allows(url) is allowed


def test_nobody_there(world: Any) -> None:
    with FaultyRegistry() as gone:
        address = gone.address
    with pytest.raises(Unavailable) as caught:
        status(world.client(address))
    assert str(caught.value) == (
        f"subject: cannot reach {address}: connection refused (check the address and that the registry is up)"
    )
    assert world.pauses == []


def test_a_name_that_does_not_resolve(world: Any) -> None:
    with pytest.raises(Unavailable, match=r"cannot reach registry\.invalid: the name does not resolve"):
        status(world.client("registry.invalid"))
    assert world.pauses == []


def test_a_proxy_that_is_away_is_named_as_such(world: Any) -> None:
    with FaultyRegistry() as gone:
        address = gone.address
    client = world.client("registry.lab", env={"HTTPS_PROXY": f"http://user:secret@{address}"})
    with pytest.raises(Unavailable, match=r"cannot reach registry\.lab: its proxy: connection refused") as caught:
        status(client)
    assert "secret" not in str(caught.value)


def test_a_proxy_that_refuses(world: Any, faulty: FaultyRegistry) -> None:
    client = world.client("registry.lab", env={"HTTPS_PROXY": faulty.address})
    with pytest.raises(Unavailable, match=r"cannot reach registry\.lab: its proxy: .*501"):
        status(client)


def test_what_is_no_http(world: Any) -> None:
    with raw(b"220 smtp.lab ESMTP\r\n") as address, pytest.raises(Unavailable, match=f"{address}: "):
        status(world.client(address))
    assert len(world.pauses) == ATTEMPTS


def test_broken_connections_are_tried_again_with_growing_pauses(world: Any, faulty: FaultyRegistry) -> None:
    client = world.client(faulty.address)
    client.base("x")
    faulty.fault = lambda request: request.number < 1 + ATTEMPTS and request.break_off()
    assert status(client) == 200
    assert world.pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6])
    faulty.fault = lambda request: request.break_off()
    with pytest.raises(Unavailable, match=f"lost {faulty.address}: "):
        status(client)
    assert len(world.pauses) == 2 * (ATTEMPTS - 1)


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(world: Any, faulty: FaultyRegistry, code: int) -> None:
    client = world.client(faulty.address)
    client.base("x")
    faulty.fault = lambda request: request.number < 4 and request.reply(code, b"") is None
    assert status(client) == 200
    assert len(world.pauses) == 2
    faulty.fault = lambda request: request.reply(code, b"") is None
    assert status(client) == code


@pytest.mark.parametrize("code", [400, 403, 404, 405, 501])
def test_what_does_not_pass_is_not(world: Any, faulty: FaultyRegistry, code: int) -> None:
    client = world.client(faulty.address)
    client.base("x")
    faulty.fault = lambda request: request.reply(code, b"") is None
    assert status(client) == code
    assert len(faulty.requests) == 2


def test_retry_after(world: Any, faulty: FaultyRegistry) -> None:
    client = world.client(faulty.address)
    client.base("x")
    faulty.fault = lambda request: request.number == 2 and request.reply(429, b"", {"Retry-After": "90"}) is None
    assert status(client) == 200
    assert world.pauses == pytest.approx([91.0])
    faulty.fault = lambda request: request.reply(429, b"", {"Retry-After": "3600"}) is None
    assert status(client) == 429
    assert len(world.pauses) == 1


def test_a_streamed_body_is_sent_once(world: Any, faulty: FaultyRegistry) -> None:
    client = world.client(faulty.address)
    client.base("x")
    for fault in (
        lambda request: request.break_off(),
        lambda request: request.body() and request.reply(503, b"", {"Retry-After": "3"}) is None,
        lambda request: bool(request.body()) and basic(request),
    ):
        faulty.requests.clear()
        faulty.fault = fault
        client.auth = world.client(faulty.address, credential=ME).auth
        with pytest.raises(Broken) as caught:
            status(client, "/v2/x", "PUT", stream=Body(iter([b"abc"]), 3))
        assert len(faulty.requests) == 1
    assert world.pauses == []
    assert caught.value.problem == "it asked again who we are"


def test_basic(world: Any, faulty: FaultyRegistry) -> None:
    faulty.fault = basic
    assert status(world.client(faulty.address)) == 401
    assert status(world.client(faulty.address, credential=ME)) == 200
    assert authorizations(faulty)[-1] == "Basic dXNlcjpwYXNzOndvcmQ="


def test_a_refused_credential_is_not_tried_again_and_again(world: Any, faulty: FaultyRegistry) -> None:
    faulty.fault = lambda request: request.reply(401, b"", {"WWW-Authenticate": "Basic"}) is None
    assert status(world.client(faulty.address, credential=ME)) == 401
    assert authorizations(faulty) == [None, None, "Basic dXNlcjpwYXNzOndvcmQ="]


def test_a_token_that_is_not_taken_any_more_is_fetched_again_once(
    world: Any, faulty: FaultyRegistry, tmp_path: Path
) -> None:
    with TokenServer(tmp_path) as tokens:
        challenge = {"WWW-Authenticate": f'Bearer realm="{tokens.realm}",service="s"'}
        stale: list[str] = [""]

        def fault(request: Request) -> bool:
            if (request.headers.get("Authorization") or "") not in stale:
                return False
            request.reply(401, b"", challenge)
            return True

        faulty.fault = fault
        client = world.client(faulty.address, credential=ME)
        assert status(client, scopes=("repository:a:pull",)) == 200
        stale.append(str(authorizations(faulty)[-1]))
        assert status(client, scopes=("repository:a:pull",)) == 200
        assert len(tokens.requests) == 2
        faulty.fault = lambda request: request.reply(401, b"", challenge) is None
        assert status(client, scopes=("repository:a:pull",)) == 401
        assert len(tokens.requests) == 3


def test_a_token_service_that_stumbles(world: Any, faulty: FaultyRegistry, other: FaultyRegistry) -> None:
    realm = f"http://{other.address}/token"
    faulty.fault = lambda request: (
        not request.headers.get("Authorization")
        and request.reply(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}"'}) is None
    )

    def service(request: Request) -> bool:
        if request.number == 1:
            return request.break_off()
        if request.number == 2:
            request.reply(503, b"")
        else:
            request.reply(200, b'{"token":"t"}')
        return True

    other.fault = service
    assert status(world.client(faulty.address)) == 200
    assert authorizations(faulty)[-1] == "Bearer t"
    other.fault = lambda request: request.reply(200, b"x" * (2 << 20)) is None
    with pytest.raises(Corrupt, match="token service"):
        status(world.client(faulty.address))
    other.fault = lambda request: request.break_off()
    with pytest.raises(Unavailable, match=f"token service http://{other.address}/token: "):
        status(world.client(faulty.address))


def test_a_token_service_that_is_away(world: Any, faulty: FaultyRegistry) -> None:
    with FaultyRegistry() as gone:
        realm = f"http://user:secret@{gone.address}/token?key=secret"
    faulty.fault = lambda request: request.reply(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}"'}) is None
    with pytest.raises(Unavailable, match="connection refused") as caught:
        status(world.client(faulty.address))
    assert "secret" not in str(caught.value)
    assert world.pauses == []


def test_a_refresh_token_does_not_follow_a_redirect(world: Any, faulty: FaultyRegistry, other: FaultyRegistry) -> None:
    realm = f"http://{faulty.address}/token"

    def fault(request: Request) -> bool:
        if request.path == "/token":
            request.body()
            request.reply(307, b"", {"Location": f"http://{other.address}/token"})
        else:
            request.reply(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}"'})
        return True

    faulty.fault = fault
    with pytest.raises(Unavailable, match="status 307"):
        status(world.client(faulty.address, credential=Credential("", "", "identity")))
    assert other.requests == []


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_elsewhere_gets_no_credentials(
    world: Any, faulty: FaultyRegistry, other: FaultyRegistry, code: int
) -> None:
    place = f"http://{other.address}/v2/?sig=abc%2Fdef"
    faulty.fault = lambda request: (
        basic(request) or (request.path == "/v2/x" and request.reply(code, b"", {"Location": place}) is None)
    )
    answer = world.client(faulty.address, credential=ME).ask("GET", "/v2/x", subject="x", headers={"Range": "bytes=1-"})
    assert answer.status == 200
    assert answer.url == place
    ((method, path, headers),) = other.requests
    assert (method, path) == ("GET", "/v2/?sig=abc%2Fdef")
    assert "Authorization" not in headers
    assert headers["Range"] == "bytes=1-"


def test_a_401_from_elsewhere_is_not_answered(world: Any, faulty: FaultyRegistry, other: FaultyRegistry) -> None:
    faulty.fault = lambda request: (
        request.path == "/v2/x" and request.reply(307, b"", {"Location": f"http://{other.address}/v2/"}) is None
    )
    other.fault = lambda request: request.reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'}) is None
    assert status(world.client(faulty.address, credential=ME), "/v2/x") == 401
    assert authorizations(other) == [None]


def test_a_redirect_within_the_registry_keeps_them(world: Any, faulty: FaultyRegistry) -> None:
    faulty.fault = lambda request: (
        basic(request) or (request.path == "/v2/x" and request.reply(307, b"", {"Location": "/v2/"}) is None)
    )
    assert status(world.client(faulty.address, credential=ME), "/v2/x", "HEAD") == 200
    assert [verb for verb, _, _ in faulty.requests] == ["GET", "HEAD", "HEAD", "HEAD"]
    assert authorizations(faulty)[-2:] == ["Basic dXNlcjpwYXNzOndvcmQ="] * 2


def test_a_body_is_not_redirected_elsewhere(world: Any, faulty: FaultyRegistry, other: FaultyRegistry) -> None:
    faulty.fault = lambda request: (
        request.command == "PUT"
        and request.body() is not None
        and request.reply(307, b"", {"Location": f"http://{other.address}/v2/"}) is None
    )
    assert status(world.client(faulty.address), "/v2/x", "PUT", body=b"document") == 307
    assert other.requests == []


@pytest.mark.parametrize("place", ["http://cdn.lab/x?sig=secret", "file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_to_where_we_may_not_go(world: Any, faulty: FaultyRegistry, place: str) -> None:
    faulty.fault = lambda request: request.path != "/v2/" and request.reply(307, b"", {"Location": place}) is None
    with pytest.raises(Denied, match="not https") as caught:
        status(world.client(faulty.address), "/v2/x")
    assert "secret" not in str(caught.value)
    with pytest.raises(Denied, match="not https"):
        status(world.client(faulty.address), place)


@pytest.mark.parametrize("place", ["http://[bad", "http://127.0.0.1:port/"])
def test_a_place_that_is_no_url(world: Any, faulty: FaultyRegistry, place: str) -> None:
    faulty.fault = lambda request: request.path != "/v2/" and request.reply(307, b"", {"Location": place}) is None
    with pytest.raises(Unavailable, match="no URL"):
        status(world.client(faulty.address), "/v2/x")


def test_redirects_without_end(world: Any, faulty: FaultyRegistry) -> None:
    faulty.fault = lambda request: request.path != "/v2/" and request.reply(307, b"", {"Location": "/v2/x"}) is None
    with pytest.raises(Unavailable, match="without end"):
        status(world.client(faulty.address), "/v2/x")


def test_a_registry_that_calls_itself_http_is_asked_by_https(world: Any, tmp_path: Path) -> None:
    """As many do that stand behind something that ends TLS."""
    key, certificate = certificates(tmp_path / "ca")
    with FaultyRegistry(tls=(key, certificate)) as faulty:
        faulty.fault = lambda request: (
            basic(request)
            or (
                request.path == "/v2/x"
                and request.reply(307, b"", {"Location": f"http://{faulty.address}/v2/"}) is None
            )
        )
        client = world.client(faulty.address, cert_dirs=(str(tmp_path / "ca"),), credential=ME)
        assert status(client, "/v2/x") == 200
        assert status(client, f"http://{faulty.address}/v2/") == 200
        assert authorizations(faulty)[-1] is not None


def test_fetch_begins_anew_when_the_body_breaks_off(world: Any, faulty: FaultyRegistry) -> None:
    client = world.client(faulty.address)
    client.base("x")
    faulty.fault = lambda request: request.number < 4 and request.reply(200, b"half", length=8) is None
    answer, data = client.fetch("/v2/", subject="x", limit=100)
    assert (answer.status, data) == (200, b"{}")
    assert len(world.pauses) == 2
    faulty.fault = lambda request: request.reply(200, b"half", length=8) is None
    with pytest.raises(Unavailable, match="lost"):
        client.fetch("/v2/", subject="x", limit=100)


def test_fetch_never_takes_more_than_the_limit(world: Any, faulty: FaultyRegistry) -> None:
    client = world.client(faulty.address)
    faulty.fault = lambda request: request.path == "/v2/x" and request.reply(200, b"x" * 101) is None
    with pytest.raises(Corrupt, match="longer than the 100 bytes"):
        client.fetch("/v2/x", subject="x", limit=100)
    answer, data = client.fetch("/v2/x", subject="x", limit=101)
    assert data == b"x" * 101
    faulty.fault = lambda request: request.path == "/v2/x" and request.reply(404, b"why") is None
    answer, data = client.fetch("/v2/x", subject="x", limit=100)
    assert (answer.status, data, answer.some(), answer.some()) == (404, b"", b"why", b"why")


def test_an_error_s_body_is_read_in_part_only(world: Any, faulty: FaultyRegistry) -> None:
    faulty.fault = lambda request: request.path == "/v2/x" and request.reply(404, b"x" * (1 << 20)) is None
    answer = world.client(faulty.address).ask("GET", "/v2/x", subject="x")
    assert answer.some() == b"x" * (1 << 16)


def test_one_transport_for_many_threads(world: Any, faulty: FaultyRegistry) -> None:
    client = world.client(faulty.address)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(status(client))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 8


def test_what_a_url_shows() -> None:
    assert shown("https://user:secret@cdn.lab:8443/a/b?sig=secret#x") == "https://cdn.lab:8443/a/b"
