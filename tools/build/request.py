"""What is to be built, and what is to become of it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.platform import Platform

    from .cache_options import CacheFrom, CacheTo
    from .output import Output
    from .wishes import Wishes


class Request:
    """`context`, `file`: see context.sources. `names` in full; `write` puts bytes onto stdout. `save_stages`: every
    stage becomes an image; `sbom`, `provenance`: what is told of the image beside it (provenance: '', min or max)."""

    def __init__(self, context: str, wishes: Wishes, write: Callable[[bytes], object]) -> None:
        self.context = context
        self.wishes = wishes
        self.write = write
        self.file: str | None = None
        self.target = ""
        self.build_args: dict[str, str] = {}
        self.platforms: list[Platform] = []
        self.names: list[str] = []
        self.labels: dict[str, str] = {}
        self.annotations: dict[str, str] = {}
        self.outputs: list[Output] = []
        self.squash = False
        self.cache_to: list[CacheTo] = []
        self.cache_from: list[CacheFrom] = []
        self.id_file: str | None = None
        self.metadata_file: str | None = None
        self.save_stages = False
        self.sbom = False
        self.provenance = ""
