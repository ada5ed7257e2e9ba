"""What passes by itself on a network, and how long to wait until it is tried again.

Tried again, with growing pauses of which half is chance: 408, 429 (for as long as Retry-After says), 5xx, connections
that break. Not tried again: an address where nobody has ever answered, and a certificate that nobody vouches for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Random = Callable[[int], bytes]
    Sleep = Callable[[float], None]

ATTEMPTS = 6
"""How often one request is tried in all."""
PATIENCE = 120.0
"""The longest Retry-After, in seconds, that is waited for rather than reported."""
PASSING = frozenset((408, 429, 500, 502, 503, 504))
_FIRST_PAUSE = 0.1


class Broken(Exception):
    """An exchange broke off, and nobody knows how far the server got.

    `problem` is what happened, for people. `connected` is False when not even a connection came about, `certificate`
    True when the reason was a certificate. `wait` is what the server asked for, in seconds. `host` is who it was with.
    """

    host = ""

    def __init__(self, problem: str, *, connected: bool = True, certificate: bool = False, wait: float = 0.0) -> None:
        self.problem = problem
        self.connected = connected
        self.certificate = certificate
        self.wait = wait
        super().__init__(problem)


class Backoff:
    """Waits between attempts."""

    def __init__(self, random: Random, sleep: Sleep) -> None:
        self._random = random
        self._sleep = sleep

    def pause(self, attempt: int, at_least: float = 0.0) -> None:
        """Waits after attempt number `attempt` (from 1): 0.1 s doubling, half of it by chance; never under `at_least`.

        Where the server named the time, a little chance is added, so that clients don't all come back at once.
        """
        share = int.from_bytes(self._random(2), "big") / 65535
        own = _FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + share / 2)
        self._sleep(max(own, at_least + share * min(at_least, 1.0)))


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110, section 10.2.3); 0 when it doesn't.

    A date is taken against the answer's own Date, so that our clock doesn't matter.
    """
    value = headers.get("Retry-After", "").strip()
    if not value:
        return 0.0
    if value.isascii() and value.isdigit():
        return float(value[:9])
    from email.utils import parsedate_to_datetime

    try:
        until = parsedate_to_datetime(value)
        return max((until - parsedate_to_datetime(headers.get("Date", ""))).total_seconds(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return 0.0
