"""Copying an image from one place to another: registries, layouts, archives, directories and the store, in every
pairing. The bytes go straight from the one to the other; an archive from a pipe, or a compressed one, cannot be sought
in, and goes by way of the store, which keeps nothing of it.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from oci_spec import descriptor as fields
from oci_spec import manifest as manifests
from oci_spec.image_config import ImageConfig
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, UsageError
from ..host import files, machine
from ..store.incoming import Incoming
from ..transfer import Transfer
from .entry import choose, describe, is_runnable, parse_at, refuse_other
from .places import REGISTRY
from .receive import Receiver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor
    from oci_spec.platform import Platform

    from ..archives.contract import Images, Writer
    from ..context import Context
    from ..registry.remote import Access
    from ..store.contract import Content, Destination, Sink
    from ..store.leases import Lease
    from ..store.store import Store
    from ..transfer import Distrust
    from .places import Place


class CopyOptions:
    """How to copy. Of an index: the image for `platform` (None: this host's), or all of it. `unpack` concerns the
    store."""

    __slots__ = ("access", "all_platforms", "jobs", "platform", "unpack")

    def __init__(
        self,
        access: Access,
        *,
        platform: Platform | None = None,
        all_platforms: bool = False,
        unpack: bool = True,
        jobs: int = 3,
    ) -> None:
        self.access = access
        self.platform = platform
        self.all_platforms = all_platforms
        self.unpack = unpack
        self.jobs = jobs


def copy(ctx: Context, store: Store, source: Place, target: Place, options: CopyOptions) -> Descriptor:
    """Copies one image; its descriptor under its new name. Documents and blobs keep their digests.

    Raises NotFound, Corrupt, Conflict, Denied, Unavailable, Unsupported, and FormatError for names that are none.
    """
    with ExitStack() as stack:
        return _Copy(ctx, store, options, stack).run(source, target)


class _Copy:
    """One copy. What it has to close, to give back or to put in its place waits on the stack."""

    def __init__(self, ctx: Context, store: Store, options: CopyOptions, stack: ExitStack) -> None:
        self._ctx = ctx
        self._store = store
        self._options = options
        self._stack = stack
        self._platform = options.platform or machine.platform()
        self._lease: Lease | None = None
        self._distrust: Distrust | None = None

    def run(self, source: Place, target: Place) -> Descriptor:
        name = _name_at(target)
        content, root = self._open(source)
        if not self._options.all_platforms:
            root = self._chosen(content, root, source)
        origin = source.reference.name if source.kind == REGISTRY else root.annotations.get(fields.ORIGIN, "")
        if target.kind == "store":
            return self._receive(content, root, name, origin, resumable=source.kind == REGISTRY)
        if target.kind == REGISTRY:
            from ..registry.remote import connect

            remote = connect(self._ctx, target.reference.name, self._options.access, push=True)
            self._transfer(content, root, remote, origin)
            remote.tag(root, target.reference.target)
        else:
            writer = self._writer(target)
            self._transfer(content, root, writer, origin, stream=target.kind.endswith("archive"))
            writer.tag(root, name)
            writer.finish()
        found = {key: value for key, value in root.document.items() if key != "annotations"}
        return fields.Descriptor(found).annotated({fields.REF_NAME: name or None})

    def _open(self, source: Place) -> tuple[Content, Descriptor]:
        """The content of a place, and what the image's name stands for there."""
        if source.kind == REGISTRY:
            from ..registry.remote import connect

            remote = connect(self._ctx, source.reference.name, self._options.access)
            self._distrust = remote.distrust
            return remote, remote.resolve(source.reference.target)
        if source.kind == "store":
            from ..store.reach import hold
            from .local import find

            self._lease = self._stack.enter_context(self._store.leases.hold())
            entry = find(self._store, source.name)
            hold(self._store, self._lease, entry)
            return self._store.blobs, entry
        images = self._images(source)
        return images, images.resolve(source.name)

    def _images(self, source: Place) -> Images:
        if source.kind == "dir":
            from ..archives.dir_layout import DirLayout

            return DirLayout(source.path)
        if source.kind == "oci":
            from ..archives.layout import Layout
            from ..archives.members import Directory

            return Layout(Directory(source.path))
        from ..archives.opening import images_of
        from .load import is_seekable, members_of

        fd = os.open(source.path, os.O_RDONLY | os.O_CLOEXEC)
        self._stack.callback(os.close, fd)
        incoming = None if is_seekable(fd) else self._stack.enter_context(Incoming(self._store.prepare()))
        return images_of(members_of(fd, source.path, incoming))

    def _chosen(self, content: Content, root: Descriptor, source: Place) -> Descriptor:
        """The one image that is meant: of an index, that for the platform. Raises Unsupported where there is none,
        Corrupt for a document that is none."""
        document = parse_at(content, root)
        if isinstance(document, manifests.Index):
            return choose(document, self._platform, source.text, lambda inner: parse_at(content, inner))
        if self._options.platform is not None and is_runnable(document):
            try:
                found = ImageConfig.parse(content.read(document.config), str(document.config.digest)).platform
            except FormatError as error:
                raise Corrupt(source.text, str(error), "the image is damaged at its source") from None
            refuse_other(found, self._options.platform, source.text)
        return root

    def _writer(self, target: Place) -> Writer:
        if target.kind == "dir":
            from ..archives.dir_layout import DirSink

            return DirSink(target.path)
        if target.kind == "oci":
            from ..archives.layout_directory import LayoutDirectory

            return LayoutDirectory(target.path)
        from ..archives.tar_sink import TarSink

        fd = self._stack.enter_context(files.output(target.path))
        docker = self._platform if target.kind == "docker-archive" else None
        return TarSink(target.path, lambda data: files.write_all(fd, data), docker)

    def _transfer(
        self, content: Content, root: Descriptor, sink: Destination, origin: str, *, stream: bool = False
    ) -> None:
        Transfer(
            content,
            sink,
            self._ctx.progress,
            jobs=1 if stream else self._options.jobs,
            origin=origin,
            lease=self._lease.add if self._lease else None,
            documents_first=stream,
            distrust=self._distrust,
        ).copy(root)

    def _receive(self, content: Content, root: Descriptor, name: str, origin: str, *, resumable: bool) -> Descriptor:
        """Into the store: like a pull, which keeps what it has for another try, or like a load, which doesn't."""
        store = self._store.prepare()
        incoming = Incoming(store)
        sink: Sink = incoming
        if resumable:
            sink, lease = store.blobs, self._stack.enter_context(store.leases.hold())
        else:
            lease = self._stack.enter_context(incoming).lease
        receiver = Receiver(
            store,
            content,
            sink,
            self._ctx.progress,
            lease,
            platform=self._platform,
            unpack=self._options.unpack,
            unpacking=None if resumable else incoming.unpacking,
            distrust=self._distrust,
            jobs=self._options.jobs,
        )
        entry = describe(store, receiver.receive(root), **{fields.ORIGIN: origin or None})
        tagged = store.refs.tag(entry, name)
        incoming.keep(tagged)
        return tagged


def _name_at(target: Place) -> str:
    """What the image is called at its destination: in full where that is a matter of references.

    Raises UsageError for a digest, which no image can be given.
    """
    if target.kind == "dir":
        return ""
    if target.kind in ("oci", "oci-archive") or not target.name:
        return target.name
    if target.reference.digest:
        raise UsageError(target.text, "the digest follows from the content", "leave out @sha256:…")
    return str(target.reference)
