"""What is to happen to a container while it lives and when its process ends, as its record keeps it. Pure.

restartPolicy  {"name": no | on-failure | always | unless-stopped, "maximum": restarts after failures, 0 for no limit},
               and where they were asked for "delay": seconds between an end and the start after it, and "window":
               seconds after which it counts as started well
health         null, or {"test": ["CMD", …] or ["CMD-SHELL", text], "interval", "timeout", "startPeriod",
               "startInterval": seconds, "retries": failures in a row that make it unhealthy}
logDriver      json | journald | none | passthrough
logOptions     what of it was asked for: {"max-size": bytes, -1 for no limit; "max-file": how many files, the current
               one too; "path": absolute; "tag": text}
stopTimeout    seconds between the stop signal and SIGKILL, -1 for no end
timeout        seconds after which it is killed, null for never
"""

from __future__ import annotations

from oci_spec import jsondoc, quantity

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document

RESTART = ("no", "on-failure", "always", "unless-stopped")
LOG_DRIVERS = ("json", "journald", "none", "passthrough")
STOP_TIMEOUT = 10
DETACH_KEYS = "ctrl-p,ctrl-q"
_LOG_OPTIONS = {"json": ("max-size", "max-file", "path"), "journald": ("tag",), "none": (), "passthrough": ()}
_TIMES = {"interval": 30, "timeout": 30, "startPeriod": 0, "startInterval": 5}
_IN_IMAGE = {
    "interval": "Interval", "timeout": "Timeout", "startPeriod": "StartPeriod", "startInterval": "StartInterval",
}  # fmt: skip
_OPTIONS = {
    "interval": "health_interval", "timeout": "health_timeout", "startPeriod": "health_start_period",
    "startInterval": "health_start_interval",
}  # fmt: skip
_RETRIES = 3
_LEAST_TIME = 0.001


def record(args: Any, image: ImageConfig) -> Document:
    """The fields above, from the arguments of ctr-run or ctr-create and the image's config. Raises UsageError."""
    return {
        "restartPolicy": restarts(args, restart(RESTART[0]), removed_at_end=args.rm),
        "health": health(args, image),
        "logDriver": args.log_driver or LOG_DRIVERS[0],
        "logOptions": log_options(args.log_opt, args.log_driver or LOG_DRIVERS[0]),
        "stopTimeout": stop_timeout(args.stop_timeout),
        "timeout": _timeout(args.timeout),
    }


def restarts(args: Any, before: Document, *, removed_at_end: bool) -> Document:
    """The policy `before` with what --restart, --restart-delay and --restart-window change of it. Raises UsageError."""
    found = {**before, **({} if args.restart is None else restart(args.restart))}
    if removed_at_end and found["name"] != RESTART[0]:
        raise UsageError(f"--restart {args.restart}", "does not go with --rm: what is removed is not restarted",
                         "leave one of them out")  # fmt: skip
    for key, text in (("delay", args.restart_delay), ("window", args.restart_window)):
        if text is None:
            continue
        if found["name"] == RESTART[0]:
            raise UsageError(f"--restart-{key}", "nothing starts the container again", "name a policy with --restart")
        found.pop(key, None)
        if seconds := duration(text, f"--restart-{key}"):
            found[key] = seconds
    return found


def restart(text: str) -> Document:
    """--restart POLICY as the record has it. Raises UsageError."""
    name, colon, number = text.partition(":")
    subject = f"--restart {text}"
    if name not in RESTART:
        raise UsageError(subject, "is no restart policy", f"choose from {', '.join(RESTART)}, on-failure:N")
    if colon and (name != "on-failure" or not (number.isascii() and number.isdigit() and len(number) < 10)):
        raise UsageError(subject, "only on-failure takes a number of restarts", "like on-failure:5")
    return {"name": name, "maximum": int(number or 0)}


def health(args: Any, image: ImageConfig) -> Document | None:
    """The health check: the image's (times in nanoseconds, 0 for not said), with what --health-… changes of it.

    Raises UsageError for a duration that is none, and for what changes a check that isn't there.
    """
    found: dict[str, Any] = image.healthcheck or {}
    asked = {key: getattr(args, option) for key, option in _OPTIONS.items()}
    given = [option for option in (*_OPTIONS.values(), "health_retries") if getattr(args, option) is not None]
    if args.no_healthcheck:
        given += ["health_cmd"] if args.health_cmd is not None else []
        _no_more(given, "does not go with --no-healthcheck")
        return None
    test = list(found.get("Test") or ()) if args.health_cmd is None else _command(args.health_cmd)
    if len(test) < 2 or test[0] not in ("CMD", "CMD-SHELL"):
        _no_more(given, "the image has no health check, and no --health-cmd names one")
        return None
    document: Document = {"test": test}
    for key, default in _TIMES.items():
        image_s = max(int(found.get(_IN_IMAGE[key]) or 0), 0)
        own = duration(asked[key], _flag(_OPTIONS[key])) if asked[key] is not None else 0
        document[key] = own or quantity.of_nanoseconds(image_s) or default
    if args.health_retries is not None and args.health_retries < 0:
        raise UsageError("--health-retries", f"{args.health_retries} is less than nothing", "like 3")
    document["retries"] = args.health_retries or max(int(found.get("Retries") or 0), 0) or _RETRIES
    return document


def _no_more(given: list[str], why: str) -> None:
    for option in given:
        raise UsageError(_flag(option), why, "leave it out")


def _flag(dest: str) -> str:
    return f"--{dest.replace('_', '-')}"


def _command(text: str) -> list[str]:
    """--health-cmd: a command for the shell, or a JSON list of words that are run as they are; `none` for no check."""
    if text in ("none", "NONE"):
        return ["NONE"]
    if not text.strip():
        raise UsageError("--health-cmd", "is empty", "name a command, or use --no-healthcheck")
    if text.startswith("["):
        try:
            words = jsondoc.loads(text.encode(), "--health-cmd")
        except jsondoc.FormatError:  # the shell's test, as in [ -e /ready ]
            return ["CMD-SHELL", text]
        if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
            return [*([] if words[0] in ("CMD", "CMD-SHELL") else ["CMD"]), *words]
    return ["CMD-SHELL", text]


def duration(text: str, subject: str) -> float:
    """Seconds, 0 for the default. Raises UsageError."""
    found = quantity.seconds(text)
    if found is None:
        raise UsageError(subject, f"{text!r} is no duration", "like 500ms, 30s or 1m30s")
    if 0 < found < _LEAST_TIME:
        raise UsageError(subject, f"{text} is under a millisecond", "give more, or 0 for the default")
    return found


def log_options(texts: Iterable[str], driver: str) -> Document:
    """--log-opt KEY=VALUE, of those that this driver has. Raises UsageError."""
    found: Document = {}
    known = _LOG_OPTIONS[driver]
    for text in texts:
        key, equals, value = text.partition("=")
        subject = f"--log-opt {text}"
        if not equals or not value:
            raise UsageError(subject, "is not KEY=VALUE", "like max-size=10m")
        if key not in known:
            remedy = f"it has {', '.join(known)}" if known else "it has no options"
            raise UsageError(subject, f"the log driver {driver} has no option {key or '(empty)'}", remedy)
        found[key] = _log_value(key, value, subject)
    if "max-file" in found and found.get("max-size") == -1:
        raise UsageError(f"--log-opt max-file={found['max-file']}", "the log has no limit: it stays one file",
                         "leave out max-size=-1")  # fmt: skip
    return found


def _log_value(key: str, value: str, subject: str) -> object:
    if key == "max-size":
        size = quantity.size(value)
        if size is None or size == 0:
            raise UsageError(subject, f"{value} is no size", "like 10m, or -1 for no limit")
        return size
    if key == "max-file":
        if not (value.isascii() and value.isdigit() and int(value[:5]) > 0 and len(value) < 5):
            raise UsageError(subject, f"{value} is no number of files", "give one from 1 to 9999")
        return int(value)
    if key == "path" and (not value.startswith("/") or value.endswith("/")):
        raise UsageError(subject, "is no absolute path of a file", "like path=/var/log/app.log")
    return value


def stop_timeout(number: int | None) -> int:
    """--stop-timeout in whole seconds, 10 where it is not said. Raises UsageError."""
    if number is None:
        return STOP_TIMEOUT
    if number < -1:
        raise UsageError("--stop-timeout", f"{number} is less than nothing", "give seconds, or -1 to wait without end")
    return number


def _timeout(number: int | None) -> int | None:
    if number is not None and number < 0:
        raise UsageError("--timeout", f"{number} is less than nothing", "give seconds, or 0 for no limit")
    return number or None


def attachment(args: Any) -> tuple[bytes, bool]:
    """The keys that end an attachment (see detach_keys), and whether the signals that we get go on to the process."""
    return detach_keys(args.detach_keys), args.sig_proxy


def detach_keys(text: str | None) -> bytes:
    """The bytes of --detach-keys: letters and ctrl-<letter, @, [, \\, ], ^ or _>, with commas between; '' for none.

    None stands for DETACH_KEYS. Raises UsageError.
    """
    found = bytearray()
    for part in (DETACH_KEYS if text is None else text).split(",") if text != "" else ():
        control = part.removeprefix("ctrl-").upper()
        if len(part) == 1 and part.isascii() and part.isprintable():
            found += part.encode()
        elif part.startswith("ctrl-") and len(control) == 1 and "@" <= control <= "_":  # letters and @ [ \\ ] ^ _
            found.append(ord(control) & 0x1F)
        else:
            raise UsageError(f"--detach-keys {text}", f"{part or '(empty)'} is no key", f"like {DETACH_KEYS}")
    return bytes(found)
