"""One repository of a registry as a Source and Destination (see store/contract.py).

Reading tries the configured mirrors first, then the registry itself; whatever answers, content is verified against the
digest that was asked for. Writing goes to the registry itself (upload.py).
"""

from __future__ import annotations

from oci_spec import digest, distribution, media_types
from oci_spec.descriptor import Descriptor
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, Denied, NotFound, OcipipeError, Unavailable, Unsupported
from .credentials import Keychain
from .failures import Broken
from .settings import Access, Settings
from .transport import ATTEMPTS, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from ..context import Context
    from ..store.contract import Reader, Tap
    from .transport import Response

    T = TypeVar("T")

__all__ = ["Access", "Endpoint", "Remote", "connect"]

DOCUMENT_LIMIT = 4 << 20
"""The largest manifest we read (distribution-spec 1.1 asks registries to take at least 4 MiB)."""


def connect(ctx: Context, name: str, access: Access, *, push: bool = False) -> Remote:
    """The repository `name` (registry/repository), reached as configuration and `access` say; nothing is sent yet."""
    settings = Settings(ctx.env, access)
    keychain = Keychain(ctx.env, access.authfile, ctx.user)
    registry, _, repository = name.partition("/")
    places = [(registry, repository)]
    if not push:
        for mirror in reversed(settings.registry(registry).mirrors):
            host, _, prefix = mirror.partition("/")
            places.insert(0, (host, f"{prefix}/{repository}" if prefix else repository))
    endpoints = [
        Endpoint(
            Transport(settings.registry(host), keychain.find(host, path), random=ctx.random), path, name, push=push
        )
        for host, path in places
    ]
    return Remote(name, endpoints, ctx.progress.warn)


class Endpoint:
    """A repository at one host. `name` is how the user knows it, for messages."""

    def __init__(self, transport: Transport, repository: str, name: str, *, push: bool = False) -> None:
        self.transport = transport
        self.repository = repository
        self.name = name
        self.scopes = (f"repository:{repository}:{'pull,push' if push else 'pull'}",)
        self._documents: dict[str, bytes] = {}

    def resolve(self, target: str, subject: str) -> Descriptor:
        """The descriptor of a tag or digest. Raises NotFound, Denied, Unavailable, Unsupported, Corrupt."""
        path = distribution.manifest_path(self.repository, target)
        headers = {"Accept": ", ".join(media_types.ACCEPT_MANIFESTS)}
        response = self.transport.request("HEAD", path, subject=subject, scopes=self.scopes, headers=headers)
        response.close()
        media_type = _content_type(response)
        found = response.headers.get("Docker-Content-Digest", "")
        length = response.headers.get("Content-Length", "")
        if response.status_code == 200 and media_type and found and length.isdigit():
            descriptor = Descriptor(
                {"mediaType": media_type, "digest": digest.parse(found, subject), "size": int(length)}
            )
        else:  # the headers are optional, and some registries don't answer HEAD at all
            response = self.transport.request("GET", path, subject=subject, scopes=self.scopes, headers=headers)
            self.expect(response, (200,), subject, "manifest")
            data = self.transport.limited(response, DOCUMENT_LIMIT, subject)
            media_type = _content_type(response)
            descriptor = Descriptor.make(media_type, data)
            self._documents[descriptor.digest] = data
        if media_type in media_types.SCHEMA_1:
            raise Unsupported(
                subject, "is a Docker schema 1 image, which is no longer supported", "push it anew with a current tool"
            )
        if not (media_types.is_index(media_type) or media_types.is_manifest(media_type)):
            raise Corrupt(
                subject, f"the registry calls it {media_type or 'nothing'}, which is no image manifest or index"
            )
        if descriptor.size > DOCUMENT_LIMIT:
            raise Corrupt(subject, f"its manifest is {descriptor.size} bytes long; at most {DOCUMENT_LIMIT} are read")
        if ":" in target and descriptor.digest != target:
            raise Corrupt(subject, f"the registry answered with {descriptor.digest}", "ask who runs the registry")
        return descriptor

    def read(self, descriptor: Descriptor) -> bytes:
        """A whole document, verified. Raises as resolve does."""
        subject = f"{self.name}@{descriptor.digest}"
        data = self._documents.get(descriptor.digest)
        if data is None:
            if descriptor.size > DOCUMENT_LIMIT:
                raise Corrupt(
                    subject, f"says it is {descriptor.size} bytes long; documents have at most {DOCUMENT_LIMIT}"
                )
            is_manifest = media_types.is_index(descriptor.media_type) or media_types.is_manifest(descriptor.media_type)
            if is_manifest:
                path, headers = (
                    distribution.manifest_path(self.repository, descriptor.digest),
                    {"Accept": descriptor.media_type},
                )
            else:
                path, headers = distribution.blob_path(self.repository, descriptor.digest), {}
            response = self.transport.request("GET", path, subject=subject, scopes=self.scopes, headers=headers)
            self.expect(response, (200,), subject, "manifest" if is_manifest else "blob")
            if is_manifest and _content_type(response) not in (descriptor.media_type, ""):
                raise Corrupt(subject, f"the registry calls it {_content_type(response)}, not {descriptor.media_type}")
            data = self.transport.limited(response, descriptor.size, subject)
        if len(data) != descriptor.size:
            raise Corrupt(
                subject, f"the registry sent {len(data)} bytes, not {descriptor.size}", "ask who runs the registry"
            )
        if digest.of_bytes(data, descriptor.digest.algorithm) != descriptor.digest:
            raise Corrupt(
                subject, "the registry sent content that does not match the digest", "ask who runs the registry"
            )
        return data

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """A blob's bytes from `offset` on, resumed where the connection breaks, never more than the descriptor says.

        Not verified: whoever takes them in does that. Raises NotFound, Denied, Unavailable.
        """
        subject = f"{self.name}@{descriptor.digest}"
        places = [distribution.blob_path(self.repository, descriptor.digest), *descriptor.urls]
        attempt = 0
        while True:
            headers = {"Range": f"bytes={offset}-"} if offset else {}
            response = self.transport.request("GET", places[0], subject=subject, scopes=self.scopes, headers=headers)
            if response.status_code == 404 and len(places) > 1:
                response.close()
                del places[0]
                continue
            if response.status_code == 416 and offset:
                response.close()
                return  # what we have is as long as what there is: the digest will tell
            self.expect(response, (200, 206), subject, "blob")
            skip = _skip(response, offset)
            begun = offset
            try:
                for chunk in self.transport.body(response):
                    wanted = chunk[skip:] if skip else chunk
                    skip -= len(chunk) - len(wanted)
                    if wanted:
                        offset += len(wanted)
                        yield wanted
                    if offset > descriptor.size:
                        return  # longer than announced: enough has been handed out for the reader to see it
                return
            except Broken as broken:
                attempt = 1 if offset > begun else attempt + 1
                if attempt >= ATTEMPTS:
                    raise self.transport.unreachable(subject, broken.problem) from None
                self.transport.pause(attempt)
            finally:
                response.close()

    def tags(self) -> Iterator[str]:
        """Every tag, page by page (distribution-spec 1.1, Listing Tags). Raises NotFound, Denied, Corrupt."""
        from oci_spec import jsondoc

        path: str | None = distribution.tags_path(self.repository)
        seen: set[str] = set()
        while path is not None and path not in seen:
            seen.add(path)
            response = self.transport.request("GET", path, subject=self.name, scopes=self.scopes)
            self.expect(response, (200,), self.name, "repository")
            try:
                document = jsondoc.load_object(self.transport.limited(response, DOCUMENT_LIMIT, self.name), self.name)
            except FormatError as error:
                raise Corrupt(self.name, f"the registry's list of tags is {error.problem}") from None
            tags = document.get("tags") or []
            if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
                raise Corrupt(self.name, "the registry's list of tags holds something else")
            yield from tags
            path = distribution.parse_link_next(response.headers.get("Link", ""))

    def expect(self, response: Response, statuses: tuple[int, ...], subject: str, what: str) -> None:
        """Raises the error that an answer with another status stands for; its body is read, bounded."""
        status = response.status_code
        if status in statuses:
            return
        said = self._said(response, subject)
        if status == 404:
            said = said or f"{what} unknown"
            raise NotFound(subject, said, "check the name, or log in with reg-login")
        if status in (401, 403):
            raise Denied(subject, said or "access denied", "check the name, or log in with reg-login")
        if status == 429:
            after = response.headers.get("Retry-After", "")
            wait = f"try again in {after} s" if after.isdigit() else "try again later, or log in with reg-login"
            raise Unavailable(subject, said or "too many requests", wait)
        where = self.transport.registry.host
        raise Unavailable(
            subject, f"{where} answered with status {status}{f': {said}' if said else ''}", "try again later"
        )

    def _said(self, response: Response, subject: str) -> str:
        """The registry's own words, one line."""
        try:
            errors = distribution.parse_errors(self.transport.limited(response, 1 << 16, subject))
        except (OcipipeError, FormatError):
            return ""
        words = "; ".join(message or code.lower().replace("_", " ") for code, message, _ in errors)
        return " ".join(words.split())[:300]


class Remote:
    """A repository: its mirrors and the registry itself, in the order in which they are asked."""

    def __init__(self, name: str, endpoints: list[Endpoint], warn: Callable[[str], None]) -> None:
        self.name = name
        self._endpoints = endpoints
        self._warn = warn

    @property
    def origin(self) -> Endpoint:
        return self._endpoints[-1]

    def resolve(self, reference: str) -> Descriptor:
        """See contract.Source; `reference` is a tag or a digest."""
        subject = f"{self.name}{'@' if ':' in reference else ':'}{reference}"
        return self._first(lambda endpoint: endpoint.resolve(reference, subject))

    def read(self, descriptor: Descriptor) -> bytes:
        return self._first(lambda endpoint: endpoint.read(descriptor))

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        for endpoint in self._endpoints:
            try:
                for chunk in endpoint.open(descriptor, offset):
                    offset += len(chunk)
                    yield chunk
                return
            except OcipipeError as error:
                self._fell_back(endpoint, error)

    def tags(self) -> Iterator[str]:
        """Every tag that the registry itself lists: a mirror may hold only some."""
        return self.origin.tags()

    def exists(self, descriptor: Descriptor) -> bool:
        from .upload import Upload

        return Upload(self.origin).exists(descriptor)

    def push(self, descriptor: Descriptor, read: Reader, *, origin: str = "", tap: Tap | None = None) -> str:
        from .upload import Upload

        if tap is not None:
            raise TypeError("nothing is tapped on the way to a registry")
        return Upload(self.origin).push(descriptor, read, origin)

    def tag(self, descriptor: Descriptor, reference: str) -> None:
        from .upload import Upload

        Upload(self.origin).tag(descriptor, reference)

    def _first(self, ask: Callable[[Endpoint], T]) -> T:
        for endpoint in self._endpoints[:-1]:
            try:
                return ask(endpoint)
            except OcipipeError as error:
                self._fell_back(endpoint, error)
        return ask(self.origin)

    def _fell_back(self, endpoint: Endpoint, error: OcipipeError) -> None:
        """A mirror that failed is passed over, and told unless it just lacks the image."""
        if endpoint is self.origin:
            raise error
        if not isinstance(error, NotFound):
            self._warn(
                f"mirror {endpoint.transport.registry.name}: {error}; asking {self.origin.transport.registry.name}"
            )


def _content_type(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _skip(response: Response, offset: int) -> int:
    """How many bytes of the body come before `offset`: a server may ignore Range and send it all."""
    if response.status_code != 206:
        return offset
    begin = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return offset - int(begin) if begin.isdigit() and int(begin) <= offset else 0
