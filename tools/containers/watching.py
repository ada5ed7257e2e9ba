"""What containers use, and which processes they have."""

from __future__ import annotations

import os
import time

from ..errors import Conflict, OcipipeError
from ..host import accounting
from ..runtime import state
from . import selecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..host.accounting import Usage
    from ..store.container import Container
    from ..store.store import Store

_BETWEEN_SECONDS = 1.0
"""Between two looks, from which the share of processor time is told."""


def stats(
    ctx: Context, store: Store, items: list[str | Document], *, everything: bool, stream: bool
) -> Iterator[Document | Exception]:
    """What each container uses (schema stats), again every second with `stream`, until none of them runs.

    Without `items`, of all that run; with `everything`, of those that don't as well, with nothing counted.
    """
    before: dict[str, tuple[float, int | None]] = {}
    first = True
    while True:
        found = list(_chosen(ctx, store, items, everything))
        running = [(one, pid) for one, pid in _only(found) if pid]
        if first:
            for container, pid in running:
                before[container.id] = time.monotonic(), accounting.Usage(pid).cpu
            if running:
                time.sleep(_BETWEEN_SECONDS)
        for one in found:
            if isinstance(one, OcipipeError):
                if first:
                    yield one
                continue
            yield _document(ctx, *one, before)
        first = False
        if not stream or not running:
            return
        time.sleep(_BETWEEN_SECONDS)


def _only(found: list[tuple[Container, int] | OcipipeError]) -> Iterator[tuple[Container, int]]:
    for one in found:
        if not isinstance(one, OcipipeError):
            yield one


def _chosen(
    ctx: Context, store: Store, items: list[str | Document], everything: bool
) -> Iterator[tuple[Container, int] | OcipipeError]:
    containers: list[Container] = []
    for item in items:
        try:
            containers.append(selecting.find(store, item))
        except OcipipeError as error:
            yield error
    for container in containers if items else store.containers.all():
        pid = state.observe(container, ctx.run_root, ctx.env).pid
        if pid or items or everything:
            yield container, pid


def _document(ctx: Context, container: Container, pid: int, before: dict[str, tuple[float, int | None]]) -> Document:
    usage = accounting.Usage(pid) if pid else None
    found: Document = {"id": container.id, "name": container.name, "time": ctx.timestamp()}
    found["cpu"] = _processor(container.id, usage, before)
    found["memory"] = {"usage": usage and usage.memory, "limit": usage and usage.memory_limit}
    found["pids"] = {"current": usage and usage.pids, "limit": usage and usage.pids_limit}
    found["block"] = {"read": usage and usage.read, "written": usage and usage.written}
    found["network"] = {"received": usage and usage.received, "sent": usage and usage.sent}
    return found


def _processor(container_id: str, usage: Usage | None, before: dict[str, tuple[float, int | None]]) -> Document:
    """usage: nanoseconds since its start; percent: of one processor, since the last look."""
    used = None if usage is None else usage.cpu
    percent = None
    moment = time.monotonic()
    if used is not None and container_id in before:
        then, counted = before[container_id]
        if counted is not None and used >= counted and moment > then:
            percent = round((used - counted) / (moment - then) / 1e7, 2)
    if used is not None:
        before[container_id] = moment, used
    return {"usage": used, "percent": percent}


def top(ctx: Context, store: Store, item: str | Document) -> Iterator[Document]:
    """The processes of one container (schema process), as the host sees them. Raises Conflict when it has none."""
    container = selecting.find(store, item)
    pid = state.observe(container, ctx.run_root, ctx.env).pid
    if not pid:
        raise Conflict(container.name, "does not run", "ctr-start it first")
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    for number in sorted({*accounting.processes(pid), pid}):
        try:
            yield _process(container, number, now)
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue


def _process(container: Container, pid: int, now: float) -> Document:
    with open(f"/proc/{pid}/stat", "rb") as file:
        name, _, rest = file.read().decode("utf-8", "replace").partition("(")[2].rpartition(")")
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        status = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().decode("utf-8", "replace").rstrip("\0").split("\0")
    fields = rest.split()
    ticks = os.sysconf("SC_CLK_TCK")
    inner = status.get("NSpid", str(pid)).split()
    return {
        "container": container.id,
        "pid": pid,
        "ppid": int(fields[1]),
        "containerPid": int(inner[-1]),
        "uid": int(status["Uid"].split()[1]),
        "state": fields[0],
        "seconds": round(max(now - int(fields[19]) / ticks, 0.0), 2),
        "cpuSeconds": round((int(fields[11]) + int(fields[12])) / ticks, 2),
        "memory": int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
        "command": words if words != [""] else [f"[{name}]"],
    }
