"""From a command line, or a document on stdin, to a new container."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..images.resolve import RunnableImage
    from ..store.container import Container
    from ..store.store import Store
    from .directory import Directory


class _Undone:
    """A `with` block that makes `container`, which is gone when the block does not come to its end: a signal may ask us
    to end also when the container is there already."""

    __slots__ = ("_store", "container")

    def __init__(self, store: Store) -> None:
        self._store = store
        self.container: Container | None = None

    def __enter__(self) -> _Undone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self.container is not None:
            from . import ending

            ending.forget(self._store, self.container)


def make(
    ctx: Context, store: Store, args: Any, item: str | Document, patch: Document | None, *, monitored: bool,
    beside: Document | None = None,
) -> tuple[Container, Document]:  # fmt: skip
    """A new container from the image that `item` stands for, and its config.json; as `creation.create`.

    Raises what finding and pulling an image raise, too.
    """
    from oci_spec.platform import Platform

    from ..images.resolve import image_for_run
    from ..registry.settings import Access

    platform = Platform.parse(args.platform, "--platform") if args.platform else None
    with _Undone(store) as undone, store.leases.hold() as lease:
        image: RunnableImage | Directory
        if args.rootfs:
            image = _directory(ctx, store, args, item)
        else:
            access = Access.of(args)
            image = image_for_run(ctx, store, item, lease, policy=args.pull, platform=platform, access=access)
        from ..runtime import request  # the larger part of our code, and no use without an image
        from . import creation

        if not args.rootfs:
            request.check_platform(image.config, platform, str(image.names["image"]))
        if patch is None and args.config:
            patch = request.patch(args.config)

        def layers(name: str) -> list[Digest]:
            access = Access.of(args)
            return image_for_run(ctx, store, name, lease, policy=args.pull, platform=platform, access=access).chain_ids

        made = creation.create(ctx, store, args, image, patch, layers, monitored=monitored, beside=beside)
        undone.container = made[0]
        return made


def _directory(ctx: Context, store: Store, args: Any, item: str | Document) -> Directory:
    """What --rootfs makes of IMAGE. Raises UsageError, NotFound, Conflict."""
    from ..errors import UsageError
    from . import directory

    if args.platform:
        raise UsageError("--platform", "chooses among images, and --rootfs names a directory", "leave one of them out")
    found = directory.named(ctx, store, str(item))
    if not (args.command or args.entrypoint):
        raise UsageError("command", "a directory names none, as an image does", "add a command after the directory")
    return found


AGAIN = ("--name", "--cidfile", "--pull", "--platform", "--runtime", "--tls-verify", "--cert-dir", "--authfile")
"""What may be said beside a document that tells what a container is like."""


def again(
    ctx: Context, store: Store, args: Any, document: Document, subject: str = "the container on stdin"
) -> Container:
    """A container like the one that a document of ctr-inspect describes, but for id, name and times. `subject` names
    the document in messages.

    As `creation.create`; raises FormatError for a document that is none.
    """
    from oci_spec import validate

    from ..images.resolve import image_for_run
    from ..registry.settings import Access
    from . import creation

    whole = validate.check("container-inspect", document, subject)
    with _Undone(store) as undone, store.leases.hold() as lease:
        record: Document = whole["record"]  # type: ignore[assignment]
        image: RunnableImage | Directory
        if "rootfs" in record:
            from . import directory

            image = directory.of_record(ctx, store, record)
        else:
            item: Document = whole.get("image") or record["image"]  # type: ignore[assignment]
            image = image_for_run(ctx, store, item, lease, policy=args.pull, access=Access.of(args))
        undone.container = creation.again(ctx, store, args, image, whole)
        return undone.container
