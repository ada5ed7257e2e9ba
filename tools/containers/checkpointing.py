"""The state of a container's processes written down, and taken up again: by the runtime, which asks criu.

    containers/ID/checkpoint   the newest one, whole; criu's files

A checkpoint has the processes with their memory, and not the container's files: those are where they are. The record's
`checkpoint` says when it was made, and with what the runtime must be told on the way back.
"""

from __future__ import annotations

import os

from ..errors import Conflict, NotFound, Unavailable, Unsupported, UsageError
from ..host import files, process, times, trees
from ..runtime import oci, restart, state
from ..runtime.oci import RuntimeFailed
from . import delayed_start, ending, selecting, starting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

_IMAGES, _WORK, _NEW = "images", "work", "checkpoint.new"
_LOG_LIMIT = 16 << 20
_CRIU_ERROR = "Error (criu/"
_CONSEQUENCES = ("exited, status=", "FAILED")
"""What criu says because something else went wrong before."""


def each(
    ctx: Context, store: Store, items: Iterable[str | Document | Exception], act: Callable[[Container], Container]
) -> Iterator[Document | Exception]:
    """What each container is after `act`; its document, or what went wrong with it."""
    for item in items:
        try:
            if isinstance(item, Exception):
                raise item
            found = act(selecting.find(store, item))
            yield state.document(found, state.observe(found, ctx.run_root, ctx.env))
        except Exception as error:
            yield error


def checkpoint(
    ctx: Context, store: Store, container: Container, *, leave_running: bool, options: list[str]
) -> Container:
    """Writes down the state of a running container, which ends with that, unless `leave_running`; the container then.

    `options` are the runtime's. It is not restarted. Raises Conflict for one that does not run, is paused, has no
    monitor or would be removed at its end; Unsupported for one with user ids of its own; Unavailable where
    there is no criu; RuntimeFailed with criu's own words, and the container goes on.
    """
    _find_criu(ctx)
    if not container.monitored:
        raise Conflict(
            container.name, "has its streams from the command that runs it, and no monitor", "run it with -d"
        )
    if container.record.get("users"):
        raise Unsupported(
            container.name, "has users of its own, and what it stands on for them is made at each start",
            "make it with --userns host",
        )  # fmt: skip
    with store.containers.locked(container) as mine:
        observed = state.observe(mine, ctx.run_root, ctx.env)
        if observed.status != "running":
            raise Conflict(mine.name, f"is {observed.status}", "only a running container has a state to write down")
        if mine.record["removedAtEnd"] and not leave_running:
            raise Conflict(mine.name, "is removed at its end, and its checkpoint with it", "add --leave-running")
        before = mine.record
        if not leave_running:
            mine.update(stoppedByUser=True)  # its end is none that its policy mends
        new = os.path.join(mine.path, _NEW)
        try:
            _write(ctx, mine, new, [*(["--leave-running"] if leave_running else []), *options])
            place = os.path.join(mine.path, "checkpoint")
            if os.path.exists(place):
                files.exchange(new, place)
            else:
                os.rename(new, place)
            files.sync_directory(mine.path)
        except BaseException:
            mine.put(before)
            raise
        finally:
            trees.remove_tree(new)
        mine.update(checkpoint={"created": times.stamp(times.of_seconds(ctx.now())), "options": options})
        ending.tell(ctx, store, mine, "checkpoint")
        container = mine
    if leave_running:
        return container
    return ending.await_end(ctx, store, container) or container


def _write(ctx: Context, container: Container, new: str, options: list[str]) -> None:
    """A checkpoint that is on the disk. Raises RuntimeFailed."""
    runtime = ending.runtime_of(container, ctx.env)
    trees.remove_tree(new)
    images, work = os.path.join(new, _IMAGES), os.path.join(new, _WORK)
    for directory in (new, images, work):
        os.mkdir(directory, 0o700)
    log = os.path.join(work, "runtime.log")
    pid = runtime.checkpoint(container.id, images, work, log, *options)
    try:
        status = process.wait(pid)
    except BaseException:
        process.wait(pid)  # it is either done or undone before we go
        raise
    if status:
        why = _words(os.path.join(work, "dump.log")) or oci.last_error(log) or f"it ended with status {status}"
        raise RuntimeFailed(container.name, f"{runtime.name} cannot write its state down: {why}")
    trees.sync_filesystem(new)


def restore(ctx: Context, store: Store, container: Container, *, keep: bool) -> Container:
    """Takes up a container where its checkpoint has it, which goes then, unless `keep`; the container.

    Raises Conflict for one that runs, NotFound for one without a checkpoint, Unavailable where there is no criu;
    RuntimeFailed with criu's own words, and the container is as it was before.
    """
    _find_criu(ctx)
    with store.containers.locked(container) as mine:
        observed = state.observe(mine, ctx.run_root, ctx.env)
        if observed.runs or observed.monitor or mine.is_held("run.lock"):
            raise Conflict(mine.name, f"is {observed.status}", "ctr-stop it first")
        found: Any = mine.record.get("checkpoint")
        place = os.path.join(mine.path, "checkpoint")
        if not found or not os.path.isdir(place):
            raise NotFound(mine.name, "has no checkpoint", "ctr-checkpoint makes one, ctr-start starts it anew")
        ending.settle(ctx, store, mine, observed.exit_code)
        delayed_start.end(ctx, mine)
        mine.update(**restart.UNSTOPPED)
        log = os.path.join(mine.path, "restore.log")
        try:
            starting.begin(ctx, store, mine, mine.config(), restored=[os.path.join(place, _IMAGES), *found["options"]])
        except RuntimeFailed:
            if why := _words(log):
                raise RuntimeFailed(mine.name, f"its state cannot be taken up: {why}") from None
            raise
        finally:
            files.remove_file(log)  # the monitor has criu write it into the bundle
        if not keep:
            mine.put({key: value for key, value in mine.record.items() if key != "checkpoint"})
            trees.remove_tree(place)
        return mine


def take_in(ctx: Context, store: Store, args: Any, archive: str) -> Iterator[Document | Exception]:
    """Makes the container of an archive (`-`: stdin) and takes it up, as `restore` does; its document, or what went
    wrong, and then nothing of it stays. `args` are those of `travelling.arrive`, and `keep`. Raises UsageError."""
    from . import travelling

    if archive == "-" and ctx.stdin.isatty():
        raise UsageError("standard input", "is a terminal", "name an archive, or pipe one in")
    subject = "stdin" if archive == "-" else archive
    try:
        _find_criu(ctx)
        chunks = files.read_stream(ctx.stdin.fileno(), subject) if archive == "-" else files.read_chunks(archive)
        made = travelling.arrive(ctx, store, args, chunks, subject)
        try:
            found = restore(ctx, store, made, keep=args.keep)
        except BaseException:
            with store.containers.locked(made) as mine:
                ending.remove(ctx, store, mine)
            raise
        yield state.document(found, state.observe(found, ctx.run_root, ctx.env))
    except Exception as error:
        yield error


def _find_criu(ctx: Context) -> None:
    """Raises Unavailable where criu is not installed."""
    if process.find("criu", ctx.env.get("PATH", "")) is None:
        raise Unavailable("criu", "is not installed, and only it can write a process down", "install the package criu")


def _words(log: str) -> str:
    """What went wrong first, in criu's log; '' when it says nothing."""
    try:
        text = files.read_limited(log, _LOG_LIMIT).decode("utf-8", "replace")
    except NotFound:
        return ""
    for line in text.split("\n"):
        _, mark, rest = line.partition(_CRIU_ERROR)
        if mark and not any(word in rest for word in _CONSEQUENCES):
            return " ".join(rest.partition("): ")[2].split()).rstrip(".")
    return ""
