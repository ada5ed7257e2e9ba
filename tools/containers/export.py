"""A container's root as one archive, all layers merged."""

from __future__ import annotations

import os
from contextlib import ExitStack

from oci_spec import tarwriter

from ..layers import lowers
from ..layers.members import Members
from . import difference, ending, inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store


def export(ctx: Context, store: Store, container: Container) -> Iterator[bytes]:
    """The archive of a container's root, from its root's entry to its end marker, in the order of img-export's; without
    what is mounted in it, and the mount points that the image lacks. Raises Unavailable, Conflict for a file that
    becomes shorter meanwhile."""
    layers = inside.layers(store, container)
    roots = [os.fsencode(layer) for layer in layers]
    points = difference.machinery(layers, container.config())
    made = {path for path in points if not lowers.exists(roots, path)} if roots else set()
    with ExitStack() as stack:
        whole = inside.bare_root(ctx, store, container, stack)
        members = Members(owners=whole.maps.inside if whole.maps else None)
        for path, pin, found in inside.told(container, whole.root.walk(made)):
            yield from inside.told(container, members.tar(path or b".", pin, found))
        yield tarwriter.END
    ending.tell(ctx, store, container, "export")
