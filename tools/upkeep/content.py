"""The blobs of the store: those that images need, whole or not, and those that nothing needs."""

from __future__ import annotations

import os

from oci_spec import digest, reference
from oci_spec.descriptor import ORIGIN, Descriptor
from oci_spec.jsondoc import FormatError

from ..host import files
from ..store.reach import Reach
from .finding import PRUNE, bare, finding, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..context import Progress
    from ..store.store import Store


class Expected:
    """What the entries need, and for each digest and chain ID: which images need it, and where those came from."""

    def __init__(self, store: Store, entries: Iterable[Descriptor]) -> None:
        self.reach = Reach()
        self.images: dict[str, list[str]] = {}
        self._origins: dict[str, list[str]] = {}
        for entry in entries:
            mine = Reach()
            mine.add(store, entry)
            name = entry.name or str(entry.digest)
            came_from = origins(entry)
            for wanted in (*mine.blobs, *mine.layers):
                _append(self.images, wanted, [name])
                _append(self._origins, wanted, came_from)
            for blob, descriptor in mine.blobs.items():
                self.reach.blobs.setdefault(blob, descriptor)
            for chain_id, manifest in mine.layers.items():
                self.reach.layers.setdefault(chain_id, manifest)
            self.reach.unread.update(mine.unread)

    def origins(self, wanted: str) -> list[str]:
        """registry/repository each where an image came from that needs this; the surest first."""
        return self._origins.get(wanted, [])


def origins(entry: Descriptor) -> list[str]:
    """Where an entry's content can be fetched: where it was pulled from, else where its name says."""
    found = [entry.annotations[ORIGIN]] if ORIGIN in entry.annotations else []
    if entry.name:
        try:
            found.append(reference.parse(entry.name).name)
        except FormatError:
            pass  # a name that another tool wrote
    return list(dict.fromkeys(found))


def _append(lists: dict[str, list[str]], key: str, values: list[str]) -> None:
    known = lists.setdefault(key, [])
    known += [value for value in values if value not in known]


def damaged(store: Store, expected: Expected, progress: Progress, *, sizes_only: bool) -> Iterator[Document]:
    """What is wrong with the blobs that images need. Documents are always read whole."""
    wanted = expected.reach.blobs
    task = progress.task("blobs", 0 if sizes_only else sum(blob.size for blob in wanted.values()))
    for blob in wanted.values():
        found = store.blobs.damage(blob, lambda chunk: task.advance(len(chunk)), sizes_only=sizes_only)
        unread = expected.reach.unread.get(blob.digest)
        if found is not None:
            code, problem = f"BLOB_{found.kind.upper()}", found.problem
        elif unread is not None:
            found = store.blobs.damage(blob)
            code = f"BLOB_{found.kind.upper()}" if found else "DOCUMENT_INVALID"
            problem = found.problem if found else unread.problem
        else:
            continue
        images, came_from = expected.images[blob.digest], expected.origins(blob.digest)
        remedy = f"img-rm {images[0]}: it was broken before it came here" if code == "DOCUMENT_INVALID" else ""
        if not remedy and not came_from:
            remedy = made_again(images[0])
        yield finding(code, bare(blob), problem, remedy=remedy, images=images, origins=came_from)
    task.done()


def made_again(image: str) -> str:
    """The remedy where no registry has what an image lacks."""
    return f"it came from no registry: img-rm {image}, and make the image again"


def blobs(store: Store) -> Iterator[tuple[str, Digest | None]]:
    """Path of everything in the layout's blob directories, and its digest if its name is one."""
    return by_digest(os.path.join(store.images, "blobs"))


def by_digest(base: str) -> Iterator[tuple[str, Digest | None]]:
    """Path of everything that lies as ALGORITHM/HEX below a directory, and its digest if its name is one. A file or a
    directory in the place of an algorithm's has none, and what is in it is not listed."""
    for algorithm in sorted(listed(base)):
        directory = os.path.join(base, algorithm)
        if algorithm not in digest.LENGTHS or not os.path.isdir(directory):
            yield directory, None
            continue
        for name in sorted(listed(directory)):
            try:
                yield os.path.join(directory, name), digest.parse(f"{algorithm}:{name}")
            except FormatError:
                yield os.path.join(directory, name), None


def unneeded(
    store: Store, there: Iterable[tuple[str, Digest | None]], needed: set[str], *, sizes_only: bool
) -> Iterator[Document]:
    """Of what is `there`: blobs that nothing needs, and what is no blob. A damaged one is an error all the same: the
    next pull of an image that has it would take it for whole."""
    for path, found in there:
        if found is None:
            if not os.path.basename(path).startswith(files.TEMPORARY):
                yield stray(store, path)
        elif found not in needed:
            try:
                size = os.lstat(path).st_size
            except FileNotFoundError:
                continue
            blob = Descriptor({"mediaType": "application/octet-stream", "digest": found, "size": size})
            damage = None if sizes_only else store.blobs.damage(blob)
            if damage is None:
                yield finding(
                    "BLOB_ORPHAN", bare(blob), "no image, container or running command needs it", garbage=True
                )
            elif damage.kind != "missing":
                yield finding(f"BLOB_{damage.kind.upper()}", bare(blob), damage.problem, origins=[])


def stray(store: Store, path: str) -> Document:
    """What has no business where it lies."""
    return finding(
        "STRAY", place("file", store.root, path), "is nothing that we put there", garbage=True,
        remedy=f"remove it if nobody misses it; {PRUNE} leaves it alone",
    )  # fmt: skip


def listed(directory: str) -> list[str]:
    """The names in a directory; none where there is no such directory."""
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
