"""Signals by their names."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # what it is made of, without the enumerations that it builds at every start

_REAL_TIME = signal.SIGRTMAX - signal.SIGRTMIN


def name(text: str) -> str | None:
    """A signal that people write as `TERM`, `sigterm`, `SIGRTMIN+3` or a number, as image configs have it; None for
    what is no signal."""
    word = text.upper()
    if word.isdecimal() and 0 < int(word) <= signal.SIGRTMAX:
        return word
    found = word if word.startswith("SIG") else f"SIG{word}"
    known, sign, distance = found.replace("-", "+").partition("+")
    real_time = known in ("SIGRTMIN", "SIGRTMAX") and distance.isdecimal() and int(distance) <= _REAL_TIME
    if known.startswith("SIG_") or not isinstance(getattr(signal, known, None), int) or (sign and not real_time):
        return None
    return found
