"""The store: one directory that any number of commands use side by side.

    images/       an OCI image layout: oci-layout, index.json, blobs/<algorithm>/<hex>
    layers/       unpacked layers, one directory a chain ID, used as overlayfs lower directories
    containers/   one directory a container: bundle, record, writable layer
    events/       the journal: what happened, a line an event
    volumes/      one directory a volume: record, files
    build/        what builds keep: the layers of steps, cache mounts
    leases/       what running commands need, beyond what references say
    partial/      blobs on their way in, resumable
    index.json.copy   the layout's index once more, for the day it is lost
    id            which store this is, for plans; made when the first one is

A Store value is only the path: nothing is opened or made before it is used, so it costs nothing to have one.
"""

from __future__ import annotations

import os

from ..errors import Corrupt, Denied, Unavailable
from ..host import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .blobs import Blobs
    from .builds import Builds
    from .containers import Containers
    from .journal import Journal
    from .layers import Layers
    from .leases import Leases
    from .refs import Refs
    from .volumes import Volumes


class Store:
    """The store under `root` (absolute). Each part is a small object made on first use."""

    __slots__ = ("images", "root")

    def __init__(self, root: str) -> None:
        self.root = root
        self.images = os.path.join(root, "images")

    def prepare(self) -> Store:
        """Makes what is missing of the store; cheap when it is all there. Raises Denied, Unavailable."""
        if os.path.exists(os.path.join(self.images, "index.json")):
            return self
        try:
            files.make_directories(self.root, 0o711)
            files.sync_directory(os.path.dirname(self.root))  # a killed command may have made it, and not come to that
            self._make_layout()
        except PermissionError as error:
            raise Denied(
                error.filename or self.root, "permission denied", "run as root, or name another --root"
            ) from None
        except OSError as error:
            raise Unavailable(
                error.filename or self.root, os.strerror(error.errno or 0).lower(), "choose another --root"
            ) from None
        return self

    def _make_layout(self) -> None:
        """The layout appears whole or not at all: it is made aside and renamed into place."""
        from oci_spec import image_layout

        aside = os.path.join(self.root, files.temporary_name("images"))
        try:
            files.make_directories(os.path.join(aside, "blobs", "sha256"))
            files.write_atomic(os.path.join(aside, "index.json"), image_layout.dump_index([]), sealed=True)
            files.write_atomic(os.path.join(aside, "oci-layout"), image_layout.LAYOUT)
            os.rename(aside, self.images)
        except BaseException as error:
            from ..host.trees import remove_tree
            from .refs import REPAIR

            remove_tree(aside)
            if not isinstance(error, OSError):
                raise
            if not os.path.exists(os.path.join(self.images, "index.json")):
                if os.path.isdir(self.images):
                    raise Corrupt(self.images, "its index.json is missing", REPAIR) from None
                raise
        files.sync_directory(self.root)

    def directory(self, name: str, mode: int = 0o700) -> str:
        """The path of a part's directory, made when it is missing."""
        path = os.path.join(self.root, name)
        if not os.path.isdir(path):
            self.prepare()
            files.make_directories(path, mode)
        return path

    @property
    def blobs(self) -> Blobs:
        from .blobs import Blobs

        return Blobs(self)

    @property
    def builds(self) -> Builds:
        from .builds import Builds

        return Builds(self)

    @property
    def refs(self) -> Refs:
        from .refs import Refs

        return Refs(self)

    @property
    def layers(self) -> Layers:
        from .layers import Layers

        return Layers(self)

    @property
    def leases(self) -> Leases:
        from .leases import Leases

        return Leases(self)

    @property
    def containers(self) -> Containers:
        from .containers import Containers

        return Containers(self)

    @property
    def journal(self) -> Journal:
        from .journal import Journal

        return Journal(self)

    @property
    def volumes(self) -> Volumes:
        from .volumes import Volumes

        return Volumes(self)
