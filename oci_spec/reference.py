"""Image references: `[registry/]repository[:tag][@digest]` with the defaults that Docker's users know.

The grammar is the one that distribution-spec's names follow (`<name>`, `<reference>`), with Docker's rules for what
may be left out: the first part is a registry when it has a dot or a colon, is `localhost`, or holds upper case;
otherwise the registry is docker.io, where a name of one part lives under `library/`; a missing tag is `latest`.
"""

from __future__ import annotations

from . import digest as _digest
from .jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .digest import Digest

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_ALNUM = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_HEX = frozenset("0123456789abcdef")


class Reference:
    """A parsed reference. `tag` and `digest` are None where not given; where both are, the digest decides."""

    __slots__ = ("digest", "registry", "repository", "tag")

    def __init__(self, registry: str, repository: str, tag: str | None, digest: Digest | None) -> None:
        self.registry = registry
        self.repository = repository
        self.tag = tag
        self.digest = digest

    @property
    def name(self) -> str:
        """`registry/repository`."""
        return f"{self.registry}/{self.repository}"

    @property
    def target(self) -> str:
        """What a registry is asked for: the digest where there is one, else the tag."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def familiar(self) -> str:
        """The shortest form that parses to the same reference, for people."""
        text = self.name
        if self.registry == DEFAULT_REGISTRY:
            short = self.repository.removeprefix("library/") if self.repository.count("/") == 1 else self.repository
            if _split(short)[:2] == (self.registry, self.repository) and not _is_bare_hex(short):
                text = short
        return text + self._suffix()

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.name + self._suffix()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"Reference({self})"


def parse(text: str, *, default_tag: bool = True) -> Reference:
    """`text` as a Reference; FormatError names the text and the part that is wrong.

    With `default_tag`, a reference with neither tag nor digest gets the tag `latest`.
    """
    name, at, digest_text = text.partition("@")
    digest = _digest.parse(digest_text, text) if at else None
    registry, repository, tag = _split(name)
    if not repository:
        raise FormatError(text or "''", "an image reference needs a repository, like debian:bookworm")
    if _is_bare_hex(name):
        raise FormatError(text, "64 hex digits are no name (write sha256:… for a digest)")
    if not is_host(registry):
        raise FormatError(text, f"{registry!r} is no registry host")
    if not all(map(_is_component, repository.split("/"))):
        why = (
            "repositories are lower case"
            if repository != repository.lower()
            else f"{repository!r} is no repository name"
        )
        raise FormatError(text, why)
    if len(registry) + len(repository) + 1 > 255:
        raise FormatError(text[:40] + "…", "a name has at most 255 characters")
    if tag is not None and not _is_tag(tag):
        raise FormatError(text, f"{tag!r} is no tag (letters, digits, _ . -, at most 128)")
    if tag is None and digest is None and default_tag:
        tag = DEFAULT_TAG
    return Reference(registry, repository, tag, digest)


# The grammar as code: every command reads a reference, and importing `re` takes as long as all the rest of a start.


def _is_component(text: str) -> bool:
    """`[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*`"""
    if not text or text[0] not in _LOWER or text[-1] not in _LOWER:
        return False
    between = "".join("/" if one in _LOWER else one for one in text).split("/")
    return all(one in ("", ".", "_", "__") or one == "-" * len(one) for one in between)


def _is_tag(text: str) -> bool:
    """`[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`"""
    return 0 < len(text) <= 128 and text[0] not in ".-" and all(one in _ALNUM or one in "_.-" for one in text)


def is_host(text: str) -> bool:
    """A name of labels, with a dot at its end or none, or an IPv6 address in brackets; then `:port` or nothing."""
    if text.startswith("["):
        address, bracket, port = text[1:].partition("]")
        if not bracket or not address or not all(one in "0123456789abcdefABCDEF:." for one in address):
            return False
        name, colon, port = "ipv6", port[:1], port[1:]
        if colon not in ("", ":"):
            return False
    else:
        name, colon, port = text.partition(":")
    if colon and not (0 < len(port) <= 5 and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return False
    return all(map(_is_label, name.removesuffix(".").split(".")))


def _is_label(text: str) -> bool:
    """`[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?`"""
    return bool(text) and text[0] != "-" != text[-1] and all(one in _ALNUM or one == "-" for one in text)


def _is_bare_hex(text: str) -> bool:
    return len(text) == 64 and _HEX.issuperset(text)


def _split(name: str) -> tuple[str, str, str | None]:
    first, slash, rest = name.partition("/")
    if slash and (any(c in first for c in ".:[") or first == "localhost" or first != first.lower()):
        registry, path = first, rest
    else:
        registry, path = DEFAULT_REGISTRY, name
    path, colon, tag = path.partition(":")
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and path and "/" not in path:
        path = "library/" + path
    return registry, path, tag if colon else None
