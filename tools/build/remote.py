"""What ADD and a build's context take from elsewhere: files by URL, and git repositories through the program git."""

from __future__ import annotations

import os

from oci_spec import digest

from ..errors import Corrupt, NotFound, Unavailable, UsageError
from ..host import files, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .workshop import Workshop

_REDIRECTS = 10
_HANDED_ON = ("HOME", "PATH", "SSH_AUTH_SOCK", "https_proxy", "http_proxy", "no_proxy")
"""What git may know of our environment."""


class Fetched:
    """A file: `fd` of it, its `name`, `digest`, and `time` in nanoseconds; or of a repository the `directory`."""

    __slots__ = ("digest", "directory", "fd", "name", "time")

    def __init__(
        self, *, fd: int = -1, name: str = "", digest: str = "", time: int = 0, directory: str = ""
    ) -> None:
        self.digest = digest
        self.fd = fd
        self.name = name
        self.time = time
        self.directory = directory


def file(url: str, checksum: str, work: Workshop, env: Mapping[str, str]) -> Fetched:
    """The file at a URL, whole; its descriptor is the caller's. Raises UsageError for a URL that names no file,
    NotFound, Unavailable, Corrupt for another content than `checksum` (a digest, or '') says."""
    from urllib.parse import unquote, urljoin, urlsplit

    from ..registry.retry import Broken
    from ..registry.settings import Registry
    from ..registry.transport import Transport

    where = url
    for _ in range(_REDIRECTS):
        parts = urlsplit(where)
        if parts.scheme not in ("http", "https"):
            raise UsageError(url, f"leads to {parts.scheme or 'no'}:, which is not fetched", "name an http(s) URL")
        transport = Transport(Registry(parts.netloc, [], False, []), env)
        try:
            answer = transport.send("GET", where, {}, None)
            if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
                where = urljoin(where, answer.headers["Location"])
                answer.close()
                continue
            if answer.status != 200:
                answer.close()
                kind = NotFound if answer.status in (404, 410) else Unavailable
                raise kind(url, f"the server answers {answer.status}", "see whether the URL is right")
            path = os.path.join(work.place("url"), "file")
            state = digest.hasher(digest.parse(checksum).algorithm if checksum else "sha256")
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                for chunk in answer.chunks():
                    files.write_all(fd, chunk, path)
                    state.update(chunk)
            except BaseException:
                os.close(fd)
                raise
        except Broken as error:
            raise Unavailable(url, error.problem, "try again") from None
        found = f"{state.name}:{state.hexdigest()}"
        if checksum and found != checksum:
            os.close(fd)
            raise Corrupt(url, f"has the digest {found}, not {checksum}")
        name = unquote(parts.path.rpartition("/")[2])
        if name in ("", ".", "..") or "/" in name:
            os.close(fd)
            raise UsageError(url, "names no file at its end", "name the file in the destination, and in the URL")
        return Fetched(fd=fd, name=name, digest=found, time=_time(answer.headers.get("Last-Modified", "")))
    raise Unavailable(url, f"is redirected more than {_REDIRECTS} times")


def _time(text: str) -> int:
    from email.utils import parsedate_to_datetime

    try:
        return int(parsedate_to_datetime(text).timestamp()) * 10**9
    except (TypeError, ValueError):
        return 0


def repository(
    url: str, work: Workshop, env: Mapping[str, str], *, commit: str = "", keep_git_dir: bool = False
) -> str:
    """The files of a git repository in a directory of ours: URL[#REF[:DIRECTORY]]. Raises UsageError, NotFound,
    Unavailable, Corrupt for another commit than the one that was named."""
    address, _, fragment = url.partition("#")
    ref, _, inside = fragment.partition(":")
    git = process.find("git", env.get("PATH", ""))
    if git is None:
        raise Unavailable("git", "is not installed", "install the package git")
    place = work.place("git")
    settings = {
        **{name: env[name] for name in _HANDED_ON if name in env},
        "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8",
    }  # fmt: skip

    def run(*args: str, fails: bool = True) -> str:
        done = process.run([git, "-C", place, *args], env=settings)
        if done.status and fails:
            why = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"status {done.status}"]
            raise NotFound(url, f"git {args[0]}: {why[-1].removeprefix('fatal: ')}", "see whether git can clone it")
        return "" if done.status else done.stdout.decode("utf-8", "replace").strip() or "done"

    if ref.startswith("-") or address.startswith("-"):
        raise UsageError(url, "begins with a dash", "name a branch, a tag or a commit")
    run("init", "--quiet", "--template=", "--initial-branch=main")
    run("config", "core.autocrlf", "false")
    run("config", "core.umask", "0022")
    wanted = ref or "HEAD"
    if not run("fetch", "--quiet", "--depth=1", "--no-tags", address, wanted, fails=False):
        # Servers need not give a commit that no name stands for.
        run("fetch", "--quiet", "--tags", address, "+refs/heads/*:refs/remotes/origin/*")
        found = run("rev-parse", "--verify", f"{wanted}^{{commit}}", fails=False) or run(
            "rev-parse", "--verify", f"origin/{wanted}^{{commit}}"
        )
        run("checkout", "--quiet", "--detach", found)
    else:
        run("checkout", "--quiet", "--detach", "FETCH_HEAD")
    if commit and not run("rev-parse", "HEAD").startswith(commit):
        raise Corrupt(url, f"is at commit {run('rev-parse', 'HEAD')}, not {commit}")
    if os.path.exists(os.path.join(place, ".gitmodules")):
        run("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
    if not keep_git_dir:
        from ..host.trees import remove_tree

        remove_tree(os.path.join(place, ".git"))
    if not inside:
        return place
    from ..host import rooted

    found = rooted.resolve(place, inside)
    if not os.path.isdir(found):
        raise NotFound(url, f"has no directory {inside}", "see what is behind the colon")
    return found
