"""Sending one blob (distribution-spec 1.1, Pushing blobs): mounted, in one piece, or in chunks.

The first attempt sends the whole in one request. Where that breaks or is not taken, the registry is asked how far it
got, and chunks go on from there; an upload it has forgotten begins anew.
"""

from __future__ import annotations

from urllib.parse import urlencode, urljoin

from oci_spec import distribution
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, Denied, Unavailable
from .refusal import is_about
from .retry import ATTEMPTS, Broken
from .settings import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oci_spec.descriptor import Descriptor

    from ..store.contract import Reader, Tap
    from .endpoint import Endpoint
    from .transport import Answer

CHUNK = 32 << 20
"""Bytes of one chunk, unless the registry wants more, or says that this is too much."""
_SMALLEST = 1 << 20
_REDIRECTS = 5
_RUNS_IT = "ask who runs the registry"
_NOT_WHOLE = frozenset((400, 404, 405, 411, 413, 415, 416, 501))
"""Answers to a blob in one piece after which chunks are worth a try."""


class BlobUpload:
    """One blob on its way. `exists` tells whether the repository has it, which a lost answer leaves open."""

    def __init__(
        self,
        endpoint: Endpoint,
        descriptor: Descriptor,
        read: Reader,
        tap: Tap | None,
        exists: Callable[[Descriptor], bool],
    ) -> None:
        self._endpoint = endpoint
        self._client = endpoint.client
        self._descriptor = descriptor
        self._read = read
        self._tap = tap
        self._tapped = 0
        self._exists = exists
        self._subject = endpoint.subject(descriptor.digest)
        self._begins = 0
        self._place = ""
        """Where the upload goes on; '' when there is none."""
        self._offset = 0
        self._furthest = 0
        self._chunk = CHUNK
        self._least = 0

    def run(self, origin: str) -> str:
        """Sends it; `done` or `mounted`. `origin` is the `registry/repository` that it may be mounted from."""
        whole = True
        failures = 0
        while True:
            try:
                if failures and self._exists(self._descriptor):
                    self._show_rest()
                    return "done"  # only the answer was lost
                if self._place:
                    self._locate()
                if not self._place and self._begin(origin):
                    return "mounted"
                if whole:
                    whole = False
                    if self._send_whole():
                        return "done"
                    continue
                self._send_chunks()
                self._finish()
                return "done"
            except Broken as broken:
                failures = failures + 1 if self._offset <= self._furthest else 1
                self._furthest = max(self._furthest, self._offset)
                if failures >= ATTEMPTS or self._begins >= ATTEMPTS:
                    raise self._client.unreachable(self._subject, broken) from None
                self._client.pause(failures, broken.wait)

    def _begin(self, origin: str) -> bool:
        """Asks for an upload, or for a mount: True when that was granted."""
        self._begins += 1
        registry, _, source = origin.partition("/")
        path = distribution.uploads_path(self._endpoint.repository)
        if canonical(registry) == self._client.registry.name and source not in ("", self._endpoint.repository):
            answer = self._mount(path, source)
            if answer is not None and answer.status == 201:
                answer.close()
                return True
            if answer is not None and answer.status == 202:
                self._begun(answer)
                return False
        answer = self._ask("POST", path)
        self._endpoint.expect(answer, (202,), self._subject, "repository")
        self._begun(answer)
        return False

    def _mount(self, path: str, source: str) -> Answer | None:
        """The answer to a mount; None when we may not, which is no reason not to send it ourselves."""
        scopes = (*self._endpoint.scopes, f"repository:{source}:pull")
        query = urlencode({"mount": self._descriptor.digest, "from": source})
        try:
            answer = self._client.ask("POST", f"{path}?{query}", subject=self._subject, scopes=scopes)
        except Denied:
            return None
        if answer.status not in (201, 202):
            answer.close()
        return answer

    def _begun(self, answer: Answer) -> None:
        self._place = ""
        self._move(answer)
        self._offset = 0
        self._least = distribution.parse_count(answer.headers.get("OCI-Chunk-Min-Length", "")) or 0

    def _send_whole(self) -> bool:
        """The blob in one request; False when the registry wants it otherwise."""
        answer = self._stream("PUT", self._with_digest(), 0, self._descriptor.size)
        if answer.status in (201, 204):
            self._endpoint.confirm(answer, self._descriptor, self._subject)
            return True
        if answer.status not in _NOT_WHOLE or is_about(answer.some(), "DIGEST_INVALID"):
            raise self._endpoint.failure(answer, self._subject, "upload")
        answer.close()
        return False

    def _send_chunks(self) -> None:
        """What is missing, chunk after chunk."""
        size = self._descriptor.size
        while self._offset < size:
            length = min(max(self._chunk, self._least), size - self._offset)
            headers = {"Content-Range": distribution.content_range(self._offset, length)}
            answer = self._stream("PATCH", self._place, self._offset, length, headers)
            if answer.status in (202, 204):
                self._move(answer)
                self._offset += length
                answer.close()
            elif answer.status == 413 and length > max(_SMALLEST, self._least):
                answer.close()
                self._chunk = max(length // 4, _SMALLEST)
            elif answer.status == 416:
                answer.close()
                raise Broken(f"it does not take what comes after {self._offset} bytes")
            else:
                raise self._endpoint.failure(answer, self._subject, "upload")

    def _finish(self) -> None:
        answer = self._ask("PUT", self._with_digest())
        if answer.status == 404 and self._exists(self._descriptor):
            return  # a first answer was lost, and this was asked twice
        self._endpoint.expect(answer, (201, 204), self._subject, "upload")
        self._endpoint.confirm(answer, self._descriptor, self._subject)

    def _locate(self) -> None:
        """Asks where the upload stands; raises Broken when the registry has forgotten it, or says what cannot be.

        `0-0` is one byte by the spec, and what many registries say when they have none. So little is not worth a guess:
        there is no upload then.
        """
        answer = self._ask("GET", self._place)
        answer.close()
        place, self._place, self._offset = self._place, "", 0
        if answer.status not in (200, 202, 204):
            raise Broken(f"the upload is gone (status {answer.status})")
        told = answer.headers.get("Range", "")
        try:
            last = distribution.parse_range(told)[1] if told else -1
        except FormatError as error:
            raise Broken(error.problem) from None
        if last == 0:
            return
        if last >= self._descriptor.size:
            raise Broken(f"it has {last + 1} bytes of {self._descriptor.size}")
        self._place, self._offset = place, last + 1
        if "Location" in answer.headers:
            self._move(answer)

    def _move(self, answer: Answer) -> None:
        """Where the upload goes on: absolute or relative, with the query that it may carry."""
        if answer.headers.get("Location"):
            self._place = self._joined(answer)
        elif not self._place:
            raise Unavailable(self._subject, "the registry names no place to upload to", _RUNS_IT)

    def _joined(self, answer: Answer) -> str:
        try:
            return urljoin(answer.url, answer.headers["Location"])
        except ValueError:
            raise Unavailable(self._subject, "the registry names a place that is no URL", _RUNS_IT) from None

    def _with_digest(self) -> str:
        query = urlencode({"digest": self._descriptor.digest})
        return f"{self._place}{'&' if '?' in self._place else '?'}{query}"

    def _ask(self, method: str, place: str) -> Answer:
        return self._client.ask(method, place, subject=self._subject, scopes=self._endpoint.scopes)

    def _stream(
        self, method: str, place: str, offset: int, length: int, headers: dict[str, str] | None = None
    ) -> Answer:
        """Sends `length` bytes of the blob from `offset` on, to where it is redirected. Raises Broken, Unavailable."""
        from .transport import Body

        sent = {"Content-Type": "application/octet-stream", **(headers or {})}
        for _ in range(_REDIRECTS):
            answer = self._client.ask(
                method,
                place,
                subject=self._subject,
                scopes=self._endpoint.scopes,
                headers=sent,
                stream=Body(self._part(offset, length), length) if length else None,
                body=b"",
            )
            if answer.status not in (307, 308) or not answer.headers.get("Location"):
                return answer
            answer.close()
            place = self._joined(answer)
        raise Unavailable(self._subject, "the registry redirects the upload without end", _RUNS_IT)

    def _show_rest(self) -> None:
        """The tap gets the whole content, also where the registry needed less of us."""
        if self._tap is not None:
            for _ in self._part(self._tapped, self._descriptor.size - self._tapped):
                pass

    def _part(self, offset: int, length: int) -> Iterator[bytes]:
        """`length` bytes of the blob from `offset` on, shown to the tap when it has not seen them yet.

        Raises Corrupt when the source has fewer; nothing beyond is ever read.
        """
        position, end = offset, offset + length
        for chunk in self._read(offset):
            part = chunk[: end - position]
            if self._tap is not None and position + len(part) > self._tapped >= position:
                self._tap(part[self._tapped - position :])
                self._tapped = position + len(part)
            position += len(part)
            yield part
            if position >= end:
                return
        if position < end:
            raise Corrupt(
                self._subject,
                f"what is to be pushed ends after {position} of {self._descriptor.size} bytes",
                "pull or build the image again",
            )
