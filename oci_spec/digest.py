"""Content digests (image-spec 1.1, descriptor.md, Digests): `algorithm:encoded`.

sha256 and sha512 are the registered algorithms; both are verified here, anything else is refused, because a
digest that nobody can check protects nothing.
"""

from __future__ import annotations

import sys

from .jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from hashlib import _Hash as Hash

_HEX = frozenset("0123456789abcdef")
_SMALL = 1 << 18
LENGTHS = {"sha256": 64, "sha512": 128}
"""Hex digits of each algorithm we can verify."""


class Digest(str):
    """A digest that has been checked for form: a plain string wherever one is wanted."""

    __slots__ = ()

    @property
    def algorithm(self) -> str:
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first 12 hex digits, for people."""
        return self.partition(":")[2][:12]


def parse(text: object, subject: str = "digest") -> Digest:
    """`text` as a Digest; FormatError when it is none or its algorithm is not one we verify."""
    if isinstance(text, Digest):
        return text
    if not isinstance(text, str):
        raise FormatError(subject, "a digest is a string like sha256:<64 hex digits>")
    algorithm, _, encoded = text.partition(":")
    length = LENGTHS.get(algorithm)
    if length is None:
        raise FormatError(subject, f"unsupported digest {text[:80]!r} (sha256 and sha512 are supported)")
    if len(encoded) != length or not _HEX.issuperset(encoded):
        raise FormatError(
            subject, f"malformed digest {text[:160]!r} ({algorithm} takes {length} lower-case hex digits)"
        )
    return Digest(text)


_SHA256 = ("_sha2" if sys.version_info >= (3, 12) else "_sha256", "hashlib")
"""Modules that have it; to look for one that is not there costs more than a small document's digest."""
_small: Callable[[bytes], Hash] | None = None


def hasher(algorithm: str = "sha256") -> Hash:
    """A fresh hash object of a supported algorithm."""
    import hashlib

    return hashlib.new(algorithm)


def of_bytes(data: bytes, algorithm: str = "sha256") -> Digest:
    """The digest of `data`."""
    if algorithm == "sha256" and len(data) <= _SMALL:
        return Digest(f"sha256:{of_small(data)}")
    state = hasher(algorithm)
    state.update(data)
    return Digest(f"{algorithm}:{state.hexdigest()}")


def of_small(data: bytes) -> str:
    """The hex digits of the sha256 of something small, by the interpreter's own code: hashlib brings OpenSSL along, and
    loading that takes longer than this."""
    global _small
    if _small is None:
        for name in _SHA256:
            try:
                _small = __import__(name).sha256
                break
            except ImportError:
                continue
    assert _small is not None, "every Python has hashlib"
    return _small(data).hexdigest()


def chain_ids(diff_ids: Iterable[Digest]) -> list[Digest]:
    """The chain ID of each layer, bottom first (image-spec config.md, Layer ChainID).

    The first is the diff ID itself; each further one is sha256 over the strings "<parent chain> <diff id>".
    """
    chain: list[Digest] = []
    for diff_id in diff_ids:
        chain.append(of_bytes(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain
