"""Where a build's image goes: into the store, into an archive, or its files into an archive or a directory."""

from __future__ import annotations

import os

from ..errors import Conflict, UsageError
from ..host import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oci_spec.descriptor import Descriptor

    from ..context import Context
    from ..store.store import Store
    from .state import State

KINDS = ("image", "oci", "docker", "tar", "local")


class Output:
    """`kind` is one of KINDS; `destination`: a path, `-` for stdout, '' for an image."""

    __slots__ = ("destination", "kind")

    def __init__(self, text: str) -> None:
        """Of type=KIND,dest=PATH, or of a path alone, which is a directory, and of - a tar archive on stdout. Raises
        UsageError."""
        fields: dict[str, str] = {}
        if "=" not in text:
            fields = {"type": "tar" if text == "-" else "local", "dest": text}
        else:
            for part in text.split(","):
                key, equals, value = part.partition("=")
                if not equals or key not in ("type", "dest"):
                    raise UsageError(f"--output {text}", f"{part or 'nothing'} is not known", "type=KIND,dest=PATH")
                fields[key] = value
        self.kind = fields.get("type", "")
        self.destination = fields.get("dest", "")
        if self.kind not in KINDS:
            raise UsageError(f"--output {text}", f"{self.kind or 'nothing'} is no type", f"use {', '.join(KINDS)}")
        if self.kind == "image" and self.destination:
            raise UsageError(f"--output {text}", "an image goes into the store", "leave out dest, or name another type")
        if self.kind == "local" and self.destination in ("", "-"):
            raise UsageError(f"--output {text}", "needs a directory", "add dest=DIRECTORY")
        if self.kind in ("oci", "docker", "tar") and not self.destination:
            self.destination = "-"


def check(outputs: Sequence[Output], ctx: Context, platforms: int) -> None:
    """Raises UsageError for what does not go together."""
    on_stdout = [one for one in outputs if one.destination == "-"]
    if len(on_stdout) > 1:
        raise UsageError("--output", "only one can go to stdout", "name files")
    if on_stdout and ctx.stdout.isatty():
        raise UsageError("standard output", "is a terminal", "name a file with dest=, or pipe the archive on")
    if platforms > 1 and any(one.kind in ("tar", "local", "docker") for one in outputs):
        raise UsageError("--output", "files of several platforms would lie over one another", "name one --platform")


def write(
    ctx: Context, store: Store, output: Output, root: Descriptor, names: Sequence[str], state: State,
    to_stdout: Callable[[bytes], object],
) -> None:  # fmt: skip
    """Writes an archive of the image `root` under `names`, or of its files, or these into a directory."""
    if output.kind == "local":
        _directory(store, state, output.destination)
        return
    if output.destination == "-":
        _archive(ctx, store, output, root, names, state, to_stdout)
        return
    with files.output(output.destination) as fd:
        _archive(ctx, store, output, root, names, state, lambda data: files.write_all(fd, data, output.destination))


def _archive(
    ctx: Context, store: Store, output: Output, root: Descriptor, names: Sequence[str], state: State,
    put: Callable[[bytes], object],
) -> None:  # fmt: skip
    if output.kind == "tar":
        from ..layers.flatten import flatten

        for chunk in flatten(store.layers.lowers(state.chain_ids)):
            put(chunk)
        return
    from ..archives.tar_sink import TarSink
    from ..host import machine
    from ..transfer import Transfer

    sink = TarSink("the archive", put, machine.platform() if output.kind == "docker" else None)
    Transfer(store.blobs, sink, ctx.progress, jobs=1, documents_first=True).copy(root)
    for name in names or ("",):
        sink.tag(root, name)
    sink.finish()


def _directory(store: Store, state: State, destination: str) -> None:
    """The files of the image into a directory, over what is there."""
    from oci_spec.tarstream import Reader

    from ..layers.confine import Tree
    from ..layers.extract import Extractor
    from ..layers.flatten import flatten

    try:
        files.make_directories(os.path.abspath(destination))
    except OSError as error:
        raise Conflict(destination, os.strerror(error.errno or 0).lower(), "name another directory") from None
    tree = Tree(destination, None, destination)
    try:
        archive = Reader(flatten(store.layers.lowers(state.chain_ids)))
        Extractor(tree, archive, destination, b"", owner=None, xattrs=True).extract()
    finally:
        tree.close()
