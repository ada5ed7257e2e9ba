"""Moving an image: pull, push, mirror, save and load are all a Transfer from one Content to another place.

Children go before parents: blobs, then the manifest that names them, then the index that names manifests. Whatever
ends a copy half-way, the destination never holds a manifest whose content is missing.
"""

from __future__ import annotations

from oci_spec import manifest as manifests
from oci_spec import media_types
from oci_spec.jsondoc import FormatError

from .errors import Corrupt, WrongContent
from .store.blobs import DamagedPartial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from oci_spec.descriptor import Descriptor
    from oci_spec.manifest import Index, Manifest

    from .context import Progress
    from .store.contract import Content, Sink, Tap

    Choose = Callable[[Index], Sequence[Descriptor]]
    """Which entries of an index are wanted."""

    Distrust = Callable[[Descriptor, Corrupt], bool]
    """Told, by the thread that opened it, that a blob came wrong; whether the source can give it from elsewhere now."""

    Taps = Callable[[], AbstractContextManager[Tap]]
    """Makes the tap for one attempt at a blob; what it did is undone when the attempt fails."""

    Carry = Callable[[int], object]
    """Moves the layer of that number."""

MAX_DEPTH = 8
"""How deep indexes may nest; real ones nest once."""


class Cancelled(Exception):
    """Another part of the same copy failed; this one stops where it is."""


class Transfer:
    """One copy in progress.

    `choose` picks from an index (all of it when None). `carrier` answers, for a manifest whose config has arrived, with
    the function that moves its layer of a number: the way to do more with a layer than to copy it. `lease(digest…)` is
    told every digest before it is counted on to stay in the destination. With `documents_first` a manifest goes before
    what it names: for a stream, whose reader can then do its work while the rest is on its way. `distrust` is for a
    source that has more than one place to get a blob from.
    """

    def __init__(
        self,
        source: Content,
        destination: Sink,
        progress: Progress,
        *,
        jobs: int = 3,
        choose: Choose | None = None,
        origin: str = "",
        lease: Callable[..., None] | None = None,
        documents_first: bool = False,
        distrust: Distrust | None = None,
    ) -> None:
        self.source = source
        self.destination = destination
        self.progress = progress
        self.jobs = jobs
        self.choose = choose
        self.origin = origin
        self.lease = lease
        self.documents_first = documents_first
        self.distrust = distrust
        self.stopping = False
        self._copied: set[str] = set()
        self.carrier: Callable[[Manifest], Carry] = self.plain_carrier

    def copy(self, root: Descriptor, depth: int = 0) -> Descriptor:
        """Copies what `root` stands for and returns the descriptor of what is at the destination now.

        That is `root` itself, unless `choose` took one manifest of an index: then that manifest's descriptor. Raises
        Corrupt for documents that are not what they say, and whatever source and destination raise.
        """
        if depth > MAX_DEPTH:
            raise Corrupt(str(root.digest), f"indexes are nested more than {MAX_DEPTH} deep")
        if root.digest in self._copied:  # or indexes that name one another many times would take for ever
            return root
        if self.lease:
            self.lease(root.digest)
        data = self.source.read(root)
        subject = f"{self.source.name}@{root.digest}"
        try:
            document = manifests.parse(data, root.media_type, subject)
        except FormatError as error:
            raise Corrupt(
                subject, str(error).removeprefix(f"{subject}: "), "the image is damaged at its source"
            ) from None
        is_chosen_from = isinstance(document, manifests.Index) and self.choose is not None
        if self.documents_first and not is_chosen_from:
            self._push_document(root, data)
        if isinstance(document, manifests.Index):
            wanted = document.manifests if self.choose is None else self.choose(document)
            copied = [self.copy(entry, depth + 1) for entry in wanted]
            if self.choose is not None:
                return copied[0]
        else:
            self._copy_parts(document)
        if not self.documents_first:
            self._push_document(root, data)
        self._copied.add(root.digest)
        return root

    def _copy_parts(self, manifest: Manifest) -> None:
        """The config first (unpacking needs it), then the layers side by side, lowest first."""
        if self.lease:
            self.lease(manifest.config.digest, *(layer.digest for layer in manifest.layers))
        self.carry_blob(manifest.config)
        carry = self.carrier(manifest)
        parallel(self.jobs, carry, len(manifest.layers), self.stop)

    def _push_document(self, descriptor: Descriptor, data: bytes) -> None:
        self.destination.push(descriptor, lambda offset: iter((data[offset:],)), origin=self.origin)

    def plain_carrier(self, manifest: Manifest) -> Carry:
        """Layers are copied as they are."""
        return lambda number: self.carry_blob(manifest.layers[number])

    def carry_blob(self, blob: Descriptor, taps: Taps | None = None) -> str:
        """Moves one blob unless the destination has it; says how it came there (contract.Sink.push).

        What came wrong is fetched anew where that may help, see `insist`.
        """

        def attempt() -> str:
            if taps is None:
                return self._carry(blob, None)
            with taps() as tap:
                return self._carry(blob, tap)

        return insist(attempt, blob, self.distrust)

    def _carry(self, blob: Descriptor, tap: Tap | None) -> str:
        if self.stopping:
            raise Cancelled
        task = self.progress.task(label(blob), blob.size)
        state = "failed"
        try:

            def read(offset: int) -> Iterator[bytes]:
                task.advance(offset)
                for chunk in self.source.open(blob, offset):
                    if self.stopping:
                        raise Cancelled
                    task.advance(len(chunk))
                    yield chunk

            state = self.destination.push(blob, read, origin=self.origin, tap=tap)
            return state
        finally:
            task.done(state)

    def stop(self) -> None:
        """Makes every running part end at its next chunk."""
        self.stopping = True


def insist(attempt: Callable[[], str], blob: Descriptor, distrust: Distrust | None) -> str:
    """What `attempt` at a blob gives. When the blob came wrong, it is made again: after a damaged part, which is gone
    then, and for as long as `distrust` says that the source has another place for it."""
    while True:
        try:
            return attempt()
        except DamagedPartial:
            continue
        except WrongContent as error:
            if distrust is None or not distrust(blob, error):
                raise


def label(blob: Descriptor) -> str:
    """What progress calls a blob."""
    kind = (
        "layer"
        if media_types.is_layer(blob.media_type)
        else "config"
        if blob.media_type in media_types.CONFIGS
        else "blob"
    )
    return f"{kind} {blob.digest.short}"


def parallel(jobs: int, work: Callable[[int], object], count: int, stop: Callable[[], None]) -> None:
    """Runs `work(0)` to `work(count - 1)`, begun in this order, at most `jobs` at a time; raises the first failure
    after calling `stop`.

    The threads are daemons: when the command is interrupted, it ends at once, and what is resumable stays.
    """
    if count < 2 or jobs < 2:
        for number in range(count):
            work(number)
        return
    import threading

    waiting = iter(range(count))
    lock = threading.Lock()
    failures: list[BaseException] = []

    def worker() -> None:
        while not failures:
            with lock:
                number = next(waiting, None)
            if number is None:
                return
            try:
                work(number)
            except BaseException as error:
                failures.append(error)
                stop()

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(min(jobs, count))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        stop()
        raise
    real = [error for error in failures if not isinstance(error, Cancelled)]
    if failures:
        raise (real or failures)[0]
