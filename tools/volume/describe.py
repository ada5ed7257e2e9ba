"""A volume's document (schema `volume`)."""

from __future__ import annotations

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from oci_spec.jsondoc import Document

    from ..store.container import Container
    from ..store.volumes import Volume


def describe(volume: Volume) -> Document:
    """A runtime-spec mount without its destination, and what else there is to know."""
    options = volume.driver_options
    words = options.get("o", "")
    return {
        "name": volume.name,
        "driver": volume.record["driver"],
        "type": options.get("type", "bind"),
        "source": options.get("device", volume.data),
        "options": (words.split(",") if words else []) if options else ["rbind"],
        "mountpoint": volume.data,
        "labels": volume.labels,
        "created": volume.record["created"],
        "anonymous": volume.anonymous,
    }


def used(volume: Volume, users: Iterable[Container], size: int | None = None) -> Document:
    """The same with the containers that use it; and what it takes on the disk, in bytes, where that was measured."""
    found = {**describe(volume), "containers": sorted(one.name for one in users)}
    return found if size is None else {**found, "bytes": size}


def name_of(item: str | Document) -> str:
    """The name of a volume that a command was given, by name or by its document. Raises UsageError for another one."""
    name = item if isinstance(item, str) else item.get("name")
    if not isinstance(name, str):
        raise UsageError("stdin", "holds a document that is no volume's", "pipe what vol-ls or vol-create prints")
    return name
