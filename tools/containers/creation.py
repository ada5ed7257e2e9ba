"""A container made of an image: its record, its root, and the config.json that the runtime takes.

It is made to be removed with its command until it is whole: a command that is killed on the way leaves nothing that the
next one does not take away.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import Conflict, Unsupported, UsageError
from ..host import files, signals, times
from ..runtime import logs, oci, placement, policy, request, root, spec
from . import ending, netoptions, preparing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..images.resolve import RunnableImage
    from ..runtime.inputs import Host, Options
    from ..store.container import Container
    from ..store.store import Store
    from .directory import Directory
    from .volumes import Asked


def create(
    ctx: Context,
    store: Store,
    args: Any,
    image: RunnableImage | Directory,
    patch: Document | None,
    layers: Callable[[str], Sequence[str]],
    *,
    monitored: bool,
    adjust: Callable[[Container, Document], Document] | None = None,
    beside: Document | None = None,
) -> tuple[Container, Document]:
    """A new container as `args` (the options in cli.container_options) ask for it, and its config.json.

    Its root is mounted and its lock ours; it is removed with us until `Containers.keep` says otherwise. `patch` is laid
    over the config (RFC 7386); `layers` gives the chain IDs of an image that is to be mounted in it; `adjust` has the
    last word on the config, when all of it that is mounted on the host is there; `beside` are more of the record's
    fields. Raises UsageError, Conflict, NotFound, Unsupported, Unavailable.
    """
    runtime = oci.choose(args.runtime, ctx.run_root, ctx.env)
    host = request.host()
    container_id = ctx.random(32).hex()
    network = netoptions.network(ctx, args, container_id)
    options = request.options(
        ctx, args, image.config, container_id, host, lambda one: store.containers.find(one).record, layers, network
    )
    volumes = _volumes(ctx, store, args, container_id, options, image.config)
    ending.sweep(ctx, store)
    record: Document = {
        **_record(ctx, args, image, options, container_id, monitored=monitored),
        "runtime": runtime.path,
        "runtimeRoot": runtime.root,
        **policy.record(args, image.config),
        **request.record(options),
        **netoptions.record(ctx, store, args, image.config, options.hostname),
        **(volumes.record if volumes else {}),
        **(beside or {}),
    }
    if not monitored:
        record["logDriver"] = "passthrough"
    logs.check(record, terminal=args.tty)
    container = store.containers.create(record, removed_at_end=True)
    try:
        root.prepare(container, image.lowers)
        if options.users:
            from . import users

            users.allot(store, container, options, args.user if args.user is not None else image.config.user)
        if volumes:
            volumes.make(ctx, store)
        preparing.prepare(ctx, store, container, created=True)
        config = _configure(container, image.config, options, host, args.user)
        if options.users:
            users.configure(ctx, container, config)
        if patch is not None:
            subject = "stdin" if args.config == "-" else str(args.config)
            config = request.patched(config, patch, subject, ctx.stdin.isatty())
        if adjust is not None:
            config = adjust(container, config)
        if options.users:
            users.check(container, config)
        _complete(container, config, args.cidfile)
        ending.tell(ctx, store, container, "create")
    except BaseException:
        ending.forget(store, container)
        raise
    return container, config


def _record(
    ctx: Context, args: Any, image: RunnableImage | Directory, options: Options, container_id: str, *, monitored: bool
) -> Document:
    """What the record says of the container itself; its annotations, which say some of it to the runtime, too, are
    added to `options`. Raises UsageError, Unsupported."""
    own = {
        "name": args.name or container_id[:12],
        **image.names,
        "created": times.stamp(times.of_seconds(ctx.now())),
    }
    stop_signal = _stop_signal(args.stop_signal, image.config.stop_signal)
    options.annotations |= {f"org.ocipipe.{key}": value for key, value in own.items()}
    options.annotations["org.opencontainers.image.stopSignal"] = stop_signal
    return {
        "id": container_id,
        "name": own["name"],
        "created": own["created"],
        **image.record,
        "labels": {**image.config.labels, **options.labels},
        "stopSignal": stop_signal,
        "removedAtEnd": args.rm,
        "status": "created",
        "exitCode": None,
        "command": spec.process_args(image.config, options),
        "monitored": monitored,
        "interactive": args.interactive or (args.tty and not getattr(args, "detach", True)),
        "stdinOnce": not getattr(args, "detach", False),
    }


def _complete(container: Container, config: Document, cidfile: str | None) -> None:
    """The last of what `create` and `again` make. Raises Conflict, UsageError for the cidfile."""
    root.make_working_directory(root.place(container, config), str(config["process"]["cwd"]))  # type: ignore[index]
    container.write("config.json", jsondoc.dumps(config))
    if cidfile:
        _write_cidfile(cidfile, container.id)


def _volumes(
    ctx: Context, store: Store, args: Any, container_id: str, options: Options, image: ImageConfig
) -> Asked | None:
    """What volumes the container wants; None when it wants none. Raises UsageError, NotFound."""
    if not (args.volumes_from or image.volumes or any(one.volume for one in options.mounts)):
        return None
    from . import volumes

    return volumes.ask(ctx, store, container_id, options, image, args.volumes_from)


def _configure(container: Container, image: ImageConfig, options: Options, host: Host, user: str | None) -> Document:
    """The runtime config, and the files that it refers to; the root is mounted. Raises NotFound, UsageError."""
    who = root.look_up(root.of_record(container), user if user is not None else image.user, options.groups)
    cwd = options.workdir or image.working_dir or "/"
    args = spec.process_args(image, options)
    if options.init:
        args = [placement.INIT, "--", *args]
    env = spec.environment(options.env, who, options)
    preparing.write_names(container, options.hostname, options.names, host_network=options.network == "host")
    config = spec.runtime_config(container.id, args, env, cwd, who, options, host, container.path)
    place = root.of_record(container)
    if place != container.rootfs:
        config["root"]["path"] = place  # type: ignore[index]
    return config


def _stop_signal(asked: str | None, images: str | None) -> str:
    """The name of the signal that was asked for, or of the image's. Raises UsageError, Unsupported for what is none."""
    name = signals.name(asked or images or "SIGTERM")
    if name is None and asked:
        raise UsageError(f"--stop-signal {asked}", "is no signal", "like SIGTERM or 15")
    if name is None:
        raise Unsupported(f"the image's stop signal {images}", "is no signal", "name one with --stop-signal")
    return name


def _write_cidfile(path: str, container_id: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        raise Conflict(path, "the file exists already", "remove it, or name another --cidfile") from None
    except OSError as error:
        raise UsageError(
            path, f"cannot be written: {os.strerror(error.errno or 0).lower()}", "name another --cidfile"
        ) from None
    try:
        files.write_all(fd, container_id.encode())
    finally:
        os.close(fd)


_NOT_KEPT = (
    "started", "finished", "restartCount", "restartDelay", "stoppedByUser", "stoppedByShutdown", "oomKilled",
    "oomSeen", "checkpoint", "formerName", "hooksDue",
)  # fmt: skip


def again(
    ctx: Context, store: Store, args: Any, image: RunnableImage | Directory, document: Document
) -> Container:
    """A new container from another's whole document (schema container-inspect), which may have been edited.

    What names the old one by its id names the new one. As `create` otherwise.
    """
    before: Any = document["record"]
    runtime = oci.choose(args.runtime, ctx.run_root, ctx.env) if args.runtime else None
    container_id = ctx.random(32).hex()
    name = args.name or container_id[:12]
    config: Any = renamed(document["config"], before["id"], container_id)
    created = times.stamp(times.of_seconds(ctx.now()))
    labels = {key: value for key, value in (config.get("annotations") or {}).items() if key in before["labels"]}
    config["annotations"] = {
        **(config.get("annotations") or {}), "org.ocipipe.name": name, "org.ocipipe.created": created,
    }  # fmt: skip
    ending.sweep(ctx, store)
    record: Document = {
        **{key: value for key, value in before.items() if key not in _NOT_KEPT},
        "id": container_id, "name": name, "created": created, "labels": {**before["labels"], **labels},
        **image.record,
        "command": config["process"]["args"], "status": "created", "exitCode": None,
        **({"runtime": runtime.path, "runtimeRoot": runtime.root} if runtime else {}),
    }  # fmt: skip
    logs.check(record, terminal=bool(config["process"].get("terminal")))
    container = store.containers.create(record, removed_at_end=True)
    try:
        root.prepare(container, image.lowers)
        if record.get("users"):
            from . import users

            users.again(store, container, config)
            users.configure(ctx, container, config)
        if record.get("volumes"):
            from . import volumes

            volumes.of_record(record).make(ctx, store)
        preparing.prepare(ctx, store, container, created=True)
        preparing.renew_names(container, config)
        _complete(container, config, args.cidfile)
        ending.tell(ctx, store, container, "create")
    except BaseException:
        ending.forget(store, container)
        raise
    return container


def renamed(value: Any, before: str, after: str) -> Any:
    """A document in which every string that holds one container's id holds another's; one that is the short id is the
    other's short id, also as the value of a variable (HOSTNAME=…)."""
    if isinstance(value, dict):
        return {key: renamed(one, before, after) for key, one in value.items()}
    if isinstance(value, list):
        return [renamed(one, before, after) for one in value]
    if not isinstance(value, str):
        return value
    if value in (before[:12], f"HOSTNAME={before[:12]}"):
        return value.replace(before[:12], after[:12])
    return value.replace(before, after)
