"""Pushing an image: store to registry, layers first, the manifest when all that it names is there."""

from __future__ import annotations

from contextlib import ExitStack

from oci_spec import descriptor as fields
from oci_spec import reference

from ..errors import UsageError
from ..registry.remote import connect
from ..store.reach import hold
from ..transfer import Transfer
from .local import choose_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor
    from oci_spec.platform import Platform

    from ..context import Context
    from ..registry.remote import Access
    from ..store.contract import Content
    from ..store.store import Store


class PushOptions:
    """How to push. `platform` or `all_platforms` decide about an index; `compression` is what layers are forced to."""

    __slots__ = ("access", "all_platforms", "compression", "jobs", "platform")

    def __init__(
        self,
        access: Access,
        *,
        platform: Platform | None = None,
        all_platforms: bool = False,
        compression: str | None = None,
        jobs: int = 3,
    ) -> None:
        self.access = access
        self.platform = platform
        self.all_platforms = all_platforms
        self.compression = compression
        self.jobs = jobs


def push(ctx: Context, store: Store, source: Descriptor, name: str, options: PushOptions) -> Descriptor:
    """Pushes the image `source` of the store as `name`; returns its descriptor under that name.

    Of an index, the whole is pushed with all_platforms, else the manifest for the platform. The bytes that are in the
    store are sent unchanged unless `compression` asks for other layers, which makes another manifest and digest. Raises
    NotFound, Corrupt for content missing here, Denied, Unavailable, Unsupported, FormatError for no reference, and
    UsageError for one with a digest.
    """
    wanted = reference.parse(name)
    if wanted.digest:
        raise UsageError(name, "a push goes to a tag, the digest follows from the content", "leave out @sha256:…")
    with ExitStack() as stack:
        hold(store, stack.enter_context(store.leases.hold()), source)
        root = source
        if not options.all_platforms:
            root = _one(store, source, options.platform)
        content: Content = store.blobs
        if options.compression:
            from .recompressed import Recompression

            content = made = stack.enter_context(Recompression(ctx, store, options.compression))
            root = made.image(root)
        remote = connect(ctx, wanted.name, options.access, push=True)
        origin = source.annotations.get(fields.ORIGIN, "")
        Transfer(content, remote, ctx.progress, jobs=options.jobs, origin=origin).copy(root)
        remote.tag(root, wanted.target)
    found = (
        dict(root.document) if root is not source else {k: v for k, v in source.document.items() if k != "annotations"}
    )
    kept = {k: v for k, v in source.annotations.items() if k == fields.CREATED}
    return fields.Descriptor(found).annotated({**kept, fields.REF_NAME: str(wanted)})


def _one(store: Store, source: Descriptor, platform: Platform | None) -> Descriptor:
    """The image for a platform: of an index, or what there is when that is it."""
    found = choose_manifest(store, source, platform)
    return source if found.digest == source.digest else found.descriptor()
