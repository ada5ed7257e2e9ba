"""What may go from a store, as a plan: one action document (schema `action`) for each object.

A plan says which store it is for and what each object was like, so that whoever applies it can see what has changed.
Its order is the order in which it is applied: what uses before what is used, names before content, documents before
what they name; so one that is cut off anywhere leaves garbage, never a dangling reference.
"""

from __future__ import annotations

import os

from oci_spec import manifest as manifests
from oci_spec import media_types
from oci_spec.descriptor import Descriptor
from oci_spec.jsondoc import FormatError

from ..containers import ending
from ..errors import Corrupt, NotFound, OcipipeError
from ..host import trees
from ..images.entry import is_runnable, parse, read_config
from ..store.blobs import DOCUMENT_LIMIT
from ..store.container import stood_on
from ..store.reach import Reach
from . import boxes, builds, content, identity, index, layers, leftovers, volumes
from .finding import bare, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.builds import Record
    from ..store.store import Store
    from .selection import Selection


def plan(ctx: Context, store: Store, selection: Selection) -> Iterator[Document | OcipipeError]:
    """The actions, in the order in which they can be done. Where damage hides what is needed, an error stands in the
    place of what could not be planned, and the rest goes on."""
    if os.path.isdir(store.root):
        yield from _Planner(ctx, store, selection).actions()


class _Planner:
    def __init__(self, ctx: Context, store: Store, selection: Selection) -> None:
        self._ctx = ctx
        self._store = store
        self._selection = selection
        self._id = identity.of(ctx, store)
        self._oldest = ctx.now() - selection.older_than
        # What a command is about to write is looked for before leases are read, and those before the index.
        self._blobs = {found: path for path, found in content.blobs(store) if found}
        self._layers = {found: path for path, found in layers.layers(store) if found}
        self._leased = leftovers.leased(store)
        self._built = list(store.builds.all())
        self._records, self._unknown = boxes.records(store)

    def actions(self) -> Iterator[Document | OcipipeError]:
        """See `plan`."""
        wanted = self._selection.leftovers and not self._selection.filters
        if wanted:
            yield from (self._leftover(one) for one in leftovers.leases(self._store))
        going = {str(action["object"]["id"]): action for action in self._containers()}
        yield from going.values()
        staying = [record for record in self._records if record["id"] not in going]
        unknown = [found for found in self._unknown if found["object"]["id"] not in going]  # type: ignore[index]
        if self._selection.volumes and not unknown:
            yield from self._volumes(staying)
        if self._selection.build_cache and not self._selection.filters:
            yield from self._builds()
        if self._selection.content:
            try:
                yield from self._content(staying, bool(unknown))
            except Corrupt as error:
                yield error
        for found in unknown:
            target: Any = found["object"]
            yield Corrupt(f"container {target['id'][:12]}", str(found["problem"]), str(found["remedy"]))
        if wanted:
            yield from self._leftovers(bool(unknown))
            yield from self._index_copy()

    def _action(
        self, kind: str, target: Document, size: int, state: str, reasons: Mapping[str, object]
    ) -> dict[str, Any]:
        told = [{"field": field, "to": value} for field, value in reasons.items()]
        return {
            "action": "delete", "kind": kind, "object": target, "reasons": told, "bytes": size, "store": self._id,
            "state": state,
        }  # fmt: skip

    def _containers(self) -> Iterator[dict[str, Any]]:
        """Abandoned ones; with --containers, all that have ended, and those whose record is damaged."""
        for record in self._records:
            path = os.path.join(self._store.containers.path, record["id"])
            abandoned = os.path.lexists(os.path.join(self._store.containers.path, "rm", record["id"]))
            wanted = (abandoned and self._selection.leftovers and not self._selection.filters) or (
                self._selection.containers and self._selection.fits([record["name"]], record["labels"])
                and self._is_old(os.path.join(path, "record.json"))
                and (record["status"] != "created" or self._is_settled(os.path.join(path, "record.json")))
            )  # fmt: skip
            if not wanted or boxes.is_alive(path):
                continue
            if ending.has_process(self._store.containers.container(record), self._ctx.env):
                continue
            reason = "its command is gone" if abandoned else record["status"]
            yield self._container(path, record["id"], {"status": reason})
        for found in self._unknown if self._selection.containers and not self._selection.filters else ():
            target: Any = found["object"]
            path = os.path.join(self._store.containers.path, target["id"])
            if not boxes.is_alive(path):
                yield self._container(path, target["id"], {"record": found["problem"]})

    def _container(self, path: str, container_id: str, reasons: Mapping[str, object]) -> dict[str, Any]:
        target = place("container", self._store.root, path, id=container_id)
        return self._action("container", target, trees.size(path), boxes.state(path), reasons)

    def _volumes(self, staying: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Those that no container uses, without a name unless all were asked for."""
        used = volumes.used(staying)
        for volume in volumes.whole(self._store):
            wanted = volume.anonymous or self._selection.volumes == "all"
            if not wanted or volume.name in used or not self._is_old(os.path.join(volume.path, "record.json")):
                continue
            if self._selection.fits([volume.name], volume.labels):
                target = place("volume", self._store.root, volume.path, id=volume.name)
                size = trees.size(volume.data)
                yield self._action("volume", target, size, volumes.state(volume), {"used by": "nothing"})

    def _builds(self) -> Iterator[dict[str, Any]]:
        """Records of steps, and cache mounts that no build has mounted."""
        for record in self._built:
            target, path, step = builds.of_record(self._store, record)
            if self._goes(record):
                yield self._action(builds.RECORD, target, 0, leftovers.state(path), {"step": step})
        for mount in self._store.builds.mounts.all():
            target, path, name = builds.of_mount(self._store, mount)
            if self._is_old(path) and builds.is_free(mount):
                size, state = trees.size(path), leftovers.state(path)
                yield self._action(builds.MOUNT, target, size, state, {"mount": name})

    def _goes(self, record: Record) -> bool:
        wanted = self._selection.build_cache and not self._selection.filters
        return wanted and self._is_old(self._store.builds.record_path(record.key))

    def _content(self, staying: list[dict[str, Any]], unknown: bool) -> Iterator[Document]:
        """Images, then the layers and blobs that nothing needs without them."""
        used = {record["image"]["digest"] for record in staying if "image" in record}
        kept, gone = Reach(), Reach()
        with self._store.leases.no_collection():  # or what an entry names might go before it is read
            entries = self._store.refs.sound_entries()
            candidates = [entry for entry in entries if self._may_go(entry, used)]
            going = self._beyond_what_is_kept(candidates)
            chosen = set(map(id, going))
            for entry in entries:
                (gone if id(entry) in chosen else kept).add(self._store, entry)
        if kept.unread:
            first, error = next(iter(kept.unread.items()))
            raise Corrupt(
                f"blob {first}", f"is damaged, so what its image needs is not known: {error.problem}",
                "store-check | img-pull --repair, then prune again",
            )  # fmt: skip
        for entry in going:
            yield self._action(
                "image", entry.document, 0, "", {"name": entry.name or "none", "used by": "no container"}
            )
        built = [one for one in self._built if one.layer is not None and not self._goes(one)]
        used_layers = {str(one.chain_id) for one in built} | {one for record in staying for one in stood_on(record)}
        needed_layers = {*kept.layers, *self._leased, *used_layers}
        for chain_id, path in self._layers.items():
            if not unknown and chain_id not in needed_layers and self._within(chain_id, gone.layers):
                target = place("layer", self._store.root, path, id=chain_id)
                size, state = trees.size(path), leftovers.state(path)
                yield self._action("layer", target, size, state, {"needed by": "nothing"})
        needed = {*kept.blobs, *self._leased, *(one.layer.digest for one in built if one.layer is not None)}
        unneeded = [one for one in self._blobs if one not in needed and self._within(one, gone.blobs)]
        blobs = [gone.blobs.get(one) or self._described(one) for one in filter(self._is_old_blob, unneeded)]
        for blob in sorted(blobs, key=_documents_first):
            path = self._blobs[blob.digest]
            yield self._action("blob", bare(blob), blob.size, leftovers.state(path), {"needed by": "nothing"})

    def _within(self, one: Digest, gone: Iterable[Digest]) -> bool:
        """With filters, only what the images that fit had for themselves goes."""
        return not self._selection.filters or one in gone

    def _may_go(self, entry: Descriptor, used: set[str]) -> bool:
        if entry.digest in self._leased or (entry.name and not self._selection.images):
            return False
        mine = Reach()
        mine.add(self._store, entry)
        if used & mine.blobs.keys():
            return False
        path = self._blobs.get(entry.digest)
        if path is not None and not self._is_old(path):
            return False
        names = [entry.name] if entry.name else []
        return not self._selection.filters or self._selection.fits(names, self._labels(entry))

    def _labels(self, entry: Descriptor) -> Mapping[str, str]:
        try:
            document = parse(self._store, entry)
            if isinstance(document, manifests.Manifest) and is_runnable(document):
                return read_config(self._store, document).labels
        except OcipipeError:
            pass  # damaged: it is as if it had none
        return {}

    def _beyond_what_is_kept(self, candidates: list[Descriptor]) -> list[Descriptor]:
        """Of the images that may go, those that --keep-bytes does not let stay: the oldest."""
        limit = self._selection.keep_bytes
        if limit is None:
            return candidates
        order = {id(entry): number for number, entry in enumerate(candidates)}
        newest = sorted(candidates, key=lambda entry: -self._written(self._blobs.get(entry.digest, "")))
        staying, total = Reach(), 0
        going: list[Descriptor] = []
        for entry in newest:
            mine = Reach()
            mine.add(self._store, entry)
            size = sum(blob.size for one, blob in mine.blobs.items() if one not in staying.blobs)
            size += sum(
                trees.size(self._layers[one])
                for one in mine.layers
                if one not in staying.layers and one in self._layers
            )
            if going or total + size > limit:
                going.append(entry)
                continue
            total += size
            staying.blobs.update(mine.blobs)
            staying.layers.update(mine.layers)
        return sorted(going, key=lambda entry: order[id(entry)])

    def _leftovers(self, unknown: bool) -> Iterator[Document]:
        stale = self._selection.older_than if self._selection.partial else leftovers.STALE_SECONDS
        for one in leftovers.found(self._store, self._ctx.now(), stale):
            if one.kind != "lease":
                yield self._leftover(one)
        for kind, path in boxes.dangling(self._store):
            reasons = {"state": "leads to no container"}
            yield self._action(kind, place(kind, self._store.root, path), 0, leftovers.state(path), reasons)
        for target, path in () if unknown else volumes.left_mounted(self._store):
            yield self._action("volume mount", target, 0, leftovers.state(path), {"used by": "nothing"})

    def _index_copy(self) -> Iterator[Document]:
        """The one thing that is written anew: the copy of the index, where a killed command did not come to it."""
        try:
            entries = self._store.refs.sound_entries()
        except Corrupt:
            return  # then the copy is all there is
        for found in index.spare(self._store, entries):
            target: Any = found["object"]
            state = leftovers.state(self._store.refs.spare)
            yield {**self._action("index copy", target, 0, state, {"state": found["problem"]}), "action": "renew"}

    def _leftover(self, one: leftovers.Leftover) -> Document:
        target = place(one.kind, self._store.root, one.path)
        return self._action(one.kind, target, one.size, leftovers.state(one.path), {"state": one.problem})

    def _described(self, one: Digest) -> Descriptor:
        """A blob as its content shows it: documents by their type, anything else as bytes."""
        path = self._blobs[one]
        try:
            size = os.stat(path).st_size
        except FileNotFoundError:
            size = 0
        plain = Descriptor({"mediaType": "application/octet-stream", "digest": one, "size": size})
        if size > DOCUMENT_LIMIT:
            return plain
        try:
            data = self._store.blobs.read(plain)
            return (
                manifests.parse(data, None, str(one)).descriptor() if data[:1].isspace() or data[:1] == b"{" else plain
            )
        except (NotFound, Corrupt, FormatError):
            return plain

    def _is_old_blob(self, one: Digest) -> bool:
        return self._is_old(self._blobs[one])

    def _is_old(self, path: str) -> bool:
        return self._written(path) <= self._oldest

    def _is_settled(self, path: str) -> bool:
        """Whether it is no longer young: a container that was just made may be about to be started."""
        return self._written(path) <= self._ctx.now() - leftovers.YOUNG_SECONDS

    def _written(self, path: str) -> float:
        try:
            return os.lstat(path).st_mtime
        except FileNotFoundError:
            return 0.0


def _documents_first(blob: Descriptor) -> tuple[int, str]:
    kind = 0 if media_types.is_index(blob.media_type) else 1 if media_types.is_manifest(blob.media_type) else 2
    return kind, str(blob.digest)
