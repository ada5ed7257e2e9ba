"""One ctr-run: a container made, run in the foreground, and removed or kept."""

from __future__ import annotations

import os

from ..errors import Conflict, UsageError
from ..host import files, signals
from . import lifecycle, namespaces, oci, request
from . import options as values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_spec.descriptor import Descriptor
    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.store import Store


class Session:
    """Makes the container: from then on its record holds the image's layers. Raises what request and create raise.

    `patch` is what --config brought on stdin, None to read the file that it names.
    """

    def __init__(
        self,
        ctx: Context,
        store: Store,
        args: Any,
        descriptor: Descriptor,
        name: str,
        image: ImageConfig,
        patch: Document | None,
    ) -> None:
        self._ctx = ctx
        self._args = args
        self._image = image
        self._containers = store.containers
        self._runtime = oci.choose(args.runtime, ctx.run_root, ctx.env)
        self._patch = patch if patch is not None or not args.config else request.patch(args.config)
        self._host = request.host()
        container_id = ctx.random(32).hex()
        self._options = request.options(
            ctx, args, image, container_id, self._host, lambda name: store.containers.find(name).record
        )
        stop_signal = _stop_signal(args.stop_signal or image.stop_signal)
        own = {"name": args.name or container_id[:12], "image": name or descriptor.digest, "created": ctx.timestamp()}
        labels = {**image.labels, **values.pairs(args.label, "--label")}
        self._options.annotations |= {f"org.ocipipe.{key}": value for key, value in own.items()}
        self._options.annotations["org.opencontainers.image.stopSignal"] = stop_signal
        lifecycle.sweep(self._containers, ctx.env)
        self._container = self._containers.create(
            {
                "id": container_id,
                **own,
                "image": descriptor.document,
                "chainIds": image.chain_ids,
                "labels": labels,
                "runtime": self._runtime.path,
                "runtimeRoot": self._runtime.root,
                "stopSignal": stop_signal,
                "removedAtEnd": args.rm,
                "status": "created",
                "exitCode": None,
                **request.record(self._options),
            },
            removed_at_end=args.rm,
        )

    def to_its_end(self, lowers: list[str]) -> int:
        """Runs the process; its exit status. The container is gone then with --rm, else it stays, unmounted."""
        container, args = self._container, self._args
        ran = told = False
        try:
            lifecycle.mount_rootfs(container, lowers)
            namespaces.link(
                container.path, self._options.joins, lambda one: lifecycle.first_process(self._containers, one)
            )
            namespaces.mount_shm(container.path, self._options.shm, self._options.shm_size)
            config = lifecycle.configure(container, self._image, self._options, self._host, args.user, self._patched)
            if args.cidfile:
                _write_cidfile(args.cidfile, container.id)
                told = True
            # A terminal's keys must reach the process: the runtime makes it raw, and nothing else would see Ctrl-C.
            terminal = config["process"].get("terminal")  # type: ignore[attr-defined]
            stdin = 0 if args.interactive or terminal else os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
            self._ctx.progress.close()  # stderr is the process's now
            status = lifecycle.run(container, self._runtime, config, stdin=stdin)
            ran = True
            return status
        finally:
            if told and not ran:
                files.remove_file(args.cidfile)  # the same command again must not find it in its way
            if args.rm or not ran:
                lifecycle.discard(self._containers, container, self._runtime, ended=ran)
            else:
                lifecycle.unmount(container)

    def _patched(self, config: Document) -> Document:
        if self._patch is None:
            return config
        subject = "stdin" if self._args.config == "-" else str(self._args.config)
        return request.patched(config, self._patch, subject, self._ctx.stdin.isatty())


def _stop_signal(text: str | None) -> str:
    """The signal's name. Raises UsageError for what is none."""
    name = signals.name(text or "SIGTERM")
    if name is None:
        raise UsageError(f"--stop-signal {text}", "is no signal", "like SIGTERM or 15")
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
