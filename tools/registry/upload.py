"""Writing to a registry (distribution-spec 1.1, Pushing): blobs, manifests, tags, and the referrers fallback."""

from __future__ import annotations

from urllib.parse import urlencode

from oci_spec import distribution, image_layout, jsondoc, manifest, media_types
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, NotFound, Unavailable
from .failures import Broken
from .transport import ATTEMPTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from oci_spec.descriptor import Descriptor

    from ..store.contract import Reader
    from .remote import Endpoint
    from .transport import Response

_CHUNK = 32 << 20
"""Bytes of one chunk of a chunked upload, unless the registry wants more."""


class Upload:
    """What is written to one repository."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._transport = endpoint.transport

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether the repository has the content."""
        response = self._request("HEAD", self._path(descriptor), descriptor)
        response.close()
        return response.status_code == 200

    def push(self, descriptor: Descriptor, read: Reader, origin: str) -> str:
        """See contract.Destination. Raises Denied, Unavailable, NotFound, Corrupt."""
        if _is_manifest(descriptor):
            self._put_manifest(descriptor, b"".join(read(0)), descriptor.digest)
            return "done"
        if self.exists(descriptor):
            return "exists"
        return self._push_blob(descriptor, read, origin)

    def tag(self, descriptor: Descriptor, reference: str) -> None:
        """Puts a manifest that was pushed before under a tag."""
        self._put_manifest(descriptor, self._endpoint.read(descriptor), reference)

    def _push_blob(self, descriptor: Descriptor, read: Reader, origin: str) -> str:
        subject = self._subject(descriptor)
        for attempt in range(1, ATTEMPTS + 1):
            response = self._begin(descriptor, origin)
            if response.status_code == 201:
                return "mounted"
            self._endpoint.expect(response, (202,), subject, "repository")
            place, least = _location(response, subject), _chunk_minimum(response)
            response.close()
            try:
                if attempt == 1:
                    place = self._whole(place, descriptor, read)
                else:
                    place = self._chunked(place, descriptor, read, least)
                if place:
                    self._finish(place, descriptor)
                return "done"
            except Broken as broken:
                if attempt == ATTEMPTS:
                    raise self._transport.unreachable(subject, broken.problem) from None
                self._transport.pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    def _begin(self, descriptor: Descriptor, origin: str) -> Response:
        """Asks for an upload, or for a mount from a repository of the same registry that has the blob."""
        endpoint = self._endpoint
        registry, _, source = origin.partition("/")
        path = distribution.uploads_path(endpoint.repository)
        scopes: tuple[str, ...] = endpoint.scopes
        if registry == self._transport.registry.name and source not in ("", endpoint.repository):
            path += "?" + urlencode({"mount": descriptor.digest, "from": source})
            scopes = (*scopes, f"repository:{source}:pull")
        return self._transport.request(
            "POST", path, subject=self._subject(descriptor), scopes=scopes, headers={"Content-Length": "0"}
        )

    def _whole(self, place: str, descriptor: Descriptor, read: Reader) -> str:
        """The blob in one request. Where that breaks or is not taken, Broken: the next attempt sends chunks."""
        response = self._stream("PUT", _with_digest(place, descriptor), descriptor, read(0), descriptor.size)
        if response.status_code in (201, 204):
            response.close()
            return ""
        if response.status_code in (400, 404, 405, 408, 411, 413, 416, 429) or response.status_code >= 500:
            response.close()
            raise Broken(f"the upload was answered with status {response.status_code}")
        self._endpoint.expect(response, (201,), self._subject(descriptor), "upload")
        return ""

    def _chunked(self, place: str, descriptor: Descriptor, read: Reader, least: int) -> str:
        """The blob in chunks; a broken one goes on from where the registry says it is. Returns where to finish."""
        subject = self._subject(descriptor)
        offset = 0
        failures = 0
        while offset < descriptor.size:
            length = min(max(_CHUNK, least), descriptor.size - offset)
            headers = {"Content-Range": f"{offset}-{offset + length - 1}"}
            try:
                response = self._stream("PATCH", place, descriptor, _limited(read(offset), length), length, headers)
                if response.status_code in (202, 204):
                    place = _location(response, subject)
                    offset += length
                    failures = 0
                    response.close()
                    continue
                if response.status_code != 416 and response.status_code < 500:
                    self._endpoint.expect(response, (202,), subject, "upload")
                response.close()
            except Broken:
                pass
            failures += 1
            if failures >= ATTEMPTS:
                raise Unavailable(subject, "the registry keeps breaking the upload off", "try again later")
            self._transport.pause(failures)
            place, offset = self._where(place, descriptor)
        return place

    def _where(self, place: str, descriptor: Descriptor) -> tuple[str, int]:
        """Where an upload stands: its location, and the offset of the next byte. Broken when it is gone."""
        response = self._request("GET", place, descriptor)
        response.close()
        if response.status_code != 204:
            raise Broken(f"the upload is gone (status {response.status_code})")
        last = response.headers.get("Range", "").rpartition("-")[2]
        return _location(response, self._subject(descriptor), place), int(
            last
        ) + 1 if last.isdigit() and last != "0" else 0

    def _finish(self, place: str, descriptor: Descriptor) -> None:
        response = self._request("PUT", _with_digest(place, descriptor), descriptor, {"Content-Length": "0"})
        self._endpoint.expect(response, (201, 204), self._subject(descriptor), "upload")
        response.close()

    def _put_manifest(self, descriptor: Descriptor, data: bytes, target: str) -> None:
        subject = f"{self._endpoint.name}{'@' if ':' in target else ':'}{target}"
        response = self._transport.request(
            "PUT",
            distribution.manifest_path(self._endpoint.repository, target),
            subject=subject,
            scopes=self._endpoint.scopes,
            headers={"Content-Type": descriptor.media_type},
            data=data,
        )
        self._endpoint.expect(response, (200, 201, 202), subject, "repository")
        response.close()
        told = response.headers.get("Docker-Content-Digest")
        if told and told != descriptor.digest and told.startswith(f"{descriptor.digest.algorithm}:"):
            raise Corrupt(
                subject, f"the registry stored it as {told}, not {descriptor.digest}", "ask who runs the registry"
            )
        if ":" in target and "OCI-Subject" not in response.headers:
            self._refer(descriptor, data)

    def _refer(self, descriptor: Descriptor, data: bytes) -> None:
        """Adds a manifest with a subject to the subject's fallback tag, for registries without the referrers API."""
        try:
            document = manifest.parse(data, descriptor.media_type)
        except FormatError:
            return
        if document.subject is None:
            return
        tag = distribution.referrers_tag(document.subject.digest)
        entry = dict(document.descriptor().document)
        if document.artifact_type:
            entry["artifactType"] = document.artifact_type
        if document.annotations:
            entry["annotations"] = dict(document.annotations)
        entries: list[object] = []
        try:
            known = self._endpoint.read(self._endpoint.resolve(tag, f"{self._endpoint.name}:{tag}"))
            entries = [
                one.document
                for one in image_layout.parse_index(known, tag).manifests
                if one.digest != descriptor.digest
            ]
        except NotFound:
            pass
        index = jsondoc.dumps({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [*entries, entry]})
        self._put_manifest(type(descriptor).make(media_types.OCI_INDEX, index), index, tag)

    def _stream(
        self,
        method: str,
        place: str,
        descriptor: Descriptor,
        chunks: Iterable[bytes],
        length: int,
        headers: dict[str, str] | None = None,
    ) -> Response:
        return self._transport.request(
            method,
            place,
            subject=self._subject(descriptor),
            scopes=self._endpoint.scopes,
            headers={"Content-Type": "application/octet-stream", **(headers or {})},
            data=_Body(chunks, length),
            repeatable=False,
        )

    def _request(
        self, method: str, path: str, descriptor: Descriptor, headers: dict[str, str] | None = None
    ) -> Response:
        return self._transport.request(
            method, path, subject=self._subject(descriptor), scopes=self._endpoint.scopes, headers=headers
        )

    def _path(self, descriptor: Descriptor) -> str:
        path = distribution.manifest_path if _is_manifest(descriptor) else distribution.blob_path
        return path(self._endpoint.repository, descriptor.digest)

    def _subject(self, descriptor: Descriptor) -> str:
        return f"{self._endpoint.name}@{descriptor.digest}"


class _Body:
    """A request's body of a known length: requests sends it with Content-Length, chunk by chunk."""

    def __init__(self, chunks: Iterable[bytes], length: int) -> None:
        self._chunks = chunks
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)


def _limited(chunks: Iterable[bytes], length: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:length]
        length -= len(chunk)
        if length <= 0:
            return


def _is_manifest(descriptor: Descriptor) -> bool:
    return media_types.is_index(descriptor.media_type) or media_types.is_manifest(descriptor.media_type)


def _location(response: Response, subject: str, default: str = "") -> str:
    """Where the upload goes on, absolute or relative, with the query that it may carry."""
    from urllib.parse import urljoin

    place = response.headers.get("Location", "")
    if not place and not default:
        raise Unavailable(subject, "the registry names no place to upload to", "ask who runs the registry")
    return urljoin(response.url, place) if place else default


def _with_digest(place: str, descriptor: Descriptor) -> str:
    return f"{place}{'&' if '?' in place else '?'}{urlencode({'digest': descriptor.digest})}"


def _chunk_minimum(response: Response) -> int:
    value = response.headers.get("OCI-Chunk-Min-Length", "")
    return int(value) if value.isdigit() else 0
