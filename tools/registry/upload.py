"""Writing to one repository (distribution-spec 1.1, Pushing): manifests and tags here, blobs in blob_upload.py."""

from __future__ import annotations

from oci_spec import digest, distribution

from ..errors import Corrupt
from .blob_upload import BlobUpload
from .endpoint import is_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor

    from ..store.contract import Reader, Tap
    from .endpoint import Endpoint


class Upload:
    """What is written to one repository."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether the repository has the content."""
        endpoint = self._endpoint
        manifest = is_document(descriptor)
        path = distribution.manifest_path if manifest else distribution.blob_path
        answer = endpoint.client.ask(
            "HEAD",
            path(endpoint.repository, descriptor.digest),
            subject=endpoint.subject(descriptor.digest),
            scopes=endpoint.scopes,
            headers={"Accept": descriptor.media_type} if manifest else None,
        )
        answer.close()
        return answer.status == 200

    def push(self, descriptor: Descriptor, read: Reader, origin: str, tap: Tap | None = None) -> str:
        """See contract.Sink. Raises Denied, Unavailable, NotFound, Unsupported, and Corrupt for bad content."""
        if is_document(descriptor):
            data = _document(descriptor, read, self._endpoint.subject(descriptor.digest))
            self.put(descriptor, data, descriptor.digest)
            if tap:
                tap(data)
            return "done"
        if self.exists(descriptor):
            return "exists"
        return BlobUpload(self._endpoint, descriptor, read, tap, self.exists).run(origin)

    def tag(self, descriptor: Descriptor, reference: str) -> None:
        """Puts a manifest that was pushed before under a tag."""
        self.put(descriptor, self._endpoint.read(descriptor), reference)

    def put(self, descriptor: Descriptor, data: bytes, target: str) -> None:
        """Puts the manifest `data` under a tag or its digest, as it is.

        One with a subject is made known as its referrer, by us where the registry doesn't say that it does that.
        """
        endpoint = self._endpoint
        subject = endpoint.subject(target)
        answer = endpoint.client.ask(
            "PUT",
            distribution.manifest_path(endpoint.repository, target),
            subject=subject,
            scopes=endpoint.scopes,
            headers={"Content-Type": descriptor.media_type},
            body=data,
        )
        endpoint.expect(answer, (200, 201, 202), subject, "repository")
        endpoint.confirm(answer, descriptor, subject)
        endpoint.keep(descriptor, data)
        if ":" in target and b'"subject"' in data and "OCI-Subject" not in answer.headers:
            from .referrers import refer

            refer(self.put, endpoint, descriptor, data)


def _document(descriptor: Descriptor, read: Reader, subject: str) -> bytes:
    """A manifest's bytes from where they come, checked before anybody else sees them. Raises Corrupt."""
    parts: list[bytes] = []
    size = 0
    for chunk in read(0):
        size += len(chunk)
        if size > descriptor.size:
            break
        parts.append(chunk)
    data = b"".join(parts)
    if size != descriptor.size or digest.of_bytes(data, descriptor.digest.algorithm) != descriptor.digest:
        raise Corrupt(subject, "what is to be pushed is not what its digest says", "pull or build the image again")
    return data
