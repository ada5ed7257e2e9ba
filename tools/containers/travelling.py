"""A checkpoint that travels: one archive, with all that another store needs for the container to go on there.

    container.json   the container, as ctr-inspect shows it whole
    changes.tar      its writable layer, as a layer's archive
    images/          criu's files

The image is not in it, but by its name and digest; nor is what volumes and other mounts hold.
"""

from __future__ import annotations

import os
import stat

from oci_spec import jsondoc, tarwriter, validate
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, Corrupt
from ..host import files, trees
from ..host.beneath import Root
from ..layers.apply import apply_layer
from ..layers.compression import decompress
from ..layers.members import Members
from ..layers.pack import pack
from ..store import asides
from . import ending, inside, making, selecting
from .difference import Difference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

_ABOUT, _CHANGES, _IMAGES = "container.json", "changes.tar", "images"
_KINDS = {_ABOUT: stat.S_ISREG, _CHANGES: stat.S_ISREG, _IMAGES: stat.S_ISDIR}
_LIMIT = 16 << 20


def archive(ctx: Context, store: Store, container: Container) -> Iterator[bytes]:
    """The archive of a container that has a checkpoint, to its end marker. Nobody else changes the container meanwhile.

    Raises Conflict when the checkpoint is not the one that `container` has in its record any more, or for a file that
    becomes shorter meanwhile; Unsupported for a container without a writable layer; Unavailable.
    """
    aside, lock = asides.begin(store.containers.path, "export")
    try:
        with store.containers.locked(container) as mine:
            if mine.record.get("checkpoint") != container.record.get("checkpoint"):
                raise Conflict(mine.name, "has another checkpoint than the one that was asked for", "try again")
            about = selecting.whole(ctx, store, mine.id, size=False)
            files.write_atomic(os.path.join(aside, _ABOUT), jsondoc.dumps(about), 0o600, durable=False)
            _write_changes(store, mine, os.path.join(aside, _CHANGES))
            members = Members(sparse=True)
            with Root.at(aside) as root:
                for path, pin, found in root.walk():
                    yield from members.tar(path or b".", pin, found)
            with Root.at(os.path.join(mine.path, "checkpoint", _IMAGES)) as root:
                for path, pin, found in root.walk():
                    yield from members.tar(os.path.join(_IMAGES.encode(), path).rstrip(b"/"), pin, found)
            yield tarwriter.END
    finally:
        trees.remove_tree(aside)
        os.close(lock)


def _write_changes(store: Store, container: Container, path: str) -> None:
    with Difference(store, container) as difference, open(path, "wb", buffering=0) as file:
        packed = pack(difference.upper, inside.told(container, difference.changes()))
        for chunk in inside.told(container, packed):
            files.write_all(file.fileno(), chunk, path)


def arrive(ctx: Context, store: Store, args: Any, chunks: Iterable[bytes], subject: str) -> Container:
    """The container of an archive, made anew in this store with an id of its own, and with its checkpoint; its image is
    pulled when it is missing. `args` are those of `making.again`; without a name, it has the archive's.

    Raises Corrupt for what is no such archive, and as `making.again`; nothing is left then.
    """
    aside, lock = asides.begin(store.directory("containers", 0o711), "import")
    try:
        apply_layer(decompress(chunks, subject), aside, form="exact", whole=True, subject=subject)
        about: Any = _about(aside, subject)
        found = about["record"]["checkpoint"]
        wanted = type(args)({**vars(args), "name": args.name or about["record"]["name"], "cidfile": None})
        container = making.again(ctx, store, wanted, about, subject)
        try:
            ending.unmount(store, container)
            changes, upper = os.path.join(aside, _CHANGES), os.path.join(container.path, "upper")
            layers = inside.layers(store, container)
            apply_layer(files.read_chunks(changes), upper, layers, whole=True, subject=f"{subject}: {_CHANGES}")
            place = os.path.join(container.path, "checkpoint")
            os.mkdir(place, 0o700)
            os.rename(os.path.join(aside, _IMAGES), os.path.join(place, _IMAGES))
            trees.sync_filesystem(container.path)
            container.update(checkpoint={"created": found["created"], "options": found["options"]})
            store.containers.keep(container)
        except BaseException:
            ending.forget(store, container)
            raise
        container.release()
        return container
    finally:
        trees.remove_tree(aside)
        os.close(lock)


def _about(aside: str, subject: str) -> Document:
    """The document of the archive's container. Raises Corrupt."""
    for name, is_kind in _KINDS.items():
        path = os.path.join(aside, name)
        if not os.path.lexists(path) or not is_kind(os.lstat(path).st_mode):
            raise Corrupt(subject, f"is no checkpoint: it has no {name}", "ctr-checkpoint --export makes one")
    try:
        about = jsondoc.load_object(files.read_limited(os.path.join(aside, _ABOUT), _LIMIT, subject), subject)
        validate.check("container-inspect", about, f"{subject}: {_ABOUT}")
        record: Any = about["record"]
        if not record.get("checkpoint"):
            raise FormatError(subject, "its container has no checkpoint")
    except FormatError as error:
        raise Corrupt(subject, str(error), "ctr-checkpoint --export makes one") from None
    return about
