"""A place that any user may come to, and a mount namespace in which files of the machine are other ones."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli_world import Outcome
from commands import Commands

from ocipipe.host import mounts, trees


class Inside(Commands):
    """Our commands in that namespace."""

    def __init__(self, programs: Path, env: dict[str, str], enter: list[str]) -> None:
        super().__init__(programs, env)
        self._enter = enter

    def _execute(self, argv: list[str], status: int | None, settings: dict[str, Any]) -> Outcome:
        return super()._execute([*self._enter, *argv], status, settings)


@contextmanager
def opened(files: Mapping[str, str]) -> Iterator[tuple[Path, list[str]]]:
    """The place, and the words that enter the namespace, in which `files` have this content."""
    place = Path(tempfile.mkdtemp(prefix="openly-", dir="/var/tmp"))  # the tests' own is closed to others
    place.chmod(0o711)
    script = "mount --make-rshared /; echo; exec sleep infinity"  # its own, and shared within, as systemd has them
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            holder.stdout.readline()
            enter = ["nsenter", "--target", str(holder.pid), "--mount", "--"]
            for number, (path, text) in enumerate(files.items()):
                other = place / f"file-{number}"
                other.write_text(text)
                subprocess.run(
                    [*enter, "sh", "-c", f"[ -e {path} ] || : >{path}; mount --bind {other} {path}"], check=True
                )
            yield place, enter
        finally:
            holder.kill()
            holder.wait()
            mounts.unmount_under(str(place))
            trees.remove_tree(str(place))
