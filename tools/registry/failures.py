"""What went wrong between us and a registry, in few words, and how long to wait for it to pass."""

from __future__ import annotations

import ssl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Broken(Exception):
    """The connection broke; `problem` is what happened, for people."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that an answer asks to wait (RFC 9110, Retry-After): a number, or a date beside the answer's own Date."""
    value = headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    if not value:
        return 0.0
    from email.utils import parsedate_to_datetime

    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return 0.0
    return max(wait.total_seconds(), 0.0)


def explain(error: BaseException) -> str:
    """The innermost reason of a failure, in few words."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        inner = getattr(current, "reason", None) or next(
            (part for part in current.args if isinstance(part, BaseException)), None
        )
        current = inner if isinstance(inner, BaseException) else current.__cause__ or current.__context__
    for one in reversed(seen):
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"its certificate is not valid: {one.verify_message}"
        if isinstance(one, TimeoutError) or "Timeout" in type(one).__name__:
            return "no answer in time"
        if type(one).__name__ in ("gaierror", "NameResolutionError"):
            return "the name does not resolve"
        if isinstance(one, ssl.SSLError):
            return f"TLS failed: {(one.reason or 'unknown').replace('_', ' ').lower()}"
        if isinstance(one, OSError) and one.strerror:
            return one.strerror.lower()
    return f"the connection broke ({type(seen[-1]).__name__})"
