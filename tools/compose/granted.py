"""Secrets and configs as files that are mounted read-only.

One that is a file, and whose owner and mode nobody chose, is mounted as it stands. Any other becomes a file of ours in
the store, below a directory that only root enters, ROOT/compose/PROJECT: what it was made of, a variable of somebody's
environment or a credential that systemd gave to a unit (kept.py), is not there any more when a container is to come
back after a reboot.
"""

from __future__ import annotations

import os

from ..host import files, trees
from . import kept, storage
from .positions import ComposeError, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..context import Context
    from .positions import Mapping
    from .project import Project

_LIMIT = 16 << 20
_MODE = 0o444
"""The default mode of a secret or config (compose-spec, 05-services.md)."""
_PART = "compose"


class _File:
    """What a grant comes to: a file as it stands, or `data` that is to be written at `path`."""

    __slots__ = ("data", "grant", "path")

    def __init__(self, grant: storage.Grant, path: str, data: bytes | None) -> None:
        self.grant = grant
        self.path = path
        self.data = data


class Grants:
    """The secrets and configs of some services. Raises ComposeError for one that there is not, before anything is made;
    `write` makes the files that are ours."""

    def __init__(self, ctx: Context, project: Project, services: Iterable[str]) -> None:
        self._files: dict[storage.Grant, _File] = {}
        for service in services:
            for section, number, grant, _ in storage.grants(project.service(service)):
                if grant not in self._files:
                    path = ("services", service, section, number)
                    self._files[grant] = _file(ctx, project, grant, path)

    @property
    def paths(self) -> dict[storage.Grant, str]:
        """Where each is, as translate.Around has it."""
        return {grant: one.path for grant, one in self._files.items()}

    def write(self) -> None:
        """Writes those that are not written, or are something else by now."""
        for one in self._files.values():
            if one.data is None:
                continue
            _, _, uid, gid, mode = one.grant
            rights = (int(uid or 0), int(gid or 0), int(mode, 8) if mode else _MODE)
            if _is(one.path, one.data, *rights):
                continue
            files.make_directories(os.path.dirname(one.path), 0o700)
            with files.replacing(one.path, 0o600) as fd:
                files.write_all(fd, one.data)
                os.fchown(fd, *rights[:2])
                os.fchmod(fd, rights[2])


def _is(path: str, data: bytes, uid: int, gid: int, mode: int) -> bool:
    try:
        found = os.stat(path)
        with open(path, "rb") as file:
            return (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (uid, gid, mode) and file.read() == data
    except FileNotFoundError:
        return False


def _file(ctx: Context, project: Project, grant: storage.Grant, path: tuple[str | int, ...]) -> _File:
    section, key, uid, gid, mode = grant
    model: Mapping = project.model
    one: Mapping = model[section][key]
    for number, right in (("uid", uid), ("gid", gid)):
        if right and not right.isdigit():
            raise ComposeError(place_at(model, path), (*path, number), f"{right!r} is no number", "write a number")
    place = os.path.join(ctx.root, _PART, project.name, section)
    own = os.path.join(place, ".".join((key, uid or "0", gid or "0", mode or f"{_MODE:o}")))
    if "file" in one and not (uid or gid or mode):
        return _File(grant, _existing(model, section, key), None)
    return _File(grant, own, content(ctx, project, section, key))


def content(ctx: Context, project: Project, section: str, key: str) -> bytes:
    """What is in a secret or config, whoever keeps it. Raises ComposeError for one that there is not."""
    if project.model[section][key].get("external"):
        return kept.content(ctx.env, project.model, section, key, _LIMIT)
    return own_content(project, section, key)


def own_content(project: Project, section: str, key: str) -> bytes:
    """The same of one that is not external. Raises ComposeError."""
    model: Mapping = project.model
    one: Mapping = model[section][key]
    where = (section, key)
    if "content" in one:
        return str(one["content"]).encode("utf-8", "surrogateescape")
    if "environment" in one:
        name = str(one["environment"])
        if name not in project.environment:
            raise ComposeError(
                place_at(model, (*where, "environment")), (*where, "environment"), f"the variable {name} is not set",
                "set it, or write it into .env",
            )  # fmt: skip
        return project.environment[name].encode("utf-8", "surrogateescape")
    return files.read_limited(_existing(model, section, key), _LIMIT)


def _existing(model: Mapping, section: str, key: str) -> str:
    """The file that a secret or config is."""
    source = str(model[section][key].get("file") or "")
    if not os.path.exists(source):
        where = (section, key, "file")
        raise ComposeError(place_at(model, where), where, f"there is no {source or 'file'}", "write the file")
    return source


def forget(ctx: Context, name: str) -> None:
    """Removes the files of a project."""
    for root in (ctx.root, ctx.run_root):
        own = os.path.join(root, _PART, name)
        while os.path.exists(own):
            try:
                trees.remove_tree(own)
            except FileNotFoundError:  # somebody else does it, too
                continue
        tidy(own)


def tidy(directory: str) -> None:
    """Removes a project's directory, and that of all projects, where nothing is in them any more."""
    for one in (directory, os.path.dirname(directory)):
        try:
            os.rmdir(one)
        except OSError:  # something is in it, or it is not there
            pass


def run_directory(ctx: Context, name: str) -> str:
    """The project's directory in run-time state."""
    return os.path.join(ctx.run_root, _PART, name)
