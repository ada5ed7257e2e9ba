"""Unpacks a layer while it is still being downloaded.

Three threads share the work: the download hands over what it has verified so far, a second inflates and hashes for
the diff ID, a third extracts. All the heavy calls (inflate, sha256, write) let go of Python's lock. Bounded pipes
between them keep memory small and slow the download down to the disk's pace.

Nothing becomes visible before the diff ID has been verified; on any failure the layer's directory is removed.
"""

from __future__ import annotations

import threading

from oci_spec import digest

from ..errors import Corrupt
from . import compression
from .apply import apply_layer
from .pipe import Pipe, ahead, hashed
from .refusal import refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest

    from ..store.contract import Tap
    from ..store.store import Store
    from .lowers import Lowers


class _Aborted(Exception):
    """The caller gave up; never leaves this file."""


class LayerUnpacker:
    """Unpacks one layer into `store.layers`. `write` is a blob's tap (see store/contract.py).

    `lowers` are the directories of the layers beneath, topmost first, or a function that gives them: it is called from
    the extracting thread when they are needed and may wait for them, so that layers unpack side by side. It must not
    be made to wait for a layer whose own unpacking has to wait for this one. `whole` is apply_layer's.

    End with `finish` or `abort`, whatever happens; a `with` block, which gives `write`, does that.
    """

    def __init__(
        self,
        store: Store,
        descriptor: Descriptor,
        diff_id: Digest,
        chain_id: Digest,
        lowers: Lowers = (),
        *,
        whole: bool = False,
    ) -> None:
        self._store = store
        self._descriptor = descriptor
        self._diff_id = diff_id
        self._chain_id = chain_id
        self._lowers = lowers
        self._whole = whole
        self._subject = f"layer {descriptor.digest}"
        self._blob = Pipe()
        self._archive = Pipe()
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None
        self._found = ""

    def __enter__(self) -> Tap:
        return self.write

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abort()

    def write(self, chunk: bytes) -> None:
        """The next bytes of the compressed blob. Waits while the disk is behind; after a failure it only returns,
        so that the blob itself can still be taken in, and `finish` tells."""
        if not self._threads:
            self._start()
        self._blob.put(chunk)

    def finish(self) -> None:
        """Waits until the layer is whole and in the store. When nothing was written, because the blob was in the store
        already, it is unpacked from there. Raises Corrupt (a wrong diff ID, a broken stream or archive), Denied,
        Unavailable, Unsupported, NotFound."""
        try:
            if not self._threads:
                if self._store.layers.exists(self._chain_id):
                    return
                self._start()
                for chunk in self._store.blobs.open(self._descriptor):
                    if not self._blob.put(chunk):
                        break
        except BaseException:
            self.abort()
            raise
        self._blob.end()
        self._join()
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        """Gives up: nothing of the layer stays. Harmless after `finish` and when called twice."""
        self._blob.end(_Aborted())
        self._join()

    def _start(self) -> None:
        for work in (self._inflate, self._extract):
            thread = threading.Thread(target=work, name=f"{work.__name__} {self._descriptor.digest}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _join(self) -> None:
        for thread in self._threads:
            if thread.ident is not None:  # a signal may have come before it was started
                thread.join()

    def _inflate(self) -> None:
        state = digest.hasher(self._diff_id.algorithm)
        try:
            for piece in compression.decompress(self._blob, self._subject):
                if not self._archive.put(piece):
                    break
                state.update(piece)
            self._found = f"{self._diff_id.algorithm}:{state.hexdigest()}"
            self._archive.end()
        except BaseException as error:
            self._archive.end(error)
        finally:
            self._blob.cancel()

    def _extract(self) -> None:
        try:
            with self._store.layers.adding(self._chain_id) as directory:
                if directory is None:
                    return
                apply_layer(self._archive, directory, self._lowers, whole=self._whole, subject=self._subject)
                _check_diff_id(self._subject, self._found, self._diff_id)
        except OSError as error:
            self._error = refused(self._subject, error)
        except BaseException as error:
            self._error = error
        finally:
            self._archive.cancel()


def unpack_blob(store: Store, descriptor: Descriptor, diff_id: Digest, chain_id: Digest, lowers: Lowers = ()) -> None:
    """Unpacks a layer whose blob is in the store, if it is not unpacked already. Raises as `finish` does."""
    LayerUnpacker(store, descriptor, diff_id, chain_id, lowers).finish()


def unpack_plain(store: Store, layers: Iterable[tuple[Descriptor, Digest]], directory: str) -> None:
    """Unpacks the layers (descriptor and diff ID, lowest first; their blobs in the store) of one image into one plain
    tree. Raises as `finish` does; the directory is then half filled and the caller's to remove."""
    for descriptor, diff_id in layers:
        _unpack_into(directory, store, descriptor, diff_id, (), "plain")


def unpack_aside(store: Store, descriptor: Descriptor, diff_id: Digest, lowers: Lowers, directory: str) -> None:
    """Unpacks a layer whose blob is in the store into an empty directory that is not its place. As `unpack_plain`."""
    _unpack_into(directory, store, descriptor, diff_id, lowers, "overlay")


def _unpack_into(
    directory: str, store: Store, descriptor: Descriptor, diff_id: Digest, lowers: Lowers, form: str
) -> None:
    subject = f"layer {descriptor.digest}"
    state = digest.hasher(diff_id.algorithm)
    try:
        archive = ahead(hashed(compression.decompress(store.blobs.open(descriptor), subject), state))
        apply_layer(archive, directory, lowers, form=form, subject=subject)
    except OSError as error:
        raise refused(subject, error) from error
    _check_diff_id(subject, f"{diff_id.algorithm}:{state.hexdigest()}", diff_id)


def _check_diff_id(subject: str, found: str, wanted: Digest) -> None:
    if found != wanted:
        raise Corrupt(
            subject,
            f"its content has the diff ID {found}, but the image config says {wanted}",
            "the image is broken: have its publisher build it again",
        )
