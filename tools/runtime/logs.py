"""Where a container's output goes.

json         a file, `log` in the container's directory or where --log-opt path says, in pieces (see pieces); a line of
             it is `TIME stdout|stderr P|F TEXT`, as Kubernetes has it: F ends a line of the output, P does not
journald     the host's journal
none         nowhere
passthrough  what the command that starts the container has for stdout and stderr
"""

from __future__ import annotations

import os
import stat

from ..errors import Unavailable, UsageError
from ..host import files
from . import background, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.jsondoc import Document

    from ..store.container import Container

SIZE = 10 << 20
"""Bytes of a piece where nobody said otherwise."""
KEPT = 2
"""Pieces that are kept then; two more come to them while nobody looks."""
_JOURNAL = "/run/systemd/journal/socket"


def check(record: Document, *, terminal: bool) -> None:
    """Raises Unavailable or UsageError for a new container's log driver that cannot be had here."""
    name = driver(record)
    if name == "journald":
        _check_journal()
    if name == "passthrough" and terminal and record["monitored"]:
        raise UsageError("--log-driver passthrough", "does not go with --tty: a terminal is not passed through",
                         "leave one of them out")  # fmt: skip
    path = _options(record).get("path")
    if path is not None:
        _check_path(str(path))


def driver(record: Document) -> str:
    """Where the output of this container goes."""
    return str(record.get("logDriver") or "json")


def place(container: Container) -> str:
    """The log of a container whose driver is json."""
    path = str(_options(container.record).get("path") or os.path.join(container.path, "log"))
    return path if pieces.is_own_link(path) else os.path.realpath(path)  # of a path, what somebody else's link means


def begin(container: Container) -> list[str]:
    """conmon's options for the log of a container that is about to start, whose lock is ours; the log is ready then.

    Raises Unavailable, UsageError.
    """
    options = _options(container.record)
    name = driver(container.record)
    if name == "journald":
        _check_journal()
        return [*(["--log-tag", str(options["tag"])] if options.get("tag") else []), "--log-path", "journald:"]
    if name != "json":
        return ["--log-path", name]
    path = place(container)
    _check_path(path)
    limit, keep = _bounds(options)
    bound = ["--log-size-max", str(pieces.prepare(path, limit, keep))] if limit > 0 else []
    return [*bound, "--log-path", f"k8s-file:{path}"]


def keep(container: Container, run_root: str, env: Mapping[str, str]) -> None:
    """Starts the helper that keeps as many pieces as were asked for, if the container wants it and has a monitor."""
    options = _options(container.record)
    limit, count = _bounds(options)
    if "max-file" in options and count > 1 and limit > 0:
        pieces.begin_keeper(container, run_root, env, place(container), count)


def end(container: Container, run_root: str) -> None:
    """The container has ended: nobody needs to look after its log any more."""
    background.end(container, run_root, background.LOG)
    if driver(container.record) == "json":
        files.remove_file(f"{place(container)}.tmp")


def tend(container: Container) -> None:
    """Looks after the log of a container that may be running, if nobody else does; its lock is ours."""
    limit, count = _bounds(_options(container.record))
    kept = container.is_held(f"{background.LOG}.lock")
    if driver(container.record) == "json" and limit > 0 and count > 1 and not kept:
        pieces.tend(place(container), count)


def _bounds(options: Document) -> tuple[int, int]:
    """How many bytes a piece may have, -1 for no limit, and how many pieces are kept."""
    return int(options.get("max-size") or SIZE), int(options.get("max-file") or KEPT)  # type: ignore[call-overload]


def _options(record: Document) -> Document:
    return record.get("logOptions") or {}  # type: ignore[return-value]


def _check_journal() -> None:
    if not os.path.exists(_JOURNAL):
        raise Unavailable("--log-driver journald", "this host has no journal that takes messages", "use json")


def _check_path(path: str) -> None:
    subject = f"--log-opt path={path}"
    if ":" in path:
        raise UsageError(subject, "a colon is not possible in it", "name another file")
    if not os.path.isdir(os.path.dirname(path)):
        raise UsageError(subject, "there is no such directory", "make it first")
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(subject, "is no regular file", "name another file")
