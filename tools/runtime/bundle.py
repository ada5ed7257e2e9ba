"""A bundle that any OCI runtime takes as it is (runtime-spec 1.2, bundle.md): a plain tree and a config.json."""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import Conflict, NotFound, Unavailable
from ..host import files, locks
from ..host.trees import remove_tree
from . import inputs, request, root, spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from oci_spec.image_config import ImageConfig


class BundleBeside:
    """A bundle on its way to `directory`, which must not exist or be empty: built beside it, then renamed into place.

    Entering yields the empty directory that takes the root file system; on a clean exit the bundle is in place, on an
    exception nothing is left. Raises Conflict, NotFound, Unavailable.
    """

    __slots__ = ("_aside", "_fd", "_target")

    def __init__(self, directory: str) -> None:
        self._target = os.path.abspath(directory)
        self._aside = ""
        self._fd = -1

    def __enter__(self) -> BundleBeside:
        _check_empty(self._target)
        parent, name = os.path.split(self._target)
        aside = os.path.join(parent, files.temporary_name(name))
        try:
            with locks.locked(parent):
                _remove_unfinished(parent, name)
                self._aside = aside  # before it is there: a signal may come at any moment
                os.mkdir(aside, 0o700)
                self._fd = os.open(aside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                locks.take(self._fd)
            os.mkdir(self.rootfs, 0o755)
            os.chmod(self.rootfs, 0o755)
        except BaseException as error:
            if self._aside:
                self.__exit__(type(error), error, None)
            if isinstance(error, OSError):
                raise _refused(self._target, error) from None
            raise
        return self

    @property
    def rootfs(self) -> str:
        return os.path.join(self._aside, "rootfs")

    def configure(self, image: ImageConfig) -> None:
        """Writes config.json: the image's process with the defaults of ctr-run, no terminal and no network."""
        options = inputs.Options()
        options.env = list(image.env)
        options.annotations = {key: value for key, value in image.labels.items() if not key.startswith(spec.STEERING)}
        if image.stop_signal:
            options.annotations["org.opencontainers.image.stopSignal"] = image.stop_signal
        user = root.look_up(self.rootfs, image.user)
        cwd = image.working_dir or "/"
        root.make_working_directory(self.rootfs, cwd)
        env = spec.environment(options.env, user, options)
        args = spec.process_args(image, options)
        host = request.host()
        host.open_files = None  # what is ours says nothing about where the bundle will run
        host.apparmor = host.selinux = False
        config = spec.runtime_config("", args, env, cwd, user, options, host, "")
        files.write_atomic(os.path.join(self._aside, "config.json"), jsondoc.dumps(config))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                os.chmod(self._aside, 0o755)
                os.rename(self._aside, self._target)
                self._aside = ""
        except OSError as refused:
            raise _refused(self._target, refused) from None
        finally:
            if self._aside:
                remove_tree(self._aside)
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


def _remove_unfinished(parent: str, name: str) -> None:
    """Removes what a killed command left of the same bundle; what a living one works on is locked."""
    beginning = f"{files.TEMPORARY}{name[:40]}-"
    for found in os.listdir(parent):
        tail = found.removeprefix(beginning)
        if tail == found or tail.count("-") != 2:  # a longer name's
            continue
        path = os.path.join(parent, found)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:  # just finished, or somebody else's
            continue
        try:
            if locks.take(fd):
                remove_tree(path)
        finally:
            os.close(fd)


def _check_empty(directory: str) -> None:
    try:
        held = os.listdir(directory)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise Conflict(directory, "is there and is no directory", "name a new or empty directory") from None
    except OSError as error:
        raise _refused(directory, error) from None
    if held:
        raise Conflict(directory, "the directory is not empty", "name a new or empty directory")


def _refused(directory: str, error: OSError) -> Conflict | NotFound | Unavailable:
    import errno

    if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
        return Conflict(directory, "the directory is not empty", "name a new or empty directory")
    if error.errno == errno.ENOENT:
        return NotFound(os.path.dirname(directory), "no such directory", "make it first")
    return Unavailable(directory, f"cannot be made: {os.strerror(error.errno or 0).lower()}", "name another directory")
