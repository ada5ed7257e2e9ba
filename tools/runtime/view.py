"""The file tree as a container's process will see it, before there is one: its root with its mounts laid over it."""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from .users import User

_MAX_LINKS = 40
_DIRECTORY = (stat.S_IFDIR | 0o755, 0, 0)


class Unjudged(Exception):
    """The place lies in a file system that only the container will have."""


class View:
    """A root directory, the container's `mounts` (runtime-spec, in their order) and the user who looks.

    User 0 may read and search everything, as a root with its default capabilities does.
    """

    def __init__(self, rootfs: str, mounts: list[Document], user: User) -> None:
        self._rootfs = rootfs
        self._user = user
        self._mounts: dict[str, Document] = {}
        for mount in mounts:
            try:
                place = self._walk(str(mount["destination"]), None)
            except (OSError, Unjudged):
                place = os.path.normpath(str(mount["destination"]))
            self._mounts[place] = mount

    def executable(self, path: str) -> str:
        """The host's path of a regular file that the user may execute. Raises OSError as execve(2) would, Unjudged."""
        inside = self._walk(path, self._user)
        host = self._on_host(inside)
        found = os.stat(host)
        allowed = _may_execute(self._user, found.st_mode, found.st_uid, found.st_gid)
        if not stat.S_ISREG(found.st_mode) or not allowed or self._no_exec(inside):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return host

    def _walk(self, path: str, user: User | None) -> str:
        """The real path inside the container, links followed. A missing last part is no error, one before it is."""
        waiting = [part for part in path.split("/") if part not in ("", ".")][::-1]
        inside = "/"
        links = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                inside = os.path.dirname(inside)
                continue
            place = os.path.join(inside, part)
            found = self._look(place)
            if found is not None and stat.S_ISLNK(found[0]):
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = os.readlink(self._on_host(place))
                if target.startswith("/"):
                    inside = "/"
                waiting += [piece for piece in target.split("/") if piece not in ("", ".")][::-1]
                continue
            if waiting and user is not None:
                if found is None:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
                if not stat.S_ISDIR(found[0]):
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
                if not _may_execute(user, *found):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            inside = place
        return inside

    def _look(self, inside: str) -> tuple[int, int, int] | None:
        """Mode, owner and group of what is there; None for nothing. A mount point shows what is mounted on it."""
        try:
            host = self._on_host(inside)
            found = os.stat(host) if inside in self._mounts else os.lstat(host)
            return found.st_mode, found.st_uid, found.st_gid
        except Unjudged:
            if inside in self._mounts:
                return _DIRECTORY
            raise
        except (FileNotFoundError, NotADirectoryError):  # the runtime makes what is missing on the way to a mount
            return _DIRECTORY if any(place.startswith(f"{inside}/") for place in self._mounts) else None

    def _mount_of(self, inside: str) -> tuple[str, Document | None]:
        """The innermost mount that holds the place, and where it is mounted."""
        place = inside
        while place != "/":
            if place in self._mounts:
                return place, self._mounts[place]
            place = os.path.dirname(place)
        return "/", None

    def _on_host(self, inside: str) -> str:
        """The host's path of a place whose parents are no links. Raises FileNotFoundError in an empty file system."""
        at, mount = self._mount_of(inside)
        if mount is None:
            return self._rootfs + inside
        if mount.get("type") == "bind" or {"bind", "rbind"} & set(mount.get("options") or ()):  # type: ignore[call-overload]
            return str(mount["source"]) + inside[len(at) :]
        if mount.get("type") == "tmpfs" and at != "/dev" and inside != at:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), inside)
        raise Unjudged

    def _no_exec(self, inside: str) -> bool:
        _, mount = self._mount_of(inside)
        if mount is None:
            return bool(os.statvfs(self._rootfs + inside).f_flag & os.ST_NOEXEC)
        return "noexec" in (mount.get("options") or ())  # type: ignore[operator]


def _may_execute(user: User, mode: int, uid: int, gid: int) -> bool:
    """Whether the user may execute a file, or search a directory."""
    if user.is_root:
        return stat.S_ISDIR(mode) or bool(mode & 0o111)
    if user.uid == uid:
        return bool(mode & stat.S_IXUSR)
    if gid in (user.gid, *user.additional):
        return bool(mode & stat.S_IXGRP)
    return bool(mode & stat.S_IXOTH)
