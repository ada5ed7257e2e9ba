"""Unpacked layers: one directory a chain ID, read-only once it has its name.

Nobody but root may reach into them: a layer's setuid programs are for containers, not for the host's users.
A layer is unpacked aside, made durable with one syncfs, and renamed, so a directory with a chain ID's name is whole.
Two commands that need one layer: the second waits a while for the first, then unpacks on its own; the first rename
wins and the other work is dropped, so nobody depends on anybody's progress.
"""

from __future__ import annotations

import os
import time

from ..host import files, locks
from ..host.trees import remove_tree, sync_filesystem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from oci_spec.digest import Digest

    from .store import Store

PATIENCE_SECONDS = 10.0
"""How long the second command waits for the first to finish a layer before it unpacks its own."""
_POLL_SECONDS = 0.02


class Layers:
    """The unpacked layers of the store."""

    __slots__ = ("path_prefix", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path_prefix = os.path.join(store.root, "layers")

    def path(self, chain_id: Digest) -> str:
        """The layer's directory, there or not."""
        return os.path.join(self.path_prefix, chain_id.algorithm, chain_id.hex)

    def exists(self, chain_id: Digest) -> bool:
        return os.path.isdir(self.path(chain_id))

    def lowers(self, chain_ids: list[Digest]) -> list[str]:
        """Overlay lower directories for a whole image, topmost first as overlayfs wants them."""
        return [self.path(chain_id) for chain_id in reversed(chain_ids)]

    def adding(self, chain_id: Digest, patience: float = PATIENCE_SECONDS) -> Adding:
        """A context manager: yields an empty directory to unpack into, or None when the layer is there already.

        On a clean exit the directory becomes the layer, durably; on an exception it is removed.
        """
        return Adding(self, chain_id, patience)

    def aside(self, chain_id: Digest) -> Aside:
        """A context manager: an empty directory to unpack a layer into that is there already, to compare or replace."""
        return Aside(self, chain_id)


class Aside:
    """A layer unpacked beside the one that is there; removed at the end, or what it has replaced."""

    __slots__ = ("_fd", "_layers", "_place", "_work", "directory")

    def __init__(self, layers: Layers, chain_id: Digest) -> None:
        self._layers = layers
        self._place = layers.path(chain_id)
        self._work = os.path.join(layers.path_prefix, files.temporary_name(chain_id.hex))
        self.directory = os.path.join(self._work, "layer")
        self._fd = -1

    def __enter__(self) -> Aside:
        store = self._layers.store
        store.directory(os.path.join("layers", os.path.basename(os.path.dirname(self._place))))
        with locks.locked(store.directory("leases"), shared=True):  # nobody sees it before it is locked
            os.mkdir(self._work, 0o700)
            self._fd = os.open(self._work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            locks.take(self._fd)
        os.mkdir(self.directory, 0o755)
        os.chmod(self.directory, 0o755)
        return self

    def sync(self) -> None:
        """Makes what was unpacked durable."""
        sync_filesystem(self._work)

    def replace(self) -> None:
        """Puts it in the place of the layer, in one step. No overlay may stand on the one that was there."""
        if os.path.lexists(self._place):
            files.exchange(self.directory, self._place)
        else:
            os.rename(self.directory, self._place)
        files.sync_directory(os.path.dirname(self._place))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        remove_tree(self._work)
        os.close(self._fd)


class Adding:
    """One layer on its way in."""

    __slots__ = ("_chain_id", "_fd", "_layers", "_patience", "_work")

    def __init__(self, layers: Layers, chain_id: Digest, patience: float) -> None:
        self._layers = layers
        self._patience = patience
        self._chain_id = chain_id
        self._fd = -1
        self._work = ""

    def __enter__(self) -> str | None:
        self._layers.store.directory(os.path.join("layers", self._chain_id.algorithm))
        if not self._claim():
            return None
        directory = os.path.join(self._work, "layer")
        try:
            os.mkdir(directory, 0o755)
            os.chmod(directory, 0o755)
        except OSError:
            self._close()
            raise
        return directory

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd < 0:
            return
        try:
            if kind is None:
                self._commit()
        finally:
            self._close()

    def _close(self) -> None:
        remove_tree(self._work)
        os.close(self._fd)

    def _claim(self) -> bool:
        """Takes an empty work directory, locked by us; False when the layer has appeared."""
        parent = self._layers.path_prefix
        work = os.path.join(parent, f"{files.TEMPORARY}{self._chain_id.algorithm}-{self._chain_id.hex}")
        waited = 0.0
        while not self._layers.exists(self._chain_id):
            try:
                os.mkdir(work, 0o700)
            except FileExistsError:
                pass
            try:
                fd = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            if locks.take(fd) and os.path.isdir(work) and os.path.samestat(os.fstat(fd), os.stat(work)):
                for name in os.listdir(fd):  # what a killed command left
                    remove_tree(os.path.join(work, name))
                self._fd, self._work = fd, work
                return True
            os.close(fd)
            if waited >= self._patience:
                work = os.path.join(parent, files.temporary_name(self._chain_id.hex))
            else:
                time.sleep(_POLL_SECONDS)
                waited += _POLL_SECONDS
        return False

    def _commit(self) -> None:
        sync_filesystem(self._work)
        place = self._layers.path(self._chain_id)
        try:
            os.rename(os.path.join(self._work, "layer"), place)
        except OSError:
            if not self._layers.exists(self._chain_id):
                raise
        files.sync_directory(os.path.dirname(place))
