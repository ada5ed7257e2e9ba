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

_OUTPUT = {"stdout": 1, "stderr": 2}


def run(ctx: Context, store: Store, args: Any, make: Make) -> int | Document:
    """Runs the container that `make(monitored)` makes: its exit status, or its document with --detach.

    Raises what making and starting raise; a container whose process could not be started is gone then.
    """
    if args.replace:
        _replace(ctx, store, args.name)
    _check_attach(args)
    monitored = _monitored(args)
    streams = None
    if monitored and not args.detach:
        from . import attached

        stdin = (args.interactive or args.tty) and (not args.attach or "stdin" in args.attach)
        shown = tuple(_OUTPUT[name] for name in args.attach or _OUTPUT if name in _OUTPUT)
        streams = attached.Streams.of(args, stdin=stdin, terminal=args.tty and stdin, shown=shown)
    if monitored:  # before there is something that would have to be taken away if a signal came meanwhile
        from . import starting
    else:
        from . import direct
    container, config = make(monitored)
    told = False
    try:
        if not monitored:
            status = direct.run(ctx, store, container, config, interactive=args.interactive)
            told = True
            return status
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
    asked = args.log_driver not in (None, "passthrough") or args.timeout or args.detach_keys is not None or args.attach
    return bool(asked or not (args.rm or args.log_driver == "passthrough"))


def _check_attach(args: Any) -> None:
    """Raises UsageError for an --attach that cannot be."""
    other = (
        "--detach" if args.detach else "--log-driver passthrough" if args.log_driver == "passthrough" else ""
    )  # fmt: skip
    if args.attach and other:
        raise UsageError("--attach", f"does not go with {other}", "leave one of them out")
    if "stdin" in args.attach and not (args.interactive or args.tty):
        raise UsageError("--attach stdin", "the process does not read our stdin", "add --interactive")


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
