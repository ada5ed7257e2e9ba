"""Mending what store-check found: the damaged blobs fetched again from where they came, and nothing else.

Findings are mended in the order they come in, which is the order in which store-check tells them: the index first, then
blobs, then the layers that are unpacked from those. A damaged blob stays until the good one takes its place. What a
finding says is not believed: each is looked at again, and what is whole by now is left alone.
"""

from __future__ import annotations

from functools import partial

from oci_spec import digest, media_types
from oci_spec import manifest as manifests
from oci_spec.descriptor import Descriptor

from ..errors import Conflict, NotFound, OcipipeError
from ..images.entry import parse
from ..registry.remote import connect
from ..store.collect import Collection
from ..transfer import insist
from . import boxes, identity, relayer, salvage, volumes
from .content import origins
from .finding import bare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..registry.remote import Access, Remote
    from ..store.contract import Reader
    from ..store.leases import Lease
    from ..store.store import Store

_LOCAL = frozenset(
    (
        "INDEX_MISSING", "INDEX_DAMAGED", "INDEX_COPY_STALE", "LAYOUT_MISSING", "LAYOUT_DAMAGED", "NAME_WRONG",
        "CONTAINER_DAMAGED", "ID_DAMAGED", "VOLUME_DAMAGED",
    )
)  # fmt: skip


class Repair:
    """Mends one store. Connections to registries are kept from one finding to the next."""

    def __init__(self, ctx: Context, store: Store, access: Access) -> None:
        self.ctx = ctx
        self.store = store
        self.access = access
        self._remotes: dict[str, Remote] = {}

    def finding(self, found: Document) -> Iterator[Document]:
        """Mends what one finding (schema `finding`) is about; an action document for each object that was mended.

        Garbage is left for store-prune. Raises Conflict where somebody uses what would be replaced, or only a person
        can decide; NotFound, Unavailable, Denied, Corrupt where what is needed can't be had.
        """
        code = str(found["code"])
        target: Document = found["object"]  # type: ignore[assignment]
        if code.startswith("BLOB_") and found["severity"] == "error":
            yield from self._blob(found, Descriptor.parse(target, "finding"))
        elif code in ("LAYER_DAMAGED", "LAYER_MISSING", "LAYER_UNKNOWN") and "image" in found:
            yield from self._layer(found, target)
        elif code in _LOCAL:
            if self._restored(code, str(target.get("id"))):
                yield _done("restore", found)
        elif found["severity"] == "error":
            subject = str(target.get("digest") or target.get("id") or target.get("path"))
            raise Conflict(subject, str(found["problem"]), str(found["remedy"]))

    def image(self, item: str | Document) -> Iterator[Document]:
        """Reads every blob of an image, named or by its descriptor, and mends those that are damaged."""
        entry = self.store.refs.resolve(item) if isinstance(item, str) else Descriptor.parse(item, "stdin")
        with self.store.leases.hold() as lease:
            yield from self._mend(entry, origins(entry), lease)

    def _blob(self, found: Document, blob: Descriptor) -> Iterator[Document]:
        came_from: list[str] = found.get("origins") or []  # type: ignore[assignment]
        if not came_from:
            if self._removed(blob):
                yield _done("delete", found)
            elif self.store.blobs.damage(blob) is not None:
                raise NotFound(f"blob {blob.digest}", "no registry is known that has it", str(found["remedy"]))
            return
        with self.store.leases.hold() as lease:
            yield from self._mend(blob, came_from, lease)

    def _removed(self, blob: Descriptor) -> bool:
        """Removes a damaged blob that nothing needs."""
        if self.store.blobs.damage(blob) is None:
            return False
        with Collection(self.store) as collection:
            return collection.blob(blob.digest) > 0

    def _mend(self, blob: Descriptor, came_from: list[str], lease: Lease) -> Iterator[Document]:
        """Mends a blob, and all that it names if it is a manifest or an index: nobody could look at those before."""
        lease.add(blob.digest)
        damage = self.store.blobs.damage(blob)
        if damage is not None:
            self._fetch(blob, came_from)
            yield {
                "action": "fetch",
                "object": bare(blob),
                "reasons": [{"field": "content", "from": damage.problem, "to": "whole"}],
            }
        if media_types.is_index(blob.media_type) or media_types.is_manifest(blob.media_type):
            document = parse(self.store, blob)
            is_index = isinstance(document, manifests.Index)
            for child in document.manifests if is_index else (document.config, *document.layers):  # type: ignore[union-attr]
                yield from self._mend(child, came_from, lease)

    def _fetch(self, blob: Descriptor, came_from: list[str]) -> None:
        """From the first of the repositories that has it."""
        if not came_from:
            raise NotFound(f"blob {blob.digest}", "is damaged, and no registry is known that has it", "see store-check")
        failed: OcipipeError | None = None
        for name in came_from:
            try:
                remote = self._remotes.get(name) or connect(self.ctx, name, self.access)
                self._remotes[name] = remote
                insist(partial(self._attempt, blob, remote), blob, remote.distrust)
                return
            except OcipipeError as error:
                failed = failed or error
        assert failed is not None
        raise failed

    def _attempt(self, blob: Descriptor, remote: Remote) -> str:
        task = self.ctx.progress.task(f"blob {blob.digest.short}", blob.size)
        state = "failed"
        try:
            state = self.store.blobs.mend(blob, _reader(remote, blob, task.advance))
            return state
        finally:
            task.done(state)

    def _layer(self, found: Document, target: Document) -> Iterator[Document]:
        chain_id = digest.parse(target.get("id"), "finding")
        manifest = Descriptor.parse(found["image"], "finding")
        came_from: list[str] = found.get("origins") or []  # type: ignore[assignment]
        with self.store.leases.hold() as lease:
            lease.add(manifest.digest)
            stack = relayer.Stack(self.store, manifest, chain_id)
            lease.add(stack.descriptor.digest, *stack.chain_ids[:-1])
            if self.store.blobs.damage(stack.descriptor) is not None:
                yield from self._mend(stack.descriptor, came_from, lease)
            if relayer.unpack_again(self.store, stack):
                yield _done("unpack", found)

    def _restored(self, code: str, object_id: str) -> bool:
        """Mends what needs no registry; whether there was something to mend."""
        if code.startswith("LAYOUT_"):
            return salvage.layout(self.store)
        if code == "INDEX_COPY_STALE":
            return salvage.spare(self.store)
        if code.startswith("INDEX_"):
            return salvage.index(self.store, self.ctx.progress.warn)
        if code == "ID_DAMAGED":
            return identity.mend(self.ctx, self.store)
        if code == "VOLUME_DAMAGED":
            return volumes.remake(self.store, object_id)
        if code == "NAME_WRONG":
            return boxes.rename(self.store, object_id)
        return boxes.remake(self.store, object_id)


def _reader(remote: Remote, blob: Descriptor, watch: Callable[[int], None]) -> Reader:
    def read(offset: int) -> Iterator[bytes]:
        if media_types.is_index(blob.media_type) or media_types.is_manifest(blob.media_type):
            yield remote.read(blob)[offset:]
            return
        for chunk in remote.open(blob, offset):
            watch(len(chunk))
            yield chunk

    return read


def _done(action: str, found: Document) -> Document:
    reason = {"field": found["code"], "from": found["problem"], "to": "whole"}
    return {"action": action, "object": found["object"], "reasons": [reason]}


def mend(ctx: Context, store: Store, item: str | Document, access: Access) -> Iterator[Document]:
    """Mends what a finding tells of, or an image by its name or descriptor."""
    repair = ctx.kept.get("repair")
    if not isinstance(repair, Repair):
        repair = ctx.kept["repair"] = Repair(ctx, store, access)
    if isinstance(item, dict) and "code" in item:
        return repair.finding(item)
    return repair.image(item)
