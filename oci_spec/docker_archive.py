"""`manifest.json` of the archives that `docker save` writes (Docker image specification 1.2): which images there are.

    [{"Config": "PATH", "RepoTags": ["NAME:TAG"], "Layers": ["PATH", …]}]

The paths are members of the archive; the layers stand lowest first.
"""

from __future__ import annotations

from . import jsondoc
from .jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Item:
    """One image of an archive."""

    __slots__ = ("config", "layers", "tags")

    def __init__(self, config: str, layers: list[str], tags: list[str]) -> None:
        self.config = config
        self.layers = layers
        self.tags = tags


def parse(data: bytes, subject: str = "manifest.json") -> list[Item]:
    """The images that a `manifest.json` lists. Raises FormatError with the pointer of what is wrong."""
    value = jsondoc.loads(data, subject)
    if not isinstance(value, list):
        raise FormatError(subject, "is no array of images")
    items = []
    for number, one in enumerate(value):
        if not isinstance(one, dict):
            raise FormatError(subject, "is not an object", f"/{number}")
        config = one.get("Config")
        if not isinstance(config, str) or not config:
            raise FormatError(subject, "is no path", f"/{number}/Config")
        layers, tags = (_strings(one, key, f"/{number}/{key}", subject) for key in ("Layers", "RepoTags"))
        items.append(Item(config, layers, tags))
    return items


def dump(items: Iterable[Item]) -> bytes:
    """The `manifest.json` of these images."""
    return jsondoc.dumps(
        [{"Config": item.config, "RepoTags": item.tags or None, "Layers": item.layers} for item in items]
    )


def _strings(one: dict[str, object], key: str, pointer: str, subject: str) -> list[str]:
    """A list of strings; Go writes an empty one as null."""
    value = one.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise FormatError(subject, "is no list of strings", pointer)
    return value
