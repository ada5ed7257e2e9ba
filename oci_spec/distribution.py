"""What registries say and are asked (distribution-spec 1.1.1): paths, error bodies, challenges, ranges, links.

Pure: strings and bytes in, values out; `registry/transport` makes the requests.
"""

from __future__ import annotations

import re

from . import jsondoc
from .jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .digest import Digest

PING = "/v2/"
"""Answers 200 where the API is there and open, 401 with a challenge where it wants authentication."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_SCHEME = re.compile(rf"({_TOKEN})(?=[ \t,]|$)")
_PARAMETER = re.compile(rf"({_TOKEN})[ \t]*=[ \t]*(?:({_TOKEN})|({_QUOTED}))(?=[ \t,]|$)")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))")
_SEPARATOR = re.compile(r"[ \t,]*")
_RANGE = re.compile(r"(?:bytes[= ])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?")
_LINK = re.compile(rf"[ \t,]*<([^>]*)>((?:[ \t]*;[ \t]*{_TOKEN}(?:[ \t]*=[ \t]*(?:{_TOKEN}|{_QUOTED}))?)*)")
_LINK_PARAMETER = re.compile(rf";[ \t]*({_TOKEN})(?:[ \t]*=[ \t]*(?:({_TOKEN})|({_QUOTED})))?")
_NO_TAG_CHARACTER = re.compile(r"[^A-Za-z0-9._-]")


def manifest_path(repository: str, reference: str) -> str:
    """Of a manifest or index by its tag or digest."""
    return f"/v2/{repository}/manifests/{reference}"


def blob_path(repository: str, digest: Digest) -> str:
    """Of a blob."""
    return f"/v2/{repository}/blobs/{digest}"


def uploads_path(repository: str) -> str:
    """Where uploads begin (POST)."""
    return f"/v2/{repository}/blobs/uploads/"


def tags_path(repository: str) -> str:
    """Of the list of tags; it may come in parts, see parse_link_next."""
    return f"/v2/{repository}/tags/list"


def referrers_path(repository: str, digest: Digest) -> str:
    """Of the index of manifests whose `subject` is `digest`; 404 where a registry doesn't have this API."""
    return f"/v2/{repository}/referrers/{digest}"


def referrers_tag(digest: Digest) -> str:
    """The tag under which clients keep that index where the registry does not (Referrers Tag Schema)."""
    algorithm, encoded = _NO_TAG_CHARACTER.sub("-", digest.algorithm), _NO_TAG_CHARACTER.sub("-", digest.hex)
    return f"{algorithm[:32]}-{encoded[:64]}"


def parse_errors(body: bytes) -> list[tuple[str, str, object]]:
    """(code, message, detail) of each error in an error body; [] when the body is of another form.

    Never raises: a body comes with a failure that is told anyway, and many proxies answer with a page for people.
    """
    try:
        document = jsondoc.loads(body)
    except FormatError:
        return []
    entries = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return []
    return [
        (str(entry.get("code") or "UNKNOWN"), str(entry.get("message") or ""), entry.get("detail"))
        for entry in entries
        if isinstance(entry, dict)
    ]


def error_body(errors: Iterable[tuple[str, str, object]]) -> bytes:
    """The error body of (code, message, detail) entries; a detail of None is left out."""
    entries: list[dict[str, object]] = []
    for code, message, detail in errors:
        entries.append({"code": code, "message": message, **({"detail": detail} if detail is not None else {})})
    return jsondoc.dumps({"errors": entries})


class Challenge:
    """One way to authenticate that a registry offers: the scheme in lower case, and its parameters."""

    __slots__ = ("params", "scheme")

    def __init__(self, scheme: str, params: Mapping[str, str]) -> None:
        self.scheme = scheme
        self.params = params

    def __repr__(self) -> str:
        return f"Challenge({self.scheme}, {dict(self.params)})"


def parse_challenges(header: str) -> list[Challenge]:
    """The challenges of a WWW-Authenticate header (RFC 9110, section 11.6.1), several headers joined by a comma.

    Parameter names are in lower case. A token68 (Negotiate's) is kept under the name ''. Raises FormatError.
    """
    found: list[Challenge] = []
    params: dict[str, str] = {}
    position = _skip(header, 0)
    while position < len(header):
        parameter = _PARAMETER.match(header, position)
        if parameter is not None and found:
            name, token, quoted = parameter.groups()
            params[name.lower()] = token if token is not None else _unquoted(quoted)
            position = parameter.end()
        else:
            scheme = _SCHEME.match(header, position)
            if scheme is None:
                raise FormatError("WWW-Authenticate", f"cannot be read from {header[position : position + 40]!r} on")
            params = {}
            found.append(Challenge(scheme[1].lower(), params))
            position = scheme.end()
            blank = _skip_blanks(header, position)
            lone = _TOKEN68.match(header, blank) if blank > position else None
            if lone is not None and not _PARAMETER.match(header, blank):
                params[""] = lone[0]
                position = lone.end()
        position = _skip(header, position)
    return found


def _skip(text: str, position: int) -> int:
    found = _SEPARATOR.match(text, position)
    return found.end() if found else position


def _skip_blanks(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t"):
        position += 1
    return position


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def parse_range(header: str) -> tuple[int, int]:
    """(first, last) of an upload's Range or a request's Content-Range: `0-1023`, both ends included.

    `bytes=` and `bytes ` before it and a total after it are allowed, for what servers outside the spec send. What a
    registry has of an upload ends at `last`; an empty upload is told as `0-0` (as if one byte were there) by many, and
    as `0--1` by some, which gives (0, -1) here. Raises FormatError.
    """
    text = header.strip()
    if text in ("0--1", "bytes=0--1"):
        return 0, -1
    found = _RANGE.fullmatch(text)
    if found is None:
        raise FormatError("Range", f"{header[:80]!r} is not first-last")
    first, last = int(found[1]), int(found[2])
    if last < first:
        raise FormatError("Range", f"{header[:80]!r} ends before it begins")
    return first, last


def parse_count(header: str) -> int | None:
    """The number of bytes or seconds that a header tells; None when it tells none, or one that nobody can mean."""
    text = header.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def content_range(first: int, count: int) -> str:
    """The Content-Range of a chunk of an upload: `first-last`, with no `bytes` (Pushing a blob in chunks)."""
    return f"{first}-{first + count - 1}"


def parse_link_next(header: str) -> str | None:
    """The target of the link with rel `next` in a Link header (RFC 8288), as it stands: it may be relative.

    None when there is none: the list ends here. Raises FormatError for a header that is no list of links.
    """
    position = 0
    while _skip(header, position) < len(header):
        link = _LINK.match(header, position)
        if link is None:
            raise FormatError("Link", f"cannot be read from {header[position : position + 40]!r} on")
        for name, token, quoted in _LINK_PARAMETER.findall(link[2]):
            relations = (token or _unquoted(quoted)) if token or quoted else ""
            if name.lower() == "rel" and "next" in relations.lower().split():
                return link[1]
        position = link.end()
    return None
