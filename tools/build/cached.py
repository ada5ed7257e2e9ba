"""A step taken from the cache, or carried out and kept there: once, however many builds want it at the same time."""

from __future__ import annotations

from ..errors import Corrupt
from ..store.builds import Record
from . import keys
from .state import Layer, chained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..store.incoming import Incoming
    from .cache_transfer import Imported
    from .state import State

    Make = Callable[[], tuple[Layer | None, Document, bytes]]
    """Carries the step out: its layer, and the parts and the listing of what it really did."""


class Outcome:
    """`layer` of a step, None for none; `hit`: whether it was there; `reason`: of a miss, the first part that differs
    from the last time that this step was carried out."""

    __slots__ = ("hit", "layer", "reason")

    def __init__(self, layer: Layer | None, hit: bool, reason: str) -> None:
        self.layer = layer
        self.hit = hit
        self.reason = reason


class Cache:
    """The cache as one build uses it. `check` raises where the build is not to go on; `imported`: other machines'."""

    def __init__(
        self, incoming: Incoming, check: Callable[[], None], *, explain: bool, imported: Imported | None = None
    ) -> None:
        self._incoming = incoming
        self._imported = imported
        self._store = incoming.store
        self._check = check
        self._explain = explain

    def step(
        self, state: State, text: str, slot: str, parts: Document, listing: bytes, make: Make, *, fresh: bool
    ) -> Outcome:
        """The outcome of a step on `state`, whose record is the state's then. With `fresh` it is carried out whatever
        there is. Raises what `make` raises, and what unpacking raises."""
        key = keys.of(parts)
        found = None if fresh else self._found(key, state)
        if found is not None:
            return found
        reason = self._reason(slot, parts, listing, fresh=fresh) if self._explain else ""
        with self._store.builds.alone(key, self._check):
            found = None if fresh else self._found(key, state)
            if found is not None:
                return found
            made = None if fresh else self._brought(key, state)
            hit = made is not None
            if made is None:
                layer, parts, listing = make()
            else:
                layer = made.layer
            record = Record(
                keys.of(parts), text, slot, parts, layer.descriptor if layer else None,
                layer.diff_id if layer else None, layer.chain_id if layer else None,
            )  # fmt: skip
            self._store.builds.keep(record, listing)
        state.records.append(record)
        return Outcome(layer, hit, reason)

    def _found(self, key: str, state: State) -> Outcome | None:
        """What is kept of a step, made ready; None where its layer is not in the store any more."""
        record = self._store.builds.find(key)
        if record is None:
            return None
        found = self._ready(record.layer, record.diff_id, state)
        if found is not None:
            self._store.builds.used(key)
            state.records.append(record)
        return found

    def _ready(self, blob: Descriptor | None, diff_id: Digest | None, state: State) -> Outcome | None:
        """A layer that a step has made, on what the state has; None where its blob is not in the store."""
        if blob is None or diff_id is None:
            return Outcome(None, True, "")
        chain_id = chained(state.top, diff_id)
        self._incoming.lease.add(blob.digest, chain_id)
        if not self._store.blobs.exists(blob):
            return None
        if not self._store.layers.exists(chain_id):
            from ..layers.unpack import unpack_blob

            self._incoming.unpacking([chain_id])
            lowers = self._store.layers.lowers(state.chain_ids)
            unpack_blob(self._store, blob, diff_id, chain_id, lowers)
        return Outcome(Layer(blob, diff_id, chain_id), True, "")

    def _brought(self, key: str, state: State) -> Outcome | None:
        """What another machine's cache has of a step, made ready; None where it has nothing that is of use."""
        told = self._imported.find(key) if self._imported is not None else None
        if told is None or self._imported is None:
            return None
        try:
            return self._ready(told.layer, told.diff_id, state)
        except Corrupt as error:
            self._imported.distrust(key, error)
            return None

    def _reason(self, slot: str, parts: Document, listing: bytes, *, fresh: bool) -> str:
        if fresh:
            return "the cache was not asked"
        before = next((one for one in self._store.builds.all() if one.slot == slot), None)
        if before is None:
            return "it is carried out for the first time"
        found = keys.difference(before.parts, parts)
        if found is not None and found["field"] == "content":
            old = self._store.builds.listing(before.key)
            found = keys.files_difference(old.split(b"\n"), listing.split(b"\n")) or found
        if found is None:
            return "its layer is not in the store any more"
        return f"{found['field']}: {_shown(found['from'])} -> {_shown(found['to'])}"


def _shown(value: object) -> str:
    return "none" if value in (None, "") else str(value)
