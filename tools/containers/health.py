"""A container's health check: asked again and again beside it while it runs, or now; its last results.

The process beside it is a shell that waits for `run.lock`, which the container's monitor holds, and asks whenever it
has waited for an interval in vain. So it ends with the monitor, at once, whatever has ended that.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import Conflict, Unavailable
from ..host import cgroups, files, locks, process, times
from ..runtime import background, health, joining, probe, state
from . import ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

_SCRIPT = (
    'flock=$1 lock=$2 pause=$3; shift 3; '
    'while "$flock" -s -w "$pause" "$lock"; [ $? = 1 ]; do next=$("$@") && pause=$next; done'
)  # fmt: skip
_SPEC = "check.json"
"""The check's process, as the runtime takes it."""


def begin(ctx: Context, container: Container, config: Document) -> None:
    """Leaves a process that checks a container which has just been created and has a check; its `run.lock` is held.

    Raises Unavailable.
    """
    check: Any = container.record["health"]
    program = process.find("flock", ctx.env.get("PATH", ""))
    if program is None:
        raise Unavailable("flock", "is not installed, and health checks need it", "install the package util-linux")
    directory = container.run_directory(ctx.run_root)
    own: Any = config["process"]
    described = joining.process(own, health.words(check), own.get("env") or [], None)
    files.write_atomic(os.path.join(directory, _SPEC), jsondoc.dumps(described), 0o600, durable=False)
    _write(ctx, container, health.fresh())
    pause = health.pause(health.fresh(), check, _now(ctx), _now(ctx))
    lock = os.open(os.path.join(container.path, "run.lock"), os.O_RDONLY | os.O_CLOEXEC)
    try:
        words = [program, str(lock), f"{pause:.3f}", os.path.join(ctx.bin, "ctr-health"), "--paced", "--root", ctx.root]
        words += ["--run-root", ctx.run_root, "--progress", "none", container.id]
        monitor = process.read_pid(os.path.join(directory, "monitor"))
        beside = cgroups.directory(monitor, "") if monitor and cgroups.version() == 2 else ""  # not our login's
        background.begin(
            container, ctx.run_root, background.HEALTH, _SCRIPT, words, ctx.env, keep=(lock,), cgroup=beside
        )
    finally:
        os.close(lock)


def document(ctx: Context, container: Container) -> Document:
    """A running container's health (schema health). Raises Conflict when it does not run or has no check."""
    observed = _observe(ctx, container)
    found = health.read(container, ctx.run_root) or health.fresh()
    return {"id": container.id, "name": container.name, **found, "status": observed.health}


def check(ctx: Context, store: Store, container: Container) -> Document:
    """Runs the check now; the container's health (schema health) with its result, which counts like any other.

    Raises Conflict when the container does not run, has no check, or ends or is paused meanwhile.
    """
    observed = _observe(ctx, container)
    if observed.status != "running":
        raise Conflict(container.name, f"is {observed.status}", "ctr-unpause it first")
    rule: Any = container.record["health"]
    directory = container.run_directory(ctx.run_root)
    runtime = ending.runtime_of(container, ctx.env)
    begun = _now(ctx)
    spec, place = (os.path.join(directory, name) for name in (_SPEC, f"check-{os.getpid()}"))
    code, output = probe.run(runtime, container.id, spec, place, float(rule["timeout"]))
    if code < 0:
        output = b"took longer than %g seconds\n" % float(rule["timeout"]) + output
    found = health.result(begun, _now(ctx), code, output)
    try:
        with locks.locked(directory):
            later = state.observe(store.containers.load(container.id), ctx.run_root, ctx.env)
            before = health.read(container, ctx.run_root)
            if (later.status, later.pid) != ("running", observed.pid) or before is None:
                raise Conflict(container.name, f"is {later.status}: what its check said does not count")
            after = health.after(before, found, rule, str(container.record["started"]))
            _write(ctx, container, after)
            if after["status"] != before["status"]:
                later.health = str(after["status"])
                told = state.document(container, later)
                store.journal.add(ctx.now(), "container", f"health_status: {later.health}", told, health=later.health)
    except FileNotFoundError:
        raise Conflict(container.name, "has ended: what its check said does not count") from None
    return {"id": container.id, "name": container.name, **after}


def failure(found: Document) -> Iterator[Unavailable]:
    """What is to be said of a health whose last result is a failure."""
    log: Any = found["log"]
    if log[-1]["exitCode"] != 0:
        said = " ".join(log[-1]["output"].split())[:200]
        code = log[-1]["exitCode"]
        yield Unavailable(str(found["name"]), said if code < 0 else f"its check fails with status {code}: {said}")


def paced(ctx: Context, store: Store, container: Container) -> float:
    """Runs the check, unless the container is paused; seconds until the next. As `check`."""
    rule: Any = container.record["health"]
    found = health.read(container, ctx.run_root) or health.fresh()
    if state.observe(container, ctx.run_root, ctx.env).status == "running":
        found = check(ctx, store, container)
    return health.pause(found, rule, str(container.record["started"]), _now(ctx))


def _observe(ctx: Context, container: Container) -> state.Observed:
    if not container.record.get("health"):
        raise Conflict(container.name, "has no health check", "make it with --health-cmd")
    observed = state.observe(container, ctx.run_root, ctx.env)
    if not observed.runs:
        raise Conflict(container.name, f"is {observed.status}", "ctr-start it first")
    return observed


def _write(ctx: Context, container: Container, found: Document) -> None:
    """The state, for everybody who waits for it in the directory."""
    files.write_atomic(health.path(container, ctx.run_root), jsondoc.dumps(found), 0o600, durable=False)


def _now(ctx: Context) -> str:
    return times.stamp(times.of_seconds(ctx.now()))
