"""RUN --mount: what a process sees beside the image while it runs, and nothing of which gets into a layer.

A secret is a file on a tmpfs that goes with the container. What is bound from the build's context is a copy of the
files that a COPY would take; of a stage or an image, its layers are mounted, and what is written over them is lost.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager

from ..errors import NotFound, Unavailable, UsageError
from ..host import files, mounts, rooted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..store.container import Container
    from ..store.store import Store
    from .steps import InlineFile, Mount, Run

PIPES = "/dev/pipes"
_SECRETS = "/run/secrets"
_POLL_SECONDS = 0.05
_HARDENED = mounts.MS_NOSUID | mounts.MS_NODEV | mounts.MS_NOEXEC
_BOUND = ["rbind", "rprivate"]


class Mounted:
    """One mount, and what it shows.

    layers  chain IDs of a stage or an image; digest: of all that is bound, for the step's key
    fill    puts what is bound from a directory of the host into one of ours: a file or a directory with this name
    data    of a secret;  socket: an agent's;  store: where cache mounts are
    """

    __slots__ = ("cache", "data", "digest", "fill", "layers", "mount", "socket", "store")

    def __init__(
        self, store: Store, mount: Mount, *, layers: Sequence[Digest] = (), digest: str = "",
        fill: Callable[[str], None] | None = None, data: bytes | None = None, socket: str = "",
    ) -> None:  # fmt: skip
        self.store = store
        self.mount = mount
        self.layers = list(layers)
        self.digest = digest
        self.fill = fill
        self.data = data
        self.socket = socket
        self.cache = ""


@contextmanager
def held(mounted: Sequence[Mounted], check: Callable[[], None]) -> Iterator[None]:
    """A block in which the cache mounts are there and ours, as their sharing says. `check` is called while we wait for
    one, and raises where we are not to go on."""
    taken: list[int] = []
    try:
        for one in sorted(mounted, key=lambda one: one.mount.id):  # in one order, so that no two builds wait for both
            if one.mount.kind == "cache":
                taken.append(_take(one, check))
        yield
    finally:
        for fd in taken:
            os.close(fd)


def _take(one: Mounted, check: Callable[[], None]) -> int:
    wanted, builds = one.mount, one.store.builds
    name = wanted.id or wanted.target
    number = 0
    while True:
        place = builds.mounts.get(name, number)
        fd = place.take(shared=wanted.sharing == "shared")
        if fd >= 0:
            one.cache = place.data
            if not place.filled:
                if one.fill is not None:
                    one.fill(place.data)
                os.chown(place.data, wanted.uid, wanted.gid)
                os.chmod(place.data, 0o755 if wanted.mode is None else wanted.mode)
                place.mark_filled()
            os.utime(place.path)
            return fd
        if wanted.sharing == "private":
            number += 1
            continue
        check()
        time.sleep(_POLL_SECONDS)


def adjust(container: Container, config: Document, step: Run, mounted: Sequence[Mounted]) -> Document:
    """The container's config with these mounts. Raises NotFound, UsageError, Unavailable."""
    found: list[Document] = list(config["mounts"])  # type: ignore[call-overload]
    process: dict[str, Any] = dict(config["process"])  # type: ignore[call-overload]
    images = {str(one["destination"]): str(one["source"]) for one in found}
    prefix = os.path.join(container.path, "images") + "/"
    found = [one for one in found if not str(one.get("source")).startswith(prefix)]
    environment = list(process["env"])
    more: list[Document] = []
    for number, one in enumerate(mounted):
        wanted = one.mount
        target = _target(wanted, number, str(process["cwd"]))
        if wanted.kind == "tmpfs":
            options = ["nosuid", "nodev", "mode=1777", *([f"size={wanted.size}"] if wanted.size else [])]
            options += ["ro"] if wanted.readonly else []
            more.append({"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options})
        elif wanted.kind == "cache":
            inside = "" if wanted.from_ else wanted.source  # of another tree it is what the cache began with
            more.append(_bind(_within(one.cache, inside), target, wanted.readonly))
        elif wanted.kind == "secret":
            if one.data is None:
                continue
            if wanted.env:
                environment.append(f"{wanted.env}={one.data.decode('utf-8', 'surrogateescape')}")
            if wanted.target or not wanted.env:
                more.append(_bind(_secret(container, number, one), target, True))
        elif wanted.kind == "ssh":
            if one.socket:
                more.append(_bind(one.socket, target, False))
                environment.append(f"SSH_AUTH_SOCK={target}")
        else:
            more.append(_tree(container, number, one, images.get(f"/{number}", ""), target))
    if step.files:
        more.append(_bind(_pipes(container, step.files), PIPES, True))
    more.sort(key=lambda one: str(one["destination"]).rstrip("/").count("/"))
    process["env"] = environment
    return {**config, "process": process, "mounts": [*found, *more]}


def _target(mount: Mount, number: int, cwd: str) -> str:
    named = {"secret": f"{_SECRETS}/{mount.id}", "ssh": f"/run/buildkit/ssh_agent.{number}"}
    target = os.path.normpath(os.path.join(cwd, mount.target or named.get(mount.kind, "")))
    if target == "/":
        raise UsageError(f"--mount=type={mount.kind}", "its target is the root", "name a path below /")
    return target


def _bind(source: str, target: str, readonly: bool) -> Document:
    options = [*_BOUND, *(["ro"] if readonly else [])]
    return {"destination": target, "type": "bind", "source": source, "options": options}


def _within(directory: str, source: str) -> str:
    """What `source` names in a directory, whose links never lead out of it. Raises NotFound."""
    if not source:
        return directory
    place = rooted.resolve(directory, source)
    if not os.path.lexists(place):
        raise NotFound(source, "the mount's source does not exist", "see its from= and source=")
    return place


def _own(container: Container, name: str, number: int) -> str:
    """A new directory of the container's."""
    place = os.path.join(container.path, "build", f"{name}{number}")
    os.makedirs(place, 0o755)
    return place


def _tree(container: Container, number: int, one: Mounted, image: str, target: str) -> Document:
    """Files of the context, a stage or an image: read-only as they are, or under a directory that takes the changes."""
    wanted = one.mount
    if one.fill is not None:
        place = _own(container, "context", number)
        one.fill(place)
        inside = os.path.join(place, "content")
        return _bind(inside if os.path.lexists(inside) else place, target, wanted.readonly)
    if not image:  # of a stage without layers
        image = _own(container, "empty", number)
    source = _within(image, wanted.source)
    if wanted.readonly:
        return _bind(source, target, True)
    if not os.path.isdir(source):
        copy = os.path.join(_own(container, "file", number), "content")
        with open(copy, "xb") as file:
            for chunk in files.read_chunks(source):
                file.write(chunk)
        os.chmod(copy, os.stat(source).st_mode & 0o7777)
        return _bind(copy, target, False)
    above, work = _own(container, "upper", number), _own(container, "work", number)
    merged = _own(container, "merged", number)
    try:
        mounts.overlay([source], above, work, merged, f"{merged}.l")
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise Unavailable(target, f"cannot be mounted for writing: {why}", "leave out rw") from None
    return _bind(merged, target, False)


def _secret(container: Container, number: int, one: Mounted) -> str:
    """A file with the secret, on a tmpfs that goes with the container."""
    place = _own(container, "secret", number)
    data = one.data or b""
    mounts.mount("tmpfs", place, "tmpfs", f"mode=755,size={len(data) + (1 << 16)}", _HARDENED)
    path = os.path.join(place, "secret")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        files.write_all(fd, data, path)
        os.fchown(fd, one.mount.uid, one.mount.gid)
        os.fchmod(fd, 0o400 if one.mount.mode is None else one.mount.mode)
    finally:
        os.close(fd)
    return path


def _pipes(container: Container, inline: Sequence[InlineFile]) -> str:
    place = _own(container, "pipes", 0)
    for one in inline:
        path = os.path.join(place, os.path.basename(one.name))
        files.write_atomic(path, one.content, 0o755, durable=False)
        os.chmod(path, 0o755)
    return place
