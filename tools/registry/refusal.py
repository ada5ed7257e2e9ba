"""What an answer that is not the one we wanted means: one error, in the registry's own words where it has any."""

from __future__ import annotations

from oci_spec import distribution

from ..errors import Denied, NotFound, OcipipeError, Unavailable, Unsupported, WrongContent
from .retry import retry_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS_LIMIT = 300
_LOG_IN = "check the name, or log in with reg-login"
_RUNS_IT = "ask who runs the registry"
_BAD_CONTENT = frozenset(("DIGEST_INVALID", "SIZE_INVALID"))


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, subject: str, what: str, host: str
) -> OcipipeError:
    """The error that an answer's status and body stand for; `what` (manifest, blob) is what was asked of `host`.

    404 NotFound; 401 and 403 Denied; 408, 429 and 5xx Unavailable; a digest that did not come out right WrongContent;
    any other Unsupported.
    """
    errors = distribution.parse_errors(body)
    said = _words(errors)
    if _BAD_CONTENT & {code for code, _, _ in errors}:
        return WrongContent(subject, f"{host} did not get what its digest says: {said}", "try again")
    if status == 404:
        return NotFound(subject, said or f"{what} unknown", _LOG_IN)
    if status in (401, 403):
        return Denied(subject, said or "access denied", _LOG_IN)
    if status == 429:
        after = round(retry_after(headers))
        wait = f"try again in {after} s" if after else "try again later, or log in with reg-login"
        return Unavailable(subject, said or "too many requests", wait)
    told = f"status {status}{f': {said}' if said else ''}"
    if status == 408 or status >= 500:
        return Unavailable(subject, f"{host} answered with {told}", "try again later")
    return Unsupported(subject, f"{host} does not take this: {told}", _RUNS_IT)


def is_about(body: bytes, code: str) -> bool:
    """Whether an error body names `code`."""
    return any(found == code for found, _, _ in distribution.parse_errors(body))


def _words(errors: list[tuple[str, str, object]]) -> str:
    """One line that a terminal shows as it stands."""
    text = "; ".join(message or code.lower().replace("_", " ") for code, message, _ in errors)
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:_WORDS_LIMIT]
