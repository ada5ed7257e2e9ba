"""The host's programs that take part in networks, several at a time where they don't wait for one another."""

from __future__ import annotations

import os

from ..errors import Unavailable
from ..host import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Job:
    """A program at work. What it is given and what it writes lies in memory, so nobody waits for a reader."""

    __slots__ = ("_errors", "_output", "_pid", "argv")

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], input: bytes = b"") -> None:
        self.argv = argv
        given = _memory(input)
        self._output, self._errors = _memory(), _memory()
        try:
            self._pid = process.spawn(argv, env=env, stdin=given, stdout=self._output, stderr=self._errors)
        except BaseException:
            os.close(self._output)
            os.close(self._errors)
            raise
        finally:
            os.close(given)

    def result(self) -> process.Result:
        """Waits for its end."""
        status = process.wait(self._pid)
        try:
            return process.Result(status, _content(self._output), _content(self._errors))
        finally:
            os.close(self._output)
            os.close(self._errors)

    def done(self) -> bytes:
        """Waits for its end; what it wrote. Raises Unavailable with its own words when it failed."""
        result = self.result()
        if result.status:
            raise failed(os.path.basename(self.argv[0]), result, "the network is left as it was")
        return result.stdout


def failed(name: str, result: process.Result, remedy: str) -> Unavailable:
    """The error of a program that failed, in its own words."""
    return refused(name, said(result), remedy)


def refused(subject: str, why: str, remedy: str) -> Unavailable:
    """What the kernel did not do, and why; with another remedy where we may not make networks at all."""
    return Unavailable(subject, why, "--network host needs no leave" if why.endswith("not permitted") else remedy)


def said(result: process.Result) -> str:
    """Why a program failed, in its own words, in one line."""
    lines = [line.strip() for line in result.stderr.decode("utf-8", "replace").splitlines()]
    words = next((line for line in lines if line and not line.startswith("Command failed")), "")
    for prefix in ("Error: ", "RTNETLINK answers: "):
        words = words.rpartition(prefix)[2]
    return words.rstrip(".") or f"ended with status {result.status}"


def start(*arguments: str, env: Mapping[str, str], input: str = "") -> Job:
    """Starts `nft`. Raises Unavailable where it is not installed."""
    return Job([nft_path(env), *arguments], env, input.encode())


def nft_path(env: Mapping[str, str]) -> str:
    """Where `nft` is. Raises Unavailable."""
    path = process.find("nft", env.get("PATH", ""))
    if path is None:
        raise Unavailable("nft", "is not installed", "install the package nftables; --network none needs none")
    return path


def nft(lines: Sequence[str], env: Mapping[str, str]) -> Job:
    """Starts one transaction: all of `lines`, or nothing of it."""
    return start("-f", "-", env=env, input="".join(f"{line}\n" for line in lines))


def _memory(content: bytes = b"") -> int:
    fd = os.memfd_create("ocipipe", os.MFD_CLOEXEC)
    if content:
        os.write(fd, content)
        os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)
