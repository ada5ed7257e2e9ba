"""What an image's history tells of the instructions that made it, in the words that BuildKit uses."""

from __future__ import annotations

from oci_spec import jsondoc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MADE = " # buildkit"
_TIMES = ("Interval", "Timeout", "StartPeriod", "StartInterval")
_UNITS = ((3600 * 10**9, "h"), (60 * 10**9, "m"))
_SMALL = ((10**9, "s"), (10**6, "ms"), (10**3, "µs"), (1, "ns"))


def run(args: Sequence[str], declared: Mapping[str, str]) -> str:
    """`declared`: the arguments in scope; they are what the command saw."""
    before = [f"|{len(declared)}", *(f"{name}={value}" for name, value in declared.items())] if declared else []
    return " ".join(["RUN", *before, *args]) + _MADE


def copy(keyword: str, flags: Sequence[str], sources: Sequence[str], names: Sequence[str], destination: str) -> str:
    return " ".join([keyword, *flags, *sources, *(f"<<{name}" for name in names), destination]) + _MADE


def pairs(keyword: str, found: Iterable[tuple[str, str]]) -> str:
    return " ".join([keyword, *(f"{name}={value}" for name, value in found)])


def listed(keyword: str, found: Sequence[str]) -> str:
    return f"{keyword} [{' '.join(found)}]"


def quoted(keyword: str, found: Sequence[str]) -> str:
    return listed(keyword, [jsondoc.dumps(one).decode() for one in found])


def health(check: Mapping[str, object]) -> str:
    test: Sequence[str] = check["Test"]  # type: ignore[assignment]
    times = [f"{name}:{_duration(check.get(name, 0))}" for name in _TIMES]
    return f"HEALTHCHECK {{Test:[{' '.join(test)}] {' '.join(times)} Retries:{check.get('Retries', 0)}}}"


def _duration(nanoseconds: object) -> str:
    """`1m30s`, as Go writes it."""
    rest = int(nanoseconds)  # type: ignore[call-overload]
    text = ""
    for unit, name in _UNITS:
        if rest >= unit or text:
            text += f"{rest // unit}{name}"
            rest %= unit
    if text or not rest:
        return f"{text}{_decimal(rest, 10**9)}s"
    unit, name = next(each for each in _SMALL if rest >= each[0])
    return f"{_decimal(rest, unit)}{name}"


def _decimal(number: int, unit: int) -> str:
    whole, fraction = divmod(number, unit)
    digits = f"{fraction:0{len(str(unit)) - 1}d}".rstrip("0") if unit > 1 else ""
    return f"{whole}.{digits}" if digits else str(whole)
