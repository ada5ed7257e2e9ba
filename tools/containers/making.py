"""From a command line, or a document on stdin, to a new container."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store


def make(
    ctx: Context, store: Store, args: Any, item: str | Document, patch: Document | None, *, monitored: bool,
    beside: Document | None = None,
) -> tuple[Container, Document]:  # fmt: skip
    """A new container from the image that `item` stands for, and its config.json; as `creation.create`.

    Raises what finding and pulling an image raise, too.
    """
    from oci_spec.platform import Platform

    from ..errors import Unsupported
    from ..images.resolve import image_for_run
    from ..registry.settings import Access

    if args.rootfs:
        raise Unsupported(
            "--rootfs", "a container stands on an image's layers, which the store keeps and checks, and not on a "
            "directory that anybody may change", "make an image of it: tar -c -C DIR . | img-import - NAME",
        )  # fmt: skip
    platform = Platform.parse(args.platform, "--platform") if args.platform else None
    with store.leases.hold() as lease:
        image = image_for_run(ctx, store, item, lease, policy=args.pull, platform=platform, access=Access.of(args))
        from ..runtime import request  # the larger part of our code, and no use without an image
        from . import creation

        request.check_platform(image.config, platform, image.name or str(image.descriptor.digest))
        if patch is None and args.config:
            patch = request.patch(args.config)

        def layers(name: str) -> list[Digest]:
            access = Access.of(args)
            return image_for_run(ctx, store, name, lease, policy=args.pull, platform=platform, access=access).chain_ids

        return creation.create(ctx, store, args, image, patch, layers, monitored=monitored, beside=beside)


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
    with store.leases.hold() as lease:
        item: dict[str, object] = whole["image"]  # type: ignore[assignment]
        image = image_for_run(ctx, store, item, lease, policy=args.pull, access=Access.of(args))
        return creation.again(ctx, store, args, image, whole)
