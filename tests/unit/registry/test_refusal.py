"""What a registry's refusal becomes."""

from __future__ import annotations

import json

import pytest

from ocipipe.errors import Denied, NotFound, OcipipeError, Unavailable, Unsupported, WrongContent
from ocipipe.registry.refusal import is_about, refusal


def made(status: int, *errors: tuple[str, str], headers: dict[str, str] | None = None) -> OcipipeError:
    body = json.dumps({"errors": [{"code": code, "message": message} for code, message in errors]}).encode()
    return refusal(status, headers or {}, body, subject="lab/x:1", what="manifest", host="registry.lab")


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (
            made(404, ("MANIFEST_UNKNOWN", "manifest unknown")),
            NotFound,
            "lab/x:1: manifest unknown (check the name, or log in with reg-login)",
        ),
        (made(404), NotFound, "lab/x:1: manifest unknown (check the name, or log in with reg-login)"),
        (made(401, ("UNAUTHORIZED", "")), Denied, "lab/x:1: unauthorized (check the name, or log in with reg-login)"),
        (made(403), Denied, "lab/x:1: access denied (check the name, or log in with reg-login)"),
        (
            made(429, ("TOOMANYREQUESTS", "slow down"), headers={"Retry-After": "3600"}),
            Unavailable,
            "lab/x:1: slow down (try again in 3600 s)",
        ),
        (
            made(
                429,
                headers={"Retry-After": "Wed, 21 Oct 2026 07:38:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            ),
            Unavailable,
            "lab/x:1: too many requests (try again in 600 s)",
        ),
        (made(429), Unavailable, "lab/x:1: too many requests (try again later, or log in with reg-login)"),
        (made(500), Unavailable, "lab/x:1: registry.lab answered with status 500 (try again later)"),
        (
            made(405, ("UNSUPPORTED", "The operation is unsupported.")),
            Unsupported,
            "lab/x:1: registry.lab does not take this: status 405: The operation is unsupported. "
            "(ask who runs the registry)",
        ),
        (
            made(400, ("DIGEST_INVALID", "provided digest did not match uploaded content")),
            WrongContent,
            "lab/x:1: registry.lab did not get what its digest says: provided digest did not match uploaded content "
            "(try again)",
        ),
        (
            made(403, ("A_B", ""), ("C", "second")),
            Denied,
            "lab/x:1: a b; second (check the name, or log in with reg-login)",
        ),
    ],
)
def test_refusal(error: OcipipeError, kind: type[OcipipeError], text: str) -> None:
    assert type(error) is kind
    assert str(error) == text


def test_words_are_one_printable_line() -> None:
    error = made(404, ("X", "first\nsecond\x1b[31mred\x07\u202e " + "y" * 1000))
    assert error.problem.startswith("first second [31mred yyy")
    assert error.problem.isprintable()
    assert len(error.problem) == 300


def test_a_body_of_another_kind_says_nothing() -> None:
    for body in (b"<html>", b"", b"[]", b'{"errors":3}', b"\xff"):
        error = refusal(404, {}, body, subject="x", what="blob", host="h")
        assert error.problem == "blob unknown"
        assert not is_about(body, "DIGEST_INVALID")
    assert is_about(b'{"errors":[{"code":"DIGEST_INVALID"}]}', "DIGEST_INVALID")
