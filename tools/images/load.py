"""Loading archives: their images into the store, under the names that they have there.

Nothing has a name before all of the archive is known to be good; when it is not, the store is as it was. A plain
archive in a file is read where it is needed, like a registry; one from a pipe, or a compressed one, goes into the store
in one pass and is looked through there.
"""

from __future__ import annotations

import os
import stat

from oci_spec import media_types
from oci_spec.jsondoc import FormatError

from ..archives import names
from ..archives.opening import images_of
from ..archives.tar_members import TarFile
from ..errors import Corrupt
from ..host import files, machine
from ..store.incoming import Incoming
from .early import EarlyUnpacker
from .entry import describe, refuse_other
from .receive import Receiver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor
    from oci_spec.image_config import ImageConfig
    from oci_spec.manifest import Manifest
    from oci_spec.platform import Platform

    from ..archives.arrival import Carry
    from ..archives.contract import Images, Members
    from ..context import Context
    from ..store.store import Store


class LoadOptions:
    """How to load: of an index the image for `platform`, or all of it where that is None."""

    __slots__ = ("jobs", "platform", "unpack")

    def __init__(self, *, platform: Platform | None = None, unpack: bool = True, jobs: int = 3) -> None:
        self.platform = platform
        self.unpack = unpack
        self.jobs = jobs


def load(ctx: Context, store: Store, fd: int, name: str, options: LoadOptions) -> list[Descriptor]:
    """Loads every image of the archive that the descriptor `fd` reads; their entries, one a name.

    `name` is the archive's in messages. Raises Corrupt, NotFound for content that the archive lacks, Unsupported,
    Denied, Unavailable; the store is then as before.
    """
    with Incoming(store.prepare()) as incoming:
        early = EarlyUnpacker(incoming, options.platform or machine.platform()) if options.unpack else None
        images = images_of(members_of(fd, name, incoming, early.carry if early else None))
        found: list[tuple[Descriptor, list[str]]] = []
        taken: dict[str, str] = {}
        for root, given in images.images():
            found.append((_receive(ctx, incoming, images, root, options), _names(ctx, name, root, given, taken)))
        if not found:
            raise Corrupt(name, "holds no image", "save one into it")
        entries = store.refs.enter((image, one) for image, full in found for one in full or [""])
        for entry in entries:
            incoming.keep(entry)
    return entries


def is_seekable(fd: int) -> bool:
    """Whether `fd` is a plain archive in a file, which can be read in any order."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        return False
    return media_types.detect(os.pread(fd, 6, os.lseek(fd, 0, os.SEEK_CUR))) == "none"


def members_of(fd: int, name: str, incoming: Incoming | None, carry: Carry | None = None) -> Members:
    """The members of the archive that `fd` reads: where they are, or, when it is not seekable, through `incoming`;
    then `carry` sees to the blobs (see Arrival)."""
    if is_seekable(fd) or incoming is None:
        return TarFile(fd, name)
    from ..archives.arrival import Arrival
    from ..layers.compression import decompress

    return Arrival(decompress(files.read_stream(fd, name), name), name, incoming, carry)


def _receive(ctx: Context, incoming: Incoming, images: Images, root: Descriptor, options: LoadOptions) -> Descriptor:
    platform = options.platform

    def admit(manifest: Manifest, config: ImageConfig) -> None:
        if manifest.digest == root.digest:
            refuse_other(config.platform, platform, images.name)

    receiver = Receiver(
        incoming.store,
        images,
        incoming,
        ctx.progress,
        incoming.lease,
        platform=platform or machine.platform(),
        choosing=images.name if platform else "",
        admit=admit,
        unpack=options.unpack,
        unpacking=incoming.unpacking,
        jobs=options.jobs,
    )
    try:
        return describe(incoming.store, receiver.receive(root))
    except FormatError as error:
        raise Corrupt(images.name, str(error)) from None


def _names(ctx: Context, archive: str, root: Descriptor, given: list[str], taken: dict[str, str]) -> list[str]:
    """The full names among those that an image has in the archive. Raises Corrupt for one that two images have."""
    found = []
    for one in given:
        full = names.full(one)
        if full is None:
            ctx.progress.warn(f"{archive}: {one[:200]!r} is no full name; name {root.digest} with img-tag")
            continue
        if taken.setdefault(full, root.digest) != root.digest:
            raise Corrupt(archive, f"gives the name {full} to two images", "it is damaged: make it again")
        if full not in found:
            found.append(full)
    return found
