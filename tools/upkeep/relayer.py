"""A damaged layer unpacked again, beside the one that is there, and put in its place in one step."""

from __future__ import annotations

import os

from ..errors import Conflict, OcipipeError
from ..host import locks
from ..layers.unpack import unpack_aside
from ..store.container import stood_on
from .boxes import is_alive
from .layers import Stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.digest import Digest

    from ..store.store import Store

__all__ = ["Stack", "unpack_again"]


def unpack_again(store: Store, stack: Stack) -> bool:
    """Replaces the topmost layer of `stack` by one unpacked from its blob; False when there was no difference.

    Raises Conflict while a container stands on it: an overlay must not change under a process. Raises NotFound when a
    layer beneath is missing, and what unpacking raises.
    """
    from ..layers.compare import differences

    chain_id = stack.chain_ids[-1]
    place = store.layers.path(chain_id)
    with store.layers.aside(chain_id) as aside:
        unpack_aside(store, stack.descriptor, stack.diff_id, stack.lowers(store), aside.directory)
        if os.path.lexists(place) and next(differences(place, aside.directory, _unwatched), None) is None:
            return False
        aside.sync()
        with locks.locked(store.directory("leases")):
            _refuse_in_use(store, chain_id)
            aside.replace()
    return True


def _unwatched(count: int) -> None:
    pass


def _refuse_in_use(store: Store, chain_id: Digest) -> None:
    """Under the lock that new leases wait for: no command can come to need the layer before this has an answer."""
    subject = f"layer {chain_id}"
    for path, alive, wanted in store.leases.survey():
        if alive and chain_id in wanted and not store.leases.only_looks(path):
            raise Conflict(subject, "another command uses it now", "try again when it has ended")
    for container_id in store.containers.ids():
        if not is_alive(os.path.join(store.containers.path, container_id)):
            continue
        try:
            container = store.containers.load(container_id)
        except OcipipeError:
            raise Conflict(subject, f"container {container_id[:12]} may stand on it", "stop it first") from None
        if chain_id in stood_on(container.record):
            raise Conflict(subject, f"container {container.name} runs on it", "stop it, then repair again")
