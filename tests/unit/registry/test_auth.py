"""Challenges and tokens (PITFALLS 13), with a token service in memory and a clock of ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from ocipipe.errors import Denied, OcipipeError, Unavailable
from ocipipe.registry.auth import Authenticator
from ocipipe.registry.credentials import Credential

BEARER = 'Bearer realm="https://auth.lab/token",service="registry.lab"'
PULL = ("repository:a/b:pull",)
SECRET = "s3cr:et"


class TokenService:
    """Answers each request with a new token; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Mapping[str, str], bytes | None]] = []
        self.status = 200
        self.body: bytes | None = None
        self.fields: dict[str, object] = {}
        self.field = "token"

    def __call__(self, method: str, url: str, headers: Mapping[str, str], form: bytes | None) -> tuple[int, bytes]:
        self.asked.append((method, url, headers, form))
        body = json.dumps({self.field: f"t{len(self.asked)}", **self.fields}).encode()
        return self.status, self.body if self.body is not None else body


class Side:
    """Our side: an Authenticator with its service and clock."""

    def __init__(self, credential: Credential | None = None) -> None:
        self.service = TokenService()
        self.now = 0.0
        self.auth = Authenticator(
            "registry.lab", credential, self.service, lambda url: url.startswith("https:"), lambda: self.now
        )


def test_nothing_is_sent_before_it_is_asked_for() -> None:
    side = Side(Credential("me", SECRET))
    assert side.auth.headers(PULL) == {}
    assert side.service.asked == []


def test_basic() -> None:
    side = Side(Credential("me", SECRET))
    assert side.auth.challenged('Basic realm="x"', PULL)
    assert side.auth.headers(PULL) == {"Authorization": "Basic " + base64.b64encode(b"me:s3cr:et").decode()}


def test_a_password_that_is_no_utf8() -> None:
    side = Side(Credential("me", b"\xff".decode("utf-8", "surrogateescape")))
    side.auth.challenged("Basic", PULL)
    assert side.auth.headers(PULL) == {"Authorization": "Basic " + base64.b64encode(b"me:\xff").decode()}


@pytest.mark.parametrize("header", ['Basic realm="x"', "Negotiate abc=", "", "=garbage"])
def test_what_nobody_can_answer(header: str) -> None:
    assert not Side().auth.challenged(header, PULL)


def test_an_anonymous_token() -> None:
    side = Side()
    assert side.auth.challenged(BEARER, PULL)
    assert side.auth.headers(PULL) == {"Authorization": "Bearer t1"}
    ((method, url, headers, form),) = side.service.asked
    assert (method, headers, form) == ("GET", {}, None)
    assert url.startswith("https://auth.lab/token?")
    assert parse_qsl(urlsplit(url).query) == [("service", "registry.lab"), ("scope", PULL[0])]


def test_user_and_password_go_to_the_token_service() -> None:
    side = Side(Credential("me", SECRET))
    side.auth.challenged(BEARER, PULL)
    side.auth.headers(PULL)
    ((_, url, headers, _),) = side.service.asked
    assert parse_qs(urlsplit(url).query)["account"] == ["me"]
    assert headers == {"Authorization": "Basic " + base64.b64encode(b"me:s3cr:et").decode()}
    assert SECRET not in url


def test_an_identity_token_is_exchanged_by_post() -> None:
    side = Side(Credential("me", "", "identity"))
    side.service.field = "access_token"
    side.auth.challenged(BEARER, (*PULL, "repository:c:pull"))
    assert side.auth.headers((*PULL, "repository:c:pull")) == {"Authorization": "Bearer t1"}
    ((method, url, headers, form),) = side.service.asked
    assert (method, url, headers) == ("POST", "https://auth.lab/token", {})
    assert dict(parse_qsl((form or b"").decode())) == {
        "grant_type": "refresh_token",
        "service": "registry.lab",
        "scope": "repository:a/b:pull repository:c:pull",
        "client_id": "ocipipe",
        "refresh_token": "identity",
    }


@pytest.mark.parametrize("password", ["", SECRET])
@pytest.mark.parametrize("status", [404, 405])
def test_a_service_that_knows_no_identity_tokens_gets_the_password(status: int, password: str) -> None:
    side = Side(Credential("me", password, identity_token="refresh"))
    side.auth.challenged(BEARER, PULL)
    side.service.status = status
    with pytest.raises(Unavailable):
        side.auth.headers(PULL)
    assert [asked[0] for asked in side.service.asked] == ["POST", "GET"] if password else ["POST"]


def test_an_identity_token_answers_no_basic_challenge() -> None:
    side = Side(Credential(identity_token="refresh"))
    assert not side.auth.challenged('Basic realm="x"', PULL)
    assert side.auth.headers(PULL) == {}


def test_a_realm_with_a_query_keeps_it() -> None:
    side = Side()
    side.auth.challenged('Bearer realm="https://auth.lab/t?a=b"', PULL)
    side.auth.headers(PULL)
    assert parse_qsl(urlsplit(side.service.asked[0][1]).query) == [("a", "b"), ("scope", PULL[0])]


@pytest.mark.parametrize(
    ("fields", "lives"),
    [
        ({}, 60),
        ({"expires_in": 300}, 300),
        ({"expires_in": 0}, 60),
        ({"expires_in": "x"}, 60),
        ({"expires_in": True}, 60),
        ({"expires_in": None}, 60),
        ({"expires_in": -1}, 60),
        ({"expires_in": 10**400}, 86400),
    ],
)
def test_a_token_is_kept_until_shortly_before_it_expires(fields: dict[str, object], lives: float) -> None:
    side = Side()
    side.service.fields = fields
    side.auth.challenged(BEARER, PULL)
    side.auth.headers(PULL)
    side.now = lives - 5.1
    assert side.auth.headers(PULL) == {"Authorization": "Bearer t1"}
    side.now = lives - 5
    assert side.auth.headers(PULL) == {"Authorization": "Bearer t2"}


def test_tokens_are_kept_by_scope() -> None:
    side = Side()
    side.auth.challenged(BEARER, PULL)
    push = ("repository:a/b:pull,push",)
    tokens = [side.auth.headers(scopes)["Authorization"] for scopes in (PULL, push, PULL, push, ())]
    assert tokens == ["Bearer t1", "Bearer t2", "Bearer t1", "Bearer t2", "Bearer t3"]


def test_a_fresh_challenge_drops_the_token() -> None:
    side = Side()
    side.auth.challenged(BEARER, PULL)
    side.auth.headers(PULL)
    side.auth.challenged(BEARER.replace("auth.lab", "new.lab"), PULL)
    assert side.auth.headers(PULL) == {"Authorization": "Bearer t2"}
    assert side.service.asked[1][1].startswith("https://new.lab/")


@pytest.mark.parametrize(
    ("demanded", "asked"),
    [
        ("", ["repository:a/b:pull,push"]),
        ("repository:a/b:pull", ["repository:a/b:pull,push"]),
        ("repository:a/b:push,pull", ["repository:a/b:pull,push"]),
        ("repository:a/b:delete", ["repository:a/b:pull,push", "repository:a/b:delete"]),
        ("repository:a/b:push repository:z:pull", ["repository:a/b:pull,push", "repository:z:pull"]),
    ],
)
def test_what_the_challenge_demands_beyond_our_wish_is_asked_for(demanded: str, asked: list[str]) -> None:
    side = Side()
    scopes = ("repository:a/b:pull,push",)
    side.auth.challenged(f'{BEARER},scope="{demanded}"', scopes)
    side.auth.headers(scopes)
    assert parse_qs(urlsplit(side.service.asked[0][1]).query)["scope"] == asked


def test_bearer_is_chosen_before_basic() -> None:
    side = Side(Credential("me", SECRET))
    side.auth.challenged(f'Basic realm="x", {BEARER}', PULL)
    assert side.auth.headers(PULL) == {"Authorization": "Bearer t1"}


def refused(side: Side) -> OcipipeError:
    side.auth.challenged(BEARER, PULL)
    with pytest.raises(OcipipeError) as caught:
        side.auth.headers(PULL)
    assert SECRET not in str(caught.value)
    assert caught.value.subject == "registry.lab"
    return caught.value


@pytest.mark.parametrize(("status", "kind"), [(400, Denied), (401, Denied), (403, Denied), (404, Unavailable)])
def test_a_token_that_is_refused(status: int, kind: type[OcipipeError]) -> None:
    side = Side(Credential("me", SECRET))
    side.service.status = status
    assert type(refused(side)) is kind


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"token":""}', b'{"token":3}', b'{"token":"a\\r\\nX-Other: b"}', b'{"token":"a b"}'],
)
def test_no_token_at_all(body: bytes) -> None:
    side = Side(Credential("me", SECRET))
    side.service.body = body
    assert type(refused(side)) is Unavailable


@pytest.mark.parametrize("realm", ["http://auth.lab/token", "file:///etc/passwd", "", "auth.lab"])
def test_a_token_service_must_be_reached_safely(realm: str) -> None:
    side = Side(Credential("me", SECRET))
    side.auth.challenged(f'Bearer realm="{realm}"', PULL)
    with pytest.raises(Denied, match="not reached by https"):
        side.auth.headers(PULL)
    assert side.service.asked == []
