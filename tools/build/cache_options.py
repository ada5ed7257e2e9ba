"""--cache-to and --cache-from, as docker buildx writes them: type=registry|local|inline with their own fields."""

from __future__ import annotations

from oci_spec import digest, reference
from oci_spec.jsondoc import FormatError

from ..errors import UsageError
from .wishes import fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_TRUE, _FALSE = ("true", "1"), ("false", "0")
_LATEST = "latest"
_OURS = ("image-manifest", "oci-mediatypes")
"""What buildx asks for where it would else write something of its own: an OCI image manifest is all that we write."""


class CacheTo:
    """`kind`: registry, local or inline; `place`: a repository's name with its tag, or a layout's directory. `every`:
    the steps of all stages, and not just those that made the image (mode=max)."""

    __slots__ = ("every", "kind", "may_fail", "place", "tag", "text")

    def __init__(self, text: str) -> None:
        """Raises UsageError."""
        self.text = f"--cache-to {text}"
        given = _given(text, self.text)
        self.kind = given.pop("type", "")
        self.place, self.tag = "", _LATEST
        mode = given.pop("mode", "min") if self.kind != "inline" else "min"
        self.every = mode == "max"
        self.may_fail = _truth(given, "ignore-error", False, self.text)
        if self.kind == "registry":
            self.place = _named(given.pop("ref", ""), self.text)
        elif self.kind == "local":
            self.place = given.pop("dest", "")
            self.tag = given.pop("tag", _LATEST)
            if not self.place:
                raise UsageError(self.text, "names no directory", "add dest=DIRECTORY")
        elif self.kind != "inline":
            raise _no_type(self.text, self.kind, "registry, local or inline")
        if mode not in ("min", "max"):
            raise UsageError(self.text, f"mode={mode} is none", "use mode=min or mode=max")
        if self.kind != "inline":
            for name in _OURS:
                if not _truth(given, name, True, self.text):
                    raise UsageError(self.text, f"{name}=false is not written", "leave it out")
        _refuse_rest(given, self.kind, self.text)


class CacheFrom:
    """`kind`: registry or local; `place`: as in CacheTo; `tag`: the tag or digest in a layout."""

    __slots__ = ("kind", "place", "tag", "text")

    def __init__(self, text: str) -> None:
        """Raises UsageError."""
        self.text = f"--cache-from {text}"
        given = _given(text, self.text)
        self.kind = given.pop("type", "")
        self.place, self.tag = "", _LATEST
        if self.kind == "registry":
            self.place = _named(given.pop("ref", ""), self.text, digests=True)
        elif self.kind == "local":
            self.place = given.pop("src", "")
            if not self.place:
                raise UsageError(self.text, "names no directory", "add src=DIRECTORY")
            self.tag = given.pop("tag", _LATEST)
            if "digest" in given:
                try:
                    self.tag = str(digest.parse(given.pop("digest"), self.text))
                except FormatError as error:
                    raise UsageError(self.text, error.problem) from None
        elif self.kind == "inline":
            raise UsageError(self.text, "an image with its cache is in a registry", "write type=registry,ref=NAME")
        else:
            raise _no_type(self.text, self.kind, "registry or local")
        _refuse_rest(given, self.kind, self.text)


def check(targets: Sequence[CacheTo], *, squash: bool) -> None:
    """Raises UsageError for what does not go together."""
    if squash and any(one.kind == "inline" for one in targets):
        raise UsageError("--cache-to type=inline", "a squashed image has no layers of steps", "name a registry")


def _given(text: str, subject: str) -> dict[str, str]:
    """A name alone is a registry's."""
    option = subject.partition(" ")[0]
    return fields(text, option, {}) if "=" in text else {"type": "registry", "ref": text}


def _named(text: str, subject: str, *, digests: bool = False) -> str:
    if not text:
        raise UsageError(subject, "names no image", "add ref=NAME")
    try:
        found = reference.parse(text)
    except FormatError as error:
        raise UsageError(subject, f"{text}: {error.problem}") from None
    if found.digest and not digests:
        raise UsageError(subject, "the digest follows from the content", "leave out @sha256:…")
    return str(found)


def _truth(given: dict[str, str], name: str, default: bool, subject: str) -> bool:
    value = given.pop(name, "")
    if value and value not in _TRUE + _FALSE:
        raise UsageError(subject, f"{name}={value} is neither true nor false")
    return default if not value else value in _TRUE


def _no_type(subject: str, kind: str, known: str) -> UsageError:
    return UsageError(subject, f"type={kind} is not known" if kind else "has no type", f"use type={known}")


def _refuse_rest(given: dict[str, str], kind: str, subject: str) -> None:
    if given:
        raise UsageError(subject, f"type={kind} has no {next(iter(given))}", "leave it out")
