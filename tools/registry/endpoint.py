"""Reading one repository at one host (distribution-spec 1.1, Pulling): manifests, blobs, tags.

Nothing a registry says is believed: documents are checked against the size and digest they were asked by, and blobs
are handed out never longer than their descriptor says, for the reader to check.
"""

from __future__ import annotations

from urllib.parse import urljoin

from oci_spec import digest, distribution, jsondoc, media_types
from oci_spec.descriptor import Descriptor
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, OcipipeError, Unsupported
from .refusal import refusal
from .retry import ATTEMPTS, PASSING, Broken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .client import Client
    from .transport import Answer

DOCUMENT_LIMIT = 4 << 20
"""Bytes of the largest manifest we read (distribution-spec 1.1 asks registries to take at least 4 MiB)."""
TAGS_LIMIT = 32 << 20
"""Bytes of one page of tags."""
_PROGRESS = 1 << 18
"""A connection that broke after so many bytes did its work: the next one starts to count attempts anew."""
_ACCEPT = {"Accept": ", ".join(media_types.ACCEPT_MANIFESTS)}
_RUNS_IT = "ask who runs the registry"


class Endpoint:
    """A repository at one host. `name` is how the user knows it (`docker.io/library/debian`), for messages."""

    def __init__(self, client: Client, repository: str, name: str, *, push: bool = False) -> None:
        self.client = client
        self.repository = repository
        self.name = name
        self.scopes = (f"repository:{repository}:{'pull,push' if push else 'pull'}",)
        self._documents: dict[str, bytes] = {}

    def resolve(self, target: str) -> Descriptor:
        """The descriptor of a tag or digest. Raises NotFound, Denied, Unavailable, Unsupported, Corrupt.

        HEAD tells all there is to know where its headers are complete; they are optional, and some registries don't
        answer HEAD at all.
        """
        subject = self.subject(target)
        path = distribution.manifest_path(self.repository, target)
        answer = self.client.ask("HEAD", path, subject=subject, scopes=self.scopes, headers=_ACCEPT)
        answer.close()
        if answer.status in PASSING:
            raise self.failure(answer, subject, "manifest")
        found = _announced(answer) if answer.status == 200 else None
        if found is None:
            answer, data = self.client.fetch(
                path, subject=subject, limit=DOCUMENT_LIMIT, scopes=self.scopes, headers=_ACCEPT
            )
            self.expect(answer, (200,), subject, "manifest")
            algorithm = target.partition(":")[0] if ":" in target else "sha256"
            found = Descriptor(
                {
                    "mediaType": _manifest_type(answer.media_type, subject),
                    "digest": digest.of_bytes(data, algorithm),
                    "size": len(data),
                }
            )
            told = answer.headers.get("Docker-Content-Digest", found.digest)
            if told != found.digest and told.startswith(f"{algorithm}:"):
                raise Corrupt(subject, f"the registry calls it {told[:160]}, its digest is {found.digest}", _RUNS_IT)
            self.keep(found, data)
        if ":" in target and found.digest != target:
            raise Corrupt(subject, f"the registry answered with {found.digest}", _RUNS_IT)
        if found.size > DOCUMENT_LIMIT:
            raise Corrupt(subject, f"its manifest is {found.size} bytes long; at most {DOCUMENT_LIMIT} are read")
        return found

    def read(self, descriptor: Descriptor) -> bytes:
        """A whole document of at most DOCUMENT_LIMIT bytes, verified. Raises as `resolve` does."""
        subject = self.subject(descriptor.digest)
        kept = self._documents.get(descriptor.digest)
        data = kept if kept is not None else descriptor.data
        if data is None:
            data = self._fetch(descriptor, subject)
        if len(data) != descriptor.size:
            raise Corrupt(subject, f"the registry sent {len(data)} bytes, not {descriptor.size}", _RUNS_IT)
        if digest.of_bytes(data, descriptor.digest.algorithm) != descriptor.digest:
            raise Corrupt(subject, "the registry sent content that does not match the digest", _RUNS_IT)
        return data

    def keep(self, descriptor: Descriptor, data: bytes) -> None:
        """Remembers a manifest that passed through here: it is often wanted again at once."""
        self._documents[descriptor.digest] = data

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """A blob's bytes from `offset` on, resumed where the connection breaks. Not verified.

        Raises NotFound, Denied, Unavailable, and Corrupt as soon as the registry has more or less than the size says.
        """
        subject = self.subject(descriptor.digest)
        own = distribution.blob_path(self.repository, descriptor.digest)
        places = [own, *(url for url in descriptor.urls if self.client.allows(url))]
        attempt = 0
        while offset < descriptor.size:
            begun = offset
            answer = self._ask_blob(places, offset, subject)
            try:
                position = _begin(answer, descriptor, offset, subject)
                for chunk in answer.chunks():
                    end = position + len(chunk)
                    if end > descriptor.size:
                        raise Corrupt(subject, f"the registry sent more than {descriptor.size} bytes", _RUNS_IT)
                    if end > offset:
                        wanted = chunk[offset - position :] if offset > position else chunk
                        offset = end
                        yield wanted
                    position = end
                problem = Broken(f"the connection was closed after {offset} of {descriptor.size} bytes")
            except Broken as broken:
                problem = broken
            finally:
                answer.close()
            if offset < descriptor.size:
                attempt = 1 if offset - begun >= _PROGRESS else attempt + 1
                if attempt >= ATTEMPTS:
                    raise self.client.unreachable(subject, problem)
                self.client.pause(attempt)

    def tags(self) -> Iterator[str]:
        """Every tag, page by page (distribution-spec 1.1, Listing Tags). Raises NotFound, Denied, Corrupt."""
        path: str | None = distribution.tags_path(self.repository)
        seen: set[str] = set()
        while path is not None and path not in seen:
            seen.add(path)
            answer, data = self.client.fetch(path, subject=self.name, limit=TAGS_LIMIT, scopes=self.scopes)
            self.expect(answer, (200,), self.name, "repository")
            try:
                tags = jsondoc.load_object(data, self.name).get("tags") or []
                following = distribution.parse_link_next(answer.headers.get("Link", ""))
            except FormatError as error:
                raise Corrupt(self.name, f"the registry's list of tags is {error.problem}", _RUNS_IT) from None
            if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
                raise Corrupt(self.name, "the registry's list of tags holds something else", _RUNS_IT)
            yield from tags
            path = urljoin(path, following) if following is not None else None  # a link is relative to its page

    def expect(self, answer: Answer, statuses: tuple[int, ...], subject: str, what: str) -> None:
        """Raises the error that an answer with another status stands for."""
        if answer.status not in statuses:
            raise self.failure(answer, subject, what)

    def confirm(self, answer: Answer, descriptor: Descriptor, subject: str) -> None:
        """Ends an upload whose answer tells that it was taken. Raises Corrupt when it tells another digest."""
        answer.close()
        told = answer.headers.get("Docker-Content-Digest", descriptor.digest)
        if told != descriptor.digest and told.startswith(f"{descriptor.digest.algorithm}:"):
            raise Corrupt(subject, f"the registry stored it as {told[:160]}, not {descriptor.digest}", _RUNS_IT)

    def failure(self, answer: Answer, subject: str, what: str) -> OcipipeError:
        """The error that an answer stands for; `what` is what was asked for."""
        return refusal(answer.status, answer.headers, answer.some(), subject=subject, what=what, host=self.client.host)

    def subject(self, target: str) -> str:
        """The full reference of a tag or digest here, for messages."""
        return f"{self.name}{'@' if ':' in target else ':'}{target}"

    def _fetch(self, descriptor: Descriptor, subject: str) -> bytes:
        if descriptor.size > DOCUMENT_LIMIT:
            raise Corrupt(subject, f"says it is {descriptor.size} bytes long; documents have at most {DOCUMENT_LIMIT}")
        if not is_document(descriptor):
            path = distribution.blob_path(self.repository, descriptor.digest)
            answer, data = self.client.fetch(path, subject=subject, limit=descriptor.size, scopes=self.scopes)
            self.expect(answer, (200,), subject, "blob")
            return data
        path = distribution.manifest_path(self.repository, descriptor.digest)
        headers = {"Accept": descriptor.media_type}
        answer, data = self.client.fetch(
            path, subject=subject, limit=descriptor.size, scopes=self.scopes, headers=headers
        )
        self.expect(answer, (200,), subject, "manifest")
        if answer.media_type not in (descriptor.media_type, ""):
            raise Corrupt(
                subject, f"the registry calls it {answer.media_type[:200]}, not {descriptor.media_type}", _RUNS_IT
            )
        return data

    def _ask_blob(self, places: list[str], offset: int, subject: str) -> Answer:
        """The answer that has the blob from `offset` on, or all of it; foreign layers are looked for at their URLs."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        while True:
            try:
                answer = self.client.ask("GET", places[0], subject=subject, scopes=self.scopes, headers=headers)
                if answer.status in (200, 206):
                    return answer
                if answer.status == 416 and headers:  # it has less than we have: all of it will show what is wrong
                    answer.close()
                    headers = {}
                    continue
                raise self.failure(answer, subject, "blob")
            except OcipipeError:
                if len(places) == 1:
                    raise
                del places[0]


def is_document(descriptor: Descriptor) -> bool:
    """Whether registries keep it among the manifests rather than the blobs."""
    return media_types.is_index(descriptor.media_type) or media_types.is_manifest(descriptor.media_type)


def _announced(answer: Answer) -> Descriptor | None:
    """What HEAD says of a manifest; None unless it says all and says it well."""
    media_type = answer.media_type
    known = media_types.is_index(media_type) or media_types.is_manifest(media_type)
    if not known or not answer.length:
        return None
    try:
        found = digest.parse(answer.headers.get("Docker-Content-Digest", ""))
    except FormatError:
        return None
    return Descriptor({"mediaType": media_type, "digest": found, "size": answer.length})


def _manifest_type(media_type: str, subject: str) -> str:
    """`media_type`, when it is one of a manifest or index that we read. Raises Unsupported, Corrupt."""
    if media_types.is_index(media_type) or media_types.is_manifest(media_type):
        return media_type
    if media_type in media_types.SCHEMA_1:
        raise Unsupported(
            subject, "is a Docker schema 1 image, which is no longer supported", "push it anew with a current tool"
        )
    raise Corrupt(
        subject,
        f"the registry calls it {media_type[:200] or 'nothing'}, which is no image manifest or index",
        "check the address",
    )


def _begin(answer: Answer, descriptor: Descriptor, offset: int, subject: str) -> int:
    """Where in the blob the answer's body begins: `offset`, or before it where the server ignores Range.

    Raises Corrupt where the answer says that the blob has another size than its descriptor.
    """
    size = answer.length
    begin = 0
    if answer.status == 206:
        text = answer.headers.get("Content-Range", "")
        try:
            begin = distribution.parse_range(text)[0]
        except FormatError:
            raise Corrupt(subject, f"the registry sent a part without saying which ({text[:80]!r})", _RUNS_IT) from None
        if begin > offset:
            raise Corrupt(subject, f"the registry sent it from {begin} on when asked from {offset} on", _RUNS_IT)
        size = distribution.parse_count(text.partition("/")[2])
    if size is not None and size != descriptor.size:
        raise Corrupt(subject, f"the registry has {size} bytes of it, not {descriptor.size}", _RUNS_IT)
    return begin
