"""What a service waits for before it begins, and what `up --wait` waits for: containers that run, are healthy, or have
ended well. Nothing is waited for that can never come."""

from __future__ import annotations

import os

from ..containers import ending
from ..errors import NotFound, OcipipeError
from ..host.watch import Watch
from ..runtime import state
from .order import ENDED_WELL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from .ground import Ground

_LOOK_SECONDS = 0.25
HEALTHY = "service_healthy"


class NotCome(OcipipeError):
    """A container has not come to what is waited for, and never will. `container` is its id, for its log; '' for one
    that is gone."""

    code = "DEPENDENCY"

    def __init__(self, container: str, subject: str, problem: str, remedy: str = "") -> None:
        super().__init__(subject, problem, remedy)
        self.container = container


def healthy(ground: Ground, container_id: str, check: Callable[[], None]) -> None:
    """Waits until a container is healthy. `check` is called again and again, and raises when nobody waits any more.

    Raises NotCome for one that is unhealthy, has ended, or has no health check.
    """
    ctx, store = ground.ctx, ground.store
    while True:
        check()
        container = store.containers.load(container_id)
        if not container.record.get("health"):
            raise NotCome(container_id, container.name, "has no health check", "give its service a healthcheck")
        try:
            directory = container.run_directory(ctx.run_root)
            with Watch(directory if os.path.isdir(directory) else container.path) as watch:
                container = store.containers.load(container_id)
                has_monitor = container.is_held("run.lock")
                seen = state.observe(container, ctx.run_root, ctx.env)
                if seen.health == "healthy":
                    return
                if seen.health == "unhealthy":
                    raise NotCome(container_id, container.name, "is unhealthy", "see what its health check says")
                if seen.status == "stopped" and not (has_monitor or seen.monitor):
                    code = "" if seen.exit_code is None else f" with status {seen.exit_code}"
                    raise NotCome(container_id, container.name, f"has ended{code}, and was not healthy")
                watch.wait(_LOOK_SECONDS)
        except NotFound:
            if store.containers.load(container_id):
                continue  # only what was watched is gone: it has ended


def ended(ground: Ground, container_id: str, check: Callable[[], None]) -> int | None:
    """Waits until a container has ended and is not started again; its exit status, None when nobody knows it.

    Raises NotFound for one that has been removed.
    """
    ctx, store = ground.ctx, ground.store
    while True:
        check()
        container = store.containers.load(container_id)
        found = ending.await_end(ctx, store, container, _LOOK_SECONDS)
        if found is None:
            continue
        status = state.observe(found, ctx.run_root, ctx.env).status
        if found.record["status"] == "created" or status in ("restarting", "running", "paused"):
            with Watch(found.path) as watch:
                watch.wait(_LOOK_SECONDS)
            continue
        code = found.record["exitCode"]
        return code if isinstance(code, int) else None


def ended_well(ground: Ground, container_id: str, check: Callable[[], None]) -> None:
    """Waits until a container has ended with status 0. Raises NotCome for another one."""
    code = ended(ground, container_id, check)
    if code != 0:
        name = ground.store.containers.load(container_id).name
        how = ", and nobody knows how" if code is None else f" with status {code}"
        raise NotCome(container_id, name, f"has ended{how}")


def up(ground: Ground, container_id: str, check: Callable[[], None], *, job: bool) -> None:
    """Waits until a container is what `up --wait` wants: healthy where it is checked, else running, or ended well; of a
    `job`, ended well. Raises NotCome."""
    if job:
        ended_well(ground, container_id, check)
        return
    container = ground.store.containers.load(container_id)
    if container.record.get("health"):
        healthy(ground, container_id, check)
        return
    while True:
        check()
        container = ground.store.containers.load(container_id)
        seen = state.observe(container, ground.ctx.run_root, ground.ctx.env)
        if seen.status == "running" or (seen.status == "stopped" and seen.exit_code == 0):
            return
        if seen.status == "stopped":
            raise NotCome(container_id, container.name, f"has ended with status {seen.exit_code}")
        with Watch(container.path) as watch:
            watch.wait(_LOOK_SECONDS)


_WAITS = {HEALTHY: healthy, ENDED_WELL: ended_well}
"""What is waited for, by the condition of a depends_on; service_started needs no more than that it was started."""


def wait(
    ground: Ground, service: str, other: str, how: Mapping[str, Any], containers: Iterable[str],
    check: Callable[[], None],
) -> None:  # fmt: skip
    """Waits until the `containers` of `other` are what `how`, in depends_on of `service`, says. Raises NotCome; what
    is not required is told, and no more."""
    waits = _WAITS.get(str(how["condition"]))
    try:
        for one in containers if waits is not None else ():
            assert waits is not None
            waits(ground, one, check)
    except (NotCome, NotFound) as error:
        which = error.container if isinstance(error, NotCome) else ""
        why = str(error) if which else "its container was removed while it was waited for"
        if how.get("required", True):
            raise NotCome(which, service, f"needs {other}: {why}") from None
        ground.ctx.progress.warn(f"{service} goes on without {other}: {why}")
