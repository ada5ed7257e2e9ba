"""An image in the making: what a stage has come to after some of its steps."""

from __future__ import annotations

from oci_spec import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..store.builds import Record


class Layer:
    """A layer of the store: its blob, its diff ID, and the chain ID of it on those beneath."""

    __slots__ = ("chain_id", "descriptor", "diff_id")

    def __init__(self, descriptor: Descriptor, diff_id: Digest, chain_id: Digest) -> None:
        self.descriptor = descriptor
        self.diff_id = diff_id
        self.chain_id = chain_id


def chained(parent: Digest | None, diff_id: Digest) -> Digest:
    """The chain ID of a layer on those whose chain ID is `parent`."""
    return diff_id if parent is None else digest.Digest(digest.of_bytes(f"{parent} {diff_id}".encode()))


class State:
    """layers, diff_ids, chain_ids  of each layer, lowest first: its blob, and what it is told by
    history     as in an image config
    parameters  the config object of the image: what its containers run
    document    the config of the image that it began with, {} for scratch: its fields stay that nothing replaces
    clock       no file is younger, in seconds since the epoch; None where times stay as they are
    inherited   how many of the layers it began with
    records     of the steps that made it, as the cache has them
    """

    __slots__ = (
        "author", "chain_ids", "clock", "diff_ids", "document", "history", "inherited", "layers", "parameters",
        "records",
    )  # fmt: skip

    def __init__(self, clock: int | None) -> None:
        self.layers: list[Descriptor] = []
        self.diff_ids: list[Digest] = []
        self.chain_ids: list[Digest] = []
        self.history: list[Document] = []
        self.parameters: Document = {}
        self.document: Document = {}
        self.author = ""
        self.clock = clock
        self.inherited = 0
        self.records: list[Record] = []

    def copy(self) -> State:
        """Another that begins with what this one has come to."""
        found = State(self.clock)
        found.layers, found.diff_ids = list(self.layers), list(self.diff_ids)
        found.chain_ids, found.history = list(self.chain_ids), list(self.history)
        found.parameters, found.document = dict(self.parameters), self.document
        found.author, found.inherited = self.author, self.inherited
        found.records = list(self.records)
        return found

    @property
    def top(self) -> Digest | None:
        """The chain ID of all its layers; None where it has none."""
        return self.chain_ids[-1] if self.chain_ids else None

    @property
    def latest(self) -> int | None:
        """The clock in nanoseconds."""
        return None if self.clock is None else self.clock * 10**9

    def add(self, layer: Layer | None, text: str, created: str) -> None:
        """A step has made a layer, or none."""
        entry: Document = {"created": created, "created_by": text}
        if layer is None:
            entry["empty_layer"] = True
        else:
            self.layers.append(layer.descriptor)
            self.diff_ids.append(layer.diff_id)
            self.chain_ids.append(layer.chain_id)
        self.history.append(entry)
