"""Where a build puts together what is not yet in the store: a directory of its own, which goes with it.

It lies in the store, so that what was put together becomes a layer by a rename, and its lock is held for as long as the
build lives: the next one removes what a killed build has left.
"""

from __future__ import annotations

import os

from ..host.trees import remove_tree
from ..store import asides

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from ..store.store import Store

PLACE = "build/making"


class Workshop:
    """For a `with` block: `place` makes directories in it."""

    __slots__ = ("_fd", "_path", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = ""
        self._fd = -1

    def __enter__(self) -> Workshop:
        self._path, self._fd = asides.begin(self._store.directory(PLACE), "build")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            remove_tree(self._path)
        finally:
            os.close(self._fd)

    def place(self, name: str) -> str:
        """A new empty directory 0755, root's."""
        path = os.path.join(self._path, f"{name[:40]}-{os.urandom(6).hex()}")
        os.mkdir(path)
        os.chmod(path, 0o755)
        return path


def sweep(store: Store) -> None:
    """Removes what killed builds left."""
    store.builds.sweep_locks()
    asides.sweep(os.path.join(store.root, PLACE))
