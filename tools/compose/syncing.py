"""Files of the host put into a running container, and those that are gone there removed."""

from __future__ import annotations

import io
import os
import tarfile
from contextlib import ExitStack

from ..containers.copy import STREAM, Copy
from ..context import Context
from . import hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store.container import Container
    from .ground import Ground


def sync(
    ground: Ground, container: Container, path: str, target: str, changed: Sequence[str], gone: Sequence[str]
) -> None:
    """Puts what has changed below `path` below `target`, as root's, and removes what is gone. '' is `path` itself, a
    file then. Raises what copying raises."""
    if gone:
        places = [os.path.join(target, one) if one else target for one in gone]
        hooks.run(ground, container, {"command": ["rm", "-rf", "--", *places], "user": "0"})
    if not changed:
        return
    file = os.fdopen(os.memfd_create("sync"), "w+b", buffering=0)
    with file, ExitStack() as stack:
        with tarfile.open(fileobj=io.BufferedWriter(_Kept(file)), mode="w", format=tarfile.PAX_FORMAT) as tar:
            for one in sorted(changed):
                name = os.path.join(target, one).strip("/") if one else target.strip("/")
                try:
                    tar.add(os.path.join(path, one) if one else path, name, recursive=False, filter=_roots)
                except FileNotFoundError:
                    continue  # gone meanwhile: that is seen the next time
        file.seek(0)
        ctx = ground.ctx
        world = Context(
            ctx.command, ctx.root, ctx.run_root, env=ctx.env, stdin=file, stdout=ctx.stdout, stderr=ctx.stderr,
            now=ctx.now, random=ctx.random, user=ctx.user, bin=ctx.bin, progress=ctx.progress,
        )  # fmt: skip
        copy = Copy(world, ground.store, stack, archive=False, follow=False)
        copy.run(STREAM, f"{container.id}:/", ground.write)


class _Kept(io.FileIO):
    """A file that is written to through another object, and stays open when that is closed."""

    def __init__(self, file: io.FileIO) -> None:
        super().__init__(file.fileno(), "w", closefd=False)


def _roots(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
