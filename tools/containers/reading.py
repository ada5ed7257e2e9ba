"""The logs of containers, read to their present end or followed to the containers' ends."""

from __future__ import annotations

import os
from itertools import islice

from ..errors import Conflict, NotFound, OcipipeError, UsageError
from ..host import locks
from ..runtime import loglines, logs, state
from . import selecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..host.watch import Watch
    from ..runtime import journald
    from ..runtime.loglines import Entry
    from ..store.container import Container
    from ..store.store import Store

    Batch = tuple["Source", list[Entry] | None] | Exception

_BATCH = 4096
_RESTART_SECONDS = 10.0
"""Who waits to start a container may be killed, which nobody is told."""
_RETRY_SECONDS = 0.05


class Wanted:
    """What of the logs: `since` and `until` in RFC 3339 as loglines.utc gives it, '' for no bound; `tail`: so many last
    lines of each, None for all; `streams`: 1 for stdout, 2 for stderr."""

    __slots__ = ("follow", "since", "streams", "tail", "until")

    def __init__(self, *, follow: bool, since: str, until: str, tail: int | None, streams: tuple[int, ...]) -> None:
        self.follow = follow
        self.since = since
        self.until = until
        self.tail = tail
        self.streams = streams


def asked(args: Any, now: float, *, follow: bool, streams: tuple[int, ...]) -> Wanted:
    """What --since, --until and --tail ask for at this time. Raises UsageError."""
    from ..host import times

    if args.tail != "all" and not (args.tail.isascii() and args.tail.isdigit() and len(args.tail) < 16):
        raise UsageError(f"--tail {args.tail}", "is no number of lines", "give one, or all")
    since, until = times.asked(args.since, "--since", now), times.asked(args.until, "--until", now)
    return Wanted(
        follow=follow,
        since="" if since is None else times.stamp(since),
        until="" if until is None else times.stamp(until),
        tail=None if args.tail == "all" else int(args.tail),
        streams=streams,
    )


class Source:
    """The log of one container, and whether it will grow. Raises Conflict when it has none."""

    def __init__(self, ctx: Context, container: Container, wanted: Wanted) -> None:
        self.container = container
        self.joiner = loglines.Joiner()
        self.pid = 0
        self.patience: float | None = None
        self._wanted = wanted
        self._reader = _reader(ctx, container)
        if wanted.tail is not None:
            self._reader.begin_last(wanted.tail, wanted.streams)
        elif wanted.since:
            self._reader.begin_since(wanted.since)

    def close(self) -> None:
        self._reader.close()

    @property
    def directories(self) -> list[str]:
        """Where it shows that there is more to read, or that the container has ended."""
        return [self.container.path, os.path.dirname(logs.place(self.container))]

    def wake(self) -> int:
        """Another descriptor that tells of more to read; -1 for none."""
        return -1 if isinstance(self._reader, loglines.Reader) else self._reader.wake()

    def batches(self) -> Iterator[Batch]:
        """What there is that is wanted and was not given yet."""
        entries = self._reader.entries()
        since, until, streams = self._wanted.since, self._wanted.until, self._wanted.streams
        while batch := list(islice(entries, _BATCH)):
            if len(streams) == 1:
                batch = [entry for entry in batch if entry[1] in streams]
            if since or until:
                last = until or "~"
                batch = [entry for entry in batch if since <= loglines.utc(entry[0]) <= last]
            yield self, batch

    def has_ended(self, ctx: Context, store: Store) -> bool:
        """Whether nothing more will come; else `pid` is the process whose end is a reason to ask again, if any is, and
        `patience` the seconds after which to ask in any case, if there are any."""
        try:
            self.container = store.containers.load(self.container.id)
            observed = state.observe(self.container, ctx.run_root, ctx.env)
            self.pid = observed.monitor or observed.pid
            held = self.container.is_held("run.lock")
            starts = held and not self.pid  # and nobody is told when that fails
            self.patience = _RETRY_SECONDS if starts else _RESTART_SECONDS if observed.status == "restarting" else None
            return observed.status == "stopped" and not held and self._is_settled(ctx, store)
        except (NotFound, FileNotFoundError):
            return True

    def _is_settled(self, ctx: Context, store: Store) -> bool:
        """Whether a container that has ended is left to itself: who settles it, and may start it again, is done or is
        never to come. Raises NotFound."""
        fd = os.open(self.container.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.patience = _RETRY_SECONDS
            if not locks.take(fd):
                return False
            container = store.containers.load(self.container.id)
            observed = state.observe(container, ctx.run_root, ctx.env)
            if observed.status != "stopped" or container.is_held("run.lock"):
                return False
            return container.record["status"] == "stopped" or not observed.monitor  # which calls for the clean-up
        finally:
            os.close(fd)

    def tend(self) -> None:
        """Looks after the log, unless somebody has the container to himself."""
        try:
            fd = os.open(self.container.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            if locks.take(fd) and self.container.is_held("run.lock"):
                logs.tend(self.container)
        except OSError:  # a full or read-only disk: the log can be read all the same
            pass
        finally:
            os.close(fd)


def _reader(ctx: Context, container: Container) -> loglines.Reader | journald.Reader:
    driver = logs.driver(container.record)
    if not container.monitored and container.record["status"] != "created":
        raise Conflict(container.name, "has no log: its output went to the command that ran it", "run it with -d")
    if driver in ("none", "passthrough"):
        raise Conflict(container.name, f"has no log: its log driver is {driver}", "make it with --log-driver json")
    if driver == "journald":
        from ..runtime import journald

        return journald.Reader(container.id, ctx.env)
    return loglines.Reader(logs.place(container))


def copy(
    ctx: Context,
    store: Store,
    items: list[str | Document],
    wanted: Wanted,
    write: Callable[[int, bytes], None],
    *,
    timestamps: bool,
) -> Iterator[Exception]:
    """Gives what the containers have said to `write(stream, bytes)`, byte by byte as it was; with `timestamps` each
    line behind its time, and of several containers behind a name. Yields what kept it from reading one."""
    several = len(items) > 1
    for found in _read(ctx, store, items, wanted):
        if isinstance(found, Exception):
            yield found
            continue
        source, batch = found
        if timestamps or several:
            name = source.container.name.encode() + b" | " if several else b""
            batch = [
                (time, stream, whole or several, name + (utc(time) if timestamps else b"") + text)
                for time, stream, whole, text in _lines(source, batch)
            ]
        _write(batch or (), write)


def utc(time: bytes) -> bytes:
    return loglines.utc(time).encode() + b" "


def documents(
    ctx: Context, store: Store, items: list[str | Document], wanted: Wanted
) -> Iterator[Document | Exception]:
    """A document (schema log-entry) for each line."""
    for found in _read(ctx, store, items, wanted):
        if isinstance(found, Exception):
            yield found
            continue
        source, batch = found
        for time, stream, whole, text in _lines(source, batch):
            document: Document = {
                "container": source.container.name,
                "time": loglines.utc(time),
                "stream": "stdout" if stream == 1 else "stderr",
                "line": text.decode("utf-8", "replace"),
            }
            if not whole:
                document["partial"] = True
            yield document


def _lines(source: Source, batch: list[Entry] | None) -> Iterator[Entry]:
    if batch is None:
        yield from source.joiner.rest()
        return
    for entry in batch:
        line = source.joiner.feed(entry)
        if line is not None:
            yield line


def _write(batch: Iterable[Entry], write: Callable[[int, bytes], None]) -> None:
    parts: list[bytes] = []
    current = 0
    for _, stream, whole, text in batch:
        if stream != current:
            if parts:
                write(current, b"".join(parts))
            parts, current = [], stream
        parts.append(text)
        if whole:
            parts.append(b"\n")
    if parts:
        write(current, b"".join(parts))


def _read(ctx: Context, store: Store, items: list[str | Document], wanted: Wanted) -> Iterator[Batch]:
    """The logs in batches of entries, one log after another or, when they are followed, all at once; None for a batch
    says that it was a log's last."""
    sources: list[Source] = []
    try:
        for item in items:
            try:
                source = Source(ctx, selecting.find(store, item), wanted)
                if wanted.follow:
                    sources.append(source)
                else:
                    yield from _to_its_end(source)
            except OcipipeError as error:
                yield error
        if sources:
            yield from _follow(ctx, store, sources, wanted)
    finally:
        for source in sources:
            source.close()


def _to_its_end(source: Source) -> Iterator[Batch]:
    try:
        yield from source.batches()
        yield source, None
        source.tend()
    finally:
        source.close()


def _follow(ctx: Context, store: Store, sources: list[Source], wanted: Wanted) -> Iterator[Batch]:
    from ..host import times
    from ..host.watch import Watch

    end = times.moment(wanted.until, 0) if wanted.until else None
    with Watch(*dict.fromkeys(path for source in sources for path in source.directories)) as watch:
        left = list(sources)
        look = True
        while left:
            over = end is not None and times.of_seconds(ctx.now()) > end
            for source in list(left):
                ended = over or (look and source.has_ended(ctx, store))  # asked before it is read to its end
                yield from source.batches()
                if ended:
                    yield source, None
                    left.remove(source)
                else:
                    source.tend()
            if left:
                seconds = None if end is None else max(0.0, (end - times.of_seconds(ctx.now())) / 1e9 + 0.001)
                look = _wait(watch, left, seconds)


def _wait(watch: Watch, sources: list[Source], seconds: float | None) -> bool:
    """Waits until something has happened; whether it was more than that a log has grown."""
    import select

    from ..host.watch import MODIFIED

    poll = select.poll()
    poll.register(watch.fd, select.POLLIN)
    processes = []
    try:
        for source in sources:
            if (fd := source.wake()) >= 0:
                poll.register(fd, select.POLLIN)
            if source.patience is not None:
                seconds = source.patience if seconds is None else min(source.patience, seconds)
            if source.pid:
                try:
                    processes.append(os.pidfd_open(source.pid))
                    poll.register(processes[-1], select.POLLIN)
                except ProcessLookupError:
                    seconds = _RETRY_SECONDS
        ready = {fd for fd, _ in poll.poll(None if seconds is None else seconds * 1000)}
        try:
            kinds = watch.take()
        except NotFound:
            return True
        return not ready or bool(kinds & ~MODIFIED) or bool(ready.intersection(processes))
    finally:
        for fd in processes:
            os.close(fd)
