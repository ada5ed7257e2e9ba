"""A container's limits and restart policy, changed: of one that runs at once, and for all its starts to come."""

from __future__ import annotations

from oci_spec import jsondoc

from ..errors import Conflict, UsageError
from ..runtime import limits, policy, request, restart, state
from . import delayed_start, ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store


def update(ctx: Context, store: Store, container: Container, args: Any) -> Document:
    """Changes what `args` (cli.container_options.CHANGEABLE) names; the container's document.

    Nothing is changed where the host cannot limit so, or the runtime refuses. Raises UsageError, Unsupported, Conflict,
    NotFound, Corrupt, RuntimeFailed.
    """
    limited = any(getattr(args, name) is not None for name in limits.CHANGEABLE)
    restarted = any(one is not None for one in (args.restart, args.restart_delay, args.restart_window))
    if not limited and not restarted:
        raise UsageError(container.name, "there is nothing to change", "name a limit, or --restart")
    if container.is_commands:
        raise Conflict(container.name, "is run by a command, and has no monitor", "run it with -d")
    with store.containers.locked(container) as mine:
        before: Any = mine.record.get("restartPolicy") or policy.restart("no")
        wanted = policy.restarts(args, before, removed_at_end=bool(mine.record["removedAtEnd"]))
        if limited:
            _limit(ctx, mine, args)
        if restarted:
            mine.update(restartPolicy=wanted)
            if not restart.is_wanted(mine.record):
                delayed_start.end(ctx, mine)
        ending.tell(ctx, store, mine, "update")
        return state.document(mine, state.observe(mine, ctx.run_root, ctx.env))


def _limit(ctx: Context, container: Container, args: Any) -> None:
    """Gives its cgroup the limits, and then writes them down: what is on the disk has been possible once."""
    config: Any = container.config()
    linux = config["linux"]
    resources = limits.changed(linux.get("resources") or {}, args, request.host(), linux.get("cgroupsPath") or "")
    if state.observe(container, ctx.run_root, ctx.env).runs:
        given = {key: value for key, value in resources.items() if key != "devices"}
        ending.runtime_of(container, ctx.env).update(container.id, jsondoc.dumps(given))
    config = {**config, "linux": {**linux, "resources": resources}}
    container.write("config.json", jsondoc.dumps(config))
