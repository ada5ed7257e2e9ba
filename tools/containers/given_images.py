"""The images that are mounted in a container, beside its own, as its record has them: `mountedChainIds`, `imageMounts`
and, where only a part of one is wanted, `imageSubpaths`."""

from __future__ import annotations

import os
from itertools import islice

from ..runtime import placement, root
from ..volume import subpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..store.container import Container
    from ..store.store import Store


def mount(
    store: Store, container: Container, label: str, one: Callable[[int, list[str]], None] | None = None
) -> None:
    """Mounts them where the container's config takes them from. Raises Unavailable; NotFound and Conflict for a part
    that an image has not, or that cannot be mounted.

    `one` mounts one, of its number and its layers, topmost first, in another way than ours."""
    record: Any = container.record
    chain_ids = iter(record.get("mountedChainIds") or ())
    parts = record.get("imageSubpaths") or ()
    for number, count in enumerate(record.get("imageMounts") or ()):
        layers = root.image_layers(store, islice(chain_ids, count))
        if one is None:
            root.mount_image(container, number, layers, label)
        else:
            one(number, layers)
        if parts and parts[number]:
            whole = os.path.join(container.path, placement.IMAGES, str(number))
            target = os.path.join(container.path, placement.image_source(number, parts[number]))
            subpath.bind(whole, parts[number], target, f"mount {parts[number]}", kind="image")
