"""ctr-run: made and started in one go, then watched or left."""

from __future__ import annotations

from ..errors import OcipipeError, UsageError
from ..host import files
from ..runtime import state
from . import ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

    Make = Callable[[bool], tuple[Container, Document]]


def run(ctx: Context, store: Store, args: Any, make: Make) -> int | Document:
    """Runs the container that `make(monitored)` makes: its exit status, or its document with --detach.

    Raises what making and starting raise; a container whose process could not be started is gone then.
    """
    if args.replace:
        _replace(ctx, store, args.name)
    monitored = _monitored(args)
    streams = None
    if monitored and not args.detach:
        from . import attached

        streams = attached.Streams.of(args, stdin=args.interactive or args.tty, terminal=args.tty)
    container, config = make(monitored)
    told = False
    try:
        if not monitored:
            from . import direct

            status = direct.run(ctx, store, container, config, interactive=args.interactive)
            told = True
            return status
        from . import starting

        starting.begin(ctx, store, container, config, streams.begin if streams else None)
        if not args.rm:
            store.containers.keep(container)
        told = True
    finally:
        if not told:
            if args.cidfile:
                files.remove_file(args.cidfile)  # the same command again must not find it in its way
            if monitored:
                ending.remove(ctx, store, container)
    container.release()
    if streams is None:
        return state.document(container, state.observe(container, ctx.run_root, ctx.env))
    return streams.to_the_end(ctx, store, container)


def _monitored(args: Any) -> bool:
    """Whether the container needs a monitor: someone must be able to come back to it."""
    if args.detach:
        return True
    asked = args.log_driver not in (None, "passthrough") or args.timeout or args.detach_keys is not None
    return bool(asked or not (args.rm or args.log_driver == "passthrough"))


def _replace(ctx: Context, store: Store, name: str | None) -> None:
    if name is None:
        raise UsageError("--replace", "needs the --name of what it replaces", "add --name")
    try:
        before = store.containers.find(name)
    except OcipipeError as error:
        if error.code != "NOT_FOUND":
            raise
        return
    if before.name == name:
        from . import stopping

        stopping.remove(ctx, store, before, force=True)
