"""The wait between two runs of a container: a background process that sleeps, and then starts it again."""

from __future__ import annotations

import os

from ..runtime import background

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..store.container import Container

_SCRIPT = 'sleep "$1" && shift && exec "$@"'


def begin(ctx: Context, container: Container, seconds: float) -> None:
    """Leaves a process that sleeps for so long and then starts the container, unless somebody has by then."""
    words = [f"{seconds:.3f}", os.path.join(ctx.bin, "ctr-start"), "--root", ctx.root, "--run-root", ctx.run_root]
    words += ["--progress", "none", "--if-waiting", str(container.record["finished"]), container.id]
    background.begin(container, ctx.run_root, background.RESTART, _SCRIPT, words, ctx.env)


def end(ctx: Context, container: Container) -> None:
    """Ends the process that waits to start the container again, if there is one."""
    background.end(container, ctx.run_root, background.RESTART)
