"""Content on its way into a file, checked against its descriptor."""

from __future__ import annotations

from oci_spec import digest

from ..errors import WrongContent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor

    from ..store.contract import Reader, Tap

_REMEDY = "the image is damaged at its source: pull it again, or make it again"


def checked(descriptor: Descriptor, read: Reader, tap: Tap | None = None) -> Iterator[bytes]:
    """The bytes that `read` gives. Raises WrongContent at their end when they are not what the descriptor says, and at
    once when there are more of them."""
    subject = f"blob {descriptor.digest}"
    state = digest.hasher(descriptor.digest.algorithm)
    left = descriptor.size
    for chunk in read(0):
        left -= len(chunk)
        if left < 0:
            raise WrongContent(subject, f"is longer than {descriptor.size} bytes", _REMEDY)
        state.update(chunk)
        if tap:
            tap(chunk)
        yield chunk
    if left:
        raise WrongContent(subject, f"ended after {descriptor.size - left} of {descriptor.size} bytes", _REMEDY)
    if f"{descriptor.digest.algorithm}:{state.hexdigest()}" != descriptor.digest:
        raise WrongContent(subject, "its content does not match its digest", _REMEDY)
