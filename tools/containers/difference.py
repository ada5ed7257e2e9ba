"""What a container has changed of its image, read from its writable layer."""

from __future__ import annotations

import os

from ..errors import Unsupported
from ..host.beneath import Root
from ..layers import lowers
from ..layers.changed import changes
from . import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..layers.changed import Change
    from ..store.container import Container
    from ..store.store import Store


class Difference:
    """A container's writable layer: `upper`, for a `with` block that closes it, and `layers`, those of its image,
    topmost first. Raises Unsupported for a container that has none."""

    def __init__(self, store: Store, container: Container) -> None:
        config = container.config()
        if not inside.own_root(container, config):
            raise Unsupported(
                container.name,
                "has a directory of the host as its root, and no writable layer that what changes would be in",
                "--rootfs DIR:O gives a container one",
            )
        self.layers = inside.layers(store, container)
        self.machinery = machinery(self.layers, config)
        self.upper = Root.at(os.path.join(container.path, "upper"))

    def __enter__(self) -> Difference:
        return self

    def __exit__(self, *_: object) -> None:
        self.upper.__exit__(None, None, None)

    def changes(self) -> Iterator[Change]:
        """See layers/changed.py; without the mount points that were made for the container."""
        return changes(self.upper, self.layers, self.machinery)


def machinery(layers: list[str], config: Document) -> set[bytes]:
    """Where something is mounted in a container with these layers and this config, relative to its root."""
    roots = [os.fsencode(layer) for layer in layers]
    mounts: Any = config.get("mounts") or ()
    points = set()
    for mount in mounts:
        try:
            points.add(lowers.resolve(roots, os.fsencode(mount["destination"])))
        except OSError:  # links in a circle: the runtime refuses the container
            continue
    return points - {b""}


def documents(store: Store, container: Container) -> Iterator[Document]:
    """Each change as a document (schema change). Raises Unsupported."""
    with Difference(store, container) as difference:
        for change in inside.told(container, difference.changes()):
            yield {"path": "/" + change.path.decode("utf-8", "backslashreplace"), "kind": change.kind}
