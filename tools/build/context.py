"""Where a build's files come from: a directory, a tar archive, a git repository; and the Dockerfile among them."""

from __future__ import annotations

import os

from ..errors import NotFound, UsageError
from ..host import files, rooted
from ..host.files import read_stream
from .trees import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..context import Context
    from .ignore import Ignore
    from .workshop import Workshop

NAMES = ("Dockerfile", "Containerfile")
"""What a Dockerfile is called where nobody says it, the first that is there."""
_LIMIT = 16 << 20
_HEADER = 512
"""Bytes that tell a tar archive from a Dockerfile."""


class Sources:
    """`tree`: the files, None where there are none; `text` of the Dockerfile, `name` for messages."""

    __slots__ = ("name", "text", "tree")

    def __init__(self, text: bytes, name: str, tree: Tree | None) -> None:
        self.text = text
        self.name = name
        self.tree = tree

    @property
    def ignore(self) -> Ignore | None:
        """The .dockerignore that holds."""
        return None if self.tree is None else self.tree.ignore


def sources(ctx: Context, work: Workshop, context: str, named: str | None, written: bytes | None = None) -> Sources:
    """What is at `context`: a directory, a git URL, the URL of an archive, or `-`: a tar archive or a Dockerfile on
    stdin. `named`: the Dockerfile, by a path of the host or of the context; `-` for stdin. `written`: the Dockerfile
    itself, where `named` is only what it is called.

    Raises NotFound, UsageError, Corrupt, Unavailable.
    """
    if named == "-" and written is None:
        if context == "-":
            raise UsageError("-f -", "stdin is the context already", "name one of the two")
        written = b"".join(read_stream(ctx.stdin.fileno(), "the Dockerfile on stdin"))
    if context == "-":
        if ctx.stdin.isatty():
            raise UsageError("standard input", "is a terminal", "name a directory, or pipe a Dockerfile in")
        chunks = read_stream(ctx.stdin.fileno(), "stdin")
        first = b""
        while len(first) < _HEADER and (chunk := next(chunks, b"")):
            first += chunk
        if not _is_archive(first):
            if named is not None:
                raise UsageError(f"-f {named}", "stdin is a Dockerfile, and no archive with one", "leave out -f")
            return Sources(b"".join((first, *chunks)), "Dockerfile", None)
        directory = _unpacked(work, _joined(first, chunks), "the archive on stdin")
    else:
        directory = _directory(ctx, work, context)
    if written is not None:
        return Sources(written, named or "-", _tree(directory, context, ""))
    path = _dockerfile(directory, named, context)
    return Sources(_read(path), named or os.path.basename(path), _tree(directory, context, path))


def named(ctx: Context, work: Workshop, name: str, value: str) -> Tree:
    """A context that was given beside: a directory, a git URL or the URL of an archive."""
    return Tree([_directory(ctx, work, value)], name, live=True, own_owner=False)


def _directory(ctx: Context, work: Workshop, context: str) -> str:
    from .files import remote
    from .remote import file, repository

    kind = remote(context)
    if kind == "git":
        return repository(context, work, ctx.env)
    if kind == "http":
        fetched = file(context, "", work, ctx.env)
        try:
            from . import archives

            return _unpacked(work, archives.chunks(fetched.fd), context)
        finally:
            os.close(fetched.fd)
    path = os.path.abspath(context)
    if not os.path.isdir(path):
        problem = "is no directory" if os.path.exists(path) else "there is no such directory"
        raise NotFound(context, problem, "name a directory, a git URL, or - for stdin")
    return path


def _unpacked(work: Workshop, chunks: Iterator[bytes], name: str) -> str:
    from ..layers.apply import apply_layer
    from . import archives

    directory = work.place("context")
    apply_layer(archives.unpacked(chunks, name), directory, form="exact", whole=True, subject=name)
    return directory


def _is_archive(start: bytes) -> bool:
    from oci_spec import media_types

    return media_types.detect(start[:6]) != "none" or start[257:262] == b"ustar"


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _dockerfile(directory: str, named: str | None, context: str) -> str:
    """The path of the Dockerfile. What -f names is looked for where we are, and then in the context."""
    if named is None:
        for name in NAMES:
            path = rooted.resolve(directory, name)
            if os.path.isfile(path):
                return path
        raise NotFound(f"{context}/{NAMES[0]}", "no such file", "name the Dockerfile with -f")
    if os.path.isfile(named):
        return os.path.abspath(named)
    path = rooted.resolve(directory, named)
    if not os.path.isfile(path):
        raise NotFound(named, "no such file", "name a Dockerfile with -f")
    return path


def _read(path: str) -> bytes:
    try:
        return files.read_limited(path, _LIMIT)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise NotFound(path, f"cannot be read: {why}", "name another with -f") from None


def _tree(directory: str, context: str, dockerfile: str) -> Tree:
    name = "the context" if context == "-" else f"the context {context}"
    return Tree([directory], name, live=True, own_owner=False, ignore=_ignore(directory, dockerfile))


def _ignore(directory: str, dockerfile: str) -> Ignore | None:
    """What .dockerignore leaves out: the one beside the Dockerfile under its name, else the context's own."""
    beside = f"{dockerfile}.dockerignore" if dockerfile else ""
    for path in (beside, rooted.resolve(directory, ".dockerignore")):
        if path and os.path.isfile(path):
            from . import ignore

            return ignore.parse(_read(path), os.path.basename(path))
    return None
