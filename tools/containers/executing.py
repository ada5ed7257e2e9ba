"""One more process in a running container: as our own child, in the background, or on a terminal that outlives us."""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import Conflict, NotFound, OcipipeError, UsageError
from ..host import files, rooted, trees
from ..host import process as host_process
from ..runtime import executable, foreground, joining, oci, root, state, stdio, users
from ..runtime.oci import RuntimeFailed
from . import ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store


SPEC = "process.json"
"""Of an execution's own run-time directory: the process as the runtime takes it."""


def run(ctx: Context, store: Store, container: Container, args: Any) -> int:
    """Runs one more process in a container; its exit status, or 0 when it is left in the background.

    `args` has the options of ctr-exec. Raises Conflict for a container that does not run, CommandNotFound (127),
    CannotExecute (126), RuntimeFailed (125), UsageError, NotFound.
    """
    if args.detach and args.interactive and not args.tty:
        raise UsageError("--interactive", "does not go with --detach: nobody could write", "leave one of them out")
    if args.detach_keys is not None and (args.detach or not args.tty):
        raise UsageError("--detach-keys", "is for a terminal that we are at", "use it with --tty, and without --detach")
    if args.tty and not args.detach and not ctx.stdin.isatty():
        raise UsageError("--tty", "standard input is no terminal", "leave it out, or run from a terminal")
    observed = state.observe(container, ctx.run_root, ctx.env)
    if observed.status != "running" or not observed.pid:
        remedy = "ctr-unpause it first" if observed.status == "paused" else "ctr-start it first"
        raise Conflict(container.name, f"is {observed.status}, and takes no further process", remedy)
    inside = f"/proc/{observed.pid}/root"
    groups: Any = container.record.get("groups") or ()
    process = _process(ctx, args, container.config(), inside, groups)
    _check(container, inside, process)
    identity = ctx.random(32).hex()
    directory = os.path.join(container.run_directory(ctx.run_root), "exec", identity)
    files.make_directories(directory, 0o700)
    left = False  # to a monitor, which takes the directory away at the end
    try:
        files.write_atomic(os.path.join(directory, SPEC), jsondoc.dumps(process), 0o600, durable=False)
        ending.tell(ctx, store, container, "exec_start", execID=identity, command=" ".join(args.command))
        if args.detach:
            _leave(ctx, container, directory, terminal=args.tty)
            left = args.tty
            return 0
        status: int | None
        try:
            if args.detach_keys is not None:
                status = _watch(ctx, container, directory, args.detach_keys)
                left = True
            else:
                status = _stay(ctx, container, directory, observed.pid, interactive=args.interactive, terminal=args.tty)
        except OcipipeError:
            ending.tell(ctx, store, container, "exec_die", execID=identity)
            raise
        if status is None:
            ending.tell(ctx, store, container, "exec_detach", execID=identity)
            return 0
        ending.tell(ctx, store, container, "exec_die", execID=identity, exitCode=str(status))
        return status
    finally:
        if not left:
            trees.remove_tree(directory)


def _process(ctx: Context, args: Any, config: Document, inside: str, groups: Sequence[str]) -> Document:
    """The process as `args` ask for it; `inside` is the container's root as its processes see it, `groups` are those
    that the container's own have beside their user's."""
    own: Any = config["process"]
    env: list[str] = own.get("env") or []
    if args.env or args.env_file:
        from ..runtime import variables

        texts = []
        if args.env_file:
            from ..runtime.request import read_text

            texts = [(path, read_text(path)) for path in args.env_file]
        env = variables.environment(env, texts, args.env, ctx.env)
    if args.workdir is not None:
        if not args.workdir.startswith("/"):
            raise UsageError(f"--workdir {args.workdir}", "is no absolute path", "begin it with /")
        if not os.path.isdir(rooted.resolve(inside, args.workdir)):
            raise NotFound(args.workdir, "no such directory in the container", "make it first")
    user, home = None, ""
    if args.user is not None:
        user = root.look_up(inside, args.user, groups)
        who = own.get("user") or {}
        home = root.look_up(inside, str(who.get("uid", 0))).home
    privileged = None
    if args.privileged:
        privileged = every_capability()
    size = os.get_terminal_size(0) if args.tty and not args.detach else None
    return joining.process(
        own, args.command, env, args.workdir, user=user, home=home, terminal=args.tty, size=size, privileged=privileged
    )


def every_capability() -> list[str]:
    """What a privileged process has: all that we have ourselves."""
    from ..host.capabilities import bounding
    from ..runtime.spec import ALL_CAPABILITIES

    ours = bounding(ALL_CAPABILITIES)
    return [one for one in ALL_CAPABILITIES if one in ours]


def _check(container: Container, inside: str, process: Any) -> None:
    """Raises CommandNotFound (127) or CannotExecute (126) when the command can't be started there."""
    who = process.get("user") or {"uid": 0, "gid": 0}
    user = users.User(who["uid"], who["gid"], who.get("additionalGids") or [], "/")
    if container.record.get("users"):
        from ..runtime.userns import Maps

        maps = Maps.of_record(container.record)
        if maps is not None:  # its files are seen from here
            user.additional = [maps.outside(0, group)[1] for group in user.additional]
            user.uid, user.gid = maps.outside(user.uid, user.gid)
    executable.check(inside, [], process["args"], process["env"], process["cwd"], user)


def _stay(ctx: Context, container: Container, directory: str, first: int, *, interactive: bool, terminal: bool) -> int:
    """Runs the process as our own child, to its end; `first` is the container's first process. Raises
    RuntimeFailed, and Unavailable when what it says cannot be written."""
    runtime = ending.runtime_of(container, ctx.env)
    log, pid_file = os.path.join(directory, "runtime.log"), os.path.join(directory, "pid")
    streams = None
    if terminal:  # its keys must reach the process: the runtime makes it raw, and nothing else would see Ctrl-C
        given = (0, 1, 2)
    elif runtime.carries_streams:
        streams = stdio.Streams(interactive=interactive)
        given = streams.given
    else:
        given = (0 if interactive else os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), 1, 2)

    def start() -> int:
        pid = runtime.exec(container.id, os.path.join(directory, SPEC), log, pid_file, given)
        if streams is not None:
            streams.begin()
        return pid

    ctx.progress.close()  # stderr is the process's now
    try:
        # A signal at any moment does what it does to any process: it is the first one alone that the kernel spares.
        code = foreground.run(start, lambda: first, lambda: None, terminal=terminal)
    finally:
        if streams is not None:
            streams.close()
    if streams is not None:
        streams.end()
    if code > 0:
        # With the container, everything in its run-time directory goes.
        started = os.path.exists(pid_file) or not os.path.exists(directory)
        problem = oci.last_error(log)
        if not started or (problem and not runtime.tells_pid_late):
            raise _failed(container, runtime, problem or f"it ended with status {code}")
    return 128 - code if code < 0 else code  # of a runtime that was killed, the process goes on


def _leave(ctx: Context, container: Container, directory: str, *, terminal: bool) -> None:
    """Starts the process in the background. Raises RuntimeFailed."""
    runtime = ending.runtime_of(container, ctx.env)
    if terminal:
        from ..runtime.exec_monitor import ExecMonitor

        with ExecMonitor(container, runtime, directory, ctx.env) as monitor:
            monitor.start(os.path.join(directory, SPEC))
        return
    log, pid_file = os.path.join(directory, "runtime.log"), os.path.join(directory, "pid")
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    pid = runtime.exec(container.id, os.path.join(directory, SPEC), log, pid_file, (null, null, null), detach=True)
    status = host_process.wait(pid)
    if status:
        raise _failed(container, runtime, oci.last_error(log) or f"it ended with status {status}")


def _watch(ctx: Context, container: Container, directory: str, keys: str) -> int | None:
    """Runs the process on a terminal that outlives us, to its end, or None when the keys were typed. Raises
    RuntimeFailed, UsageError."""
    from ..runtime import attach, policy
    from ..runtime.exec_monitor import ExecMonitor

    detach = policy.detach_keys(keys)
    attachments: list[attach.Attachment] = []
    with ExecMonitor(container, ending.runtime_of(container, ctx.env), directory, ctx.env) as monitor:
        pid = monitor.start(
            os.path.join(directory, SPEC), lambda: attachments.append(attach.Attachment(directory, container.name))
        )
        ctx.progress.close()  # stderr is the process's now
        with attachments[0] as attachment:
            if not attachment.pump(stdin=True, terminal=True, detach=detach, proxy=lambda number: os.kill(pid, number)):
                return None
        return monitor.exit_status()


def _failed(container: Container, runtime: oci.Runtime, problem: str) -> RuntimeFailed:
    return RuntimeFailed(container.name, f"{runtime.name} cannot start the process: {problem}")
