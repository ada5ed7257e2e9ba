"""What the options of a prune select, beyond what nothing names or uses."""

from __future__ import annotations

from oci_spec import quantity

from ..errors import UsageError
from .leftovers import YOUNG_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Selection:
    """images      also images with names, unless a container uses them
    containers  also containers that have ended
    content     images without a name, and blobs and layers that nothing needs
    build_cache  also what builds keep: the layers of steps, and cache mounts
    volumes     also volumes that no container uses: those without a name (`anonymous`), or `all`
    leftovers   what killed commands left; partial: broken downloads as well, without waiting for a day
    older_than  seconds; what is younger stays
    keep_bytes  the newest of the images that could go stay, as long as they take no more than so much together
    filters     of images, containers and volumes only those that fit all of them; nothing else goes then
    """

    __slots__ = (
        "build_cache", "containers", "content", "filters", "images", "keep_bytes", "leftovers", "older_than", "partial",
        "volumes",
    )  # fmt: skip

    def __init__(
        self,
        *,
        images: bool = False,
        containers: bool = False,
        volumes: str = "",
        build_cache: bool = False,
        partial: bool = False,
        content: bool = True,
        leftovers: bool = True,
        older_than: str | None = None,
        keep_bytes: int | None = None,
        filters: Sequence[str] = (),
    ) -> None:
        """Raises UsageError for a duration or a filter that is none."""
        self.images = images
        self.containers = containers
        self.volumes = volumes
        self.build_cache = build_cache
        self.partial = partial
        self.content = content
        self.leftovers = leftovers
        self.older_than = YOUNG_SECONDS if older_than is None else duration(older_than, "--older-than")
        if keep_bytes is not None and keep_bytes < 0:
            raise UsageError("--keep-bytes", f"{keep_bytes} is less than nothing", "like 10g")
        self.keep_bytes = keep_bytes
        self.filters = [_parsed(text) for text in filters]

    def fits(self, names: Sequence[str], labels: Mapping[str, str]) -> bool:
        """Whether something with these names and labels passes every filter."""
        return all(_fits(key, value, names, labels) for key, value in self.filters)


def _parsed(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not value or key not in ("label", "label!", "name"):
        raise UsageError(
            f"--filter {text}", "is no filter", "label=KEY, label=KEY=VALUE, label!=KEY[=VALUE] or name=PATTERN"
        )
    return key, value


def _fits(key: str, value: str, names: Sequence[str], labels: Mapping[str, str]) -> bool:
    if key == "name":
        from fnmatch import fnmatchcase

        return any(fnmatchcase(name, value) for name in names)
    label, equals, wanted = value.partition("=")
    has = label in labels and (not equals or labels[label] == wanted)
    return has == (key == "label")


def duration(text: str, flag: str) -> float:
    """Seconds of `90s`, `10m`, `1h30m`, `7d`, `2w`; a bare number is seconds. Raises UsageError."""
    found = quantity.seconds(text)
    if found is None:
        raise UsageError(flag, f"{text!r} is no duration", "like 90s, 10m, 1h30m, 7d")
    return found
