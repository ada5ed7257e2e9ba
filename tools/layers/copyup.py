"""Copies one file from a lower layer up into the layer that is being unpacked, because a hard link points to it."""

from __future__ import annotations

import errno
import os
import stat

from . import attributes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .confine import Directory
    from .lowers import Found

_PIECE = 1 << 24


def copy_up(found: Found, parent: Directory, name: bytes, subject: str) -> None:
    """Makes `name` in `parent` the same as what was found below: content with its holes, owner, mode, extended
    attributes and time. Not for directories. Raises OSError, Unsupported."""
    source, status = found.paths[0], found.stat
    if stat.S_ISREG(status.st_mode):
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parent.fd)
        try:
            _copy_data(source, fd, status.st_size)
            if parent.inherits:
                attributes.drop_inherited(fd)
            attributes.copy_to(fd, source, status, subject)
            os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(fd)
        return
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), name, dir_fd=parent.fd)
    else:
        os.mknod(name, stat.S_IFMT(status.st_mode) | 0o600, status.st_rdev, dir_fd=parent.fd)
    path = attributes.at(parent.fd, name)
    if parent.inherits:
        attributes.drop_inherited(path)
    os.chown(name, status.st_uid, status.st_gid, dir_fd=parent.fd, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=parent.fd)
    attributes.set_xattrs(path, attributes.read_xattrs(source), subject)
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=parent.fd, follow_symlinks=False)


def _copy_data(source: bytes, target: int, size: int) -> None:
    fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.ftruncate(target, size)
        end = 0
        while end < size:
            try:
                start = os.lseek(fd, end, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # only a hole is left
                    return
                raise
            end = os.lseek(fd, start, os.SEEK_HOLE)
            os.lseek(target, start, os.SEEK_SET)
            while start < end:
                sent = os.sendfile(target, fd, start, min(end - start, _PIECE))
                if not sent:
                    raise OSError(errno.EIO, os.strerror(errno.EIO), os.fsdecode(source))
                start += sent
    finally:
        os.close(fd)
