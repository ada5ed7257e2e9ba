"""What happens when a monitor's container has ended: recorded, taken apart, then removed or started again."""

from __future__ import annotations

from ..runtime import restart, state
from . import delayed_start, ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store


def clean_up(ctx: Context, store: Store, container: Container) -> Container:
    """Settles a container that has ended, and does what its record wants then; nothing to one that runs.

    Its lock is ours. Raises RuntimeFailed.
    """
    observed = state.observe(container, ctx.run_root, ctx.env)
    if observed.runs:
        return container
    ended = container.record["status"] == "running"
    ending.settle(ctx, store, container, observed.exit_code)
    if container.record["removedAtEnd"] and container.record["status"] == "stopped":
        ending.remove(ctx, store, container)
    elif ended:
        _restart(ctx, container)
    return container


def _restart(ctx: Context, container: Container) -> None:
    """Where its policy wants it, somebody waits in the background and then starts it again."""
    delay = restart.decide(container.record)
    if delay is not None:
        container.update(restartCount=restart.count(container.record) + 1, restartDelay=delay)
        delayed_start.begin(ctx, container, delay)
