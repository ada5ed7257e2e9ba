"""Sixteen commands of all kinds side by side on one store: nothing in use goes, nothing is lost, nobody waits for ever.

Images share their lowest layer, and two prunes that spare nothing for its age run all the time.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import layout
from boxes import Box
from commands import Commands
from images import Image, Layer, image
from registry import DockerRegistry
from rootfs import busybox_tar
from tars import Tar

ROUNDS = 4
PATIENCE = 120
"""Seconds for one command, where all of them together take less."""
REF = "org.opencontainers.image.ref.name"
BASE = Layer(busybox_tar())
CONFIG = {"Cmd": ["sh"], "Env": ["PATH=/bin"]}


def made(word: str) -> Image:
    return image([BASE, Layer(Tar().file(f"own-{word}", word.encode() * 1000).bytes())], CONFIG)


class Writers:
    """Threads that run commands; what goes wrong in one of them is told at the end."""

    def __init__(self, run: Commands) -> None:
        self.run = run
        self.failures: list[str] = []
        self.commands = 0
        self._threads: list[threading.Thread] = []
        self._endless: list[threading.Thread] = []
        self._done = threading.Event()

    def __call__(self, *argv: str, contested: bool = False, **settings: object) -> bytes:
        """Runs one command, which must succeed and have nothing to complain of; what it prints.

        Of a `contested` image it may say that another command was faster.
        """
        found = self.run(argv[0], *argv[1:], status=None, timeout=PATIENCE, **settings)
        self.commands += 1
        lost = contested and found.status == 1 and found.errors[0]["code"] == "NOT_FOUND"
        if (found.status or found.err) and not lost:
            raise AssertionError(f"{' '.join(argv)}: {found.status} {found.err.decode()}")
        return found.out

    def each_round(self, work: Callable[[int], object]) -> None:
        def rounds() -> None:
            for number in range(ROUNDS):
                work(number)

        self._threads.append(threading.Thread(target=self._tried, args=(rounds,)))

    def meanwhile(self, work: Callable[[], object]) -> None:
        def until_the_end() -> None:
            while not self._done.is_set():
                work()

        self._endless.append(threading.Thread(target=self._tried, args=(until_the_end,)))

    def _tried(self, work: Callable[[], object]) -> None:
        try:
            work()
        except (AssertionError, subprocess.TimeoutExpired) as error:
            self.failures.append(str(error))

    def finish(self) -> None:
        """Starts all, and waits for them."""
        for thread in (*self._threads, *self._endless):
            thread.start()
        for thread in self._threads:
            thread.join()
        self._done.set()
        for thread in self._endless:
            thread.join()


def test_sixteen_of_all_kinds(run: Commands, registry: DockerRegistry, store_root: Path, tmp_path: Path) -> None:
    base = f"{registry.address}/many"
    for word in "abc":
        made(word).push(registry.address, f"many/{word}", "1", "2")
    kept = made("kept")
    kept.into_store(store_root, "localhost/kept:1")
    do = Writers(run)
    began = time.monotonic()

    def pulls(name: str) -> Callable[[int], None]:
        """A pull, a run, another name, and all of it gone again."""

        def once(number: int) -> None:
            do("img-pull", name)
            assert do("ctr-run", "--rm", name, "sh", "-c", "cat /own-?") != b""
            do("img-tag", name, f"{name}-{number}")
            do("img-rm", name, f"{name}-{number}")

        return once

    def tags(word: str) -> Callable[[int], None]:
        def once(number: int) -> None:
            do("img-tag", "localhost/kept:1", f"localhost/{word}:{number}")
            do("img-inspect", "--config", f"localhost/{word}:{number}")
            do("img-rm", f"localhost/{word}:{number}")

        return once

    def moves(number: int) -> None:
        """A name that goes from one image to another leaves images without one, which prunes take."""
        do("img-pull", f"{base}/a:2", "-q")
        do("img-tag", f"{base}/a:2", "localhost/moving:1")
        do("img-tag", "localhost/kept:1", "localhost/moving:1")
        do("img-rm", f"{base}/a:2")

    def runs(number: int) -> None:
        assert do("ctr-run", "--rm", "localhost/kept:1", "sh", "-c", "echo x >/x; cat /x /own-kept")[:2] == b"x\n"

    def pushes(word: str, *options: str) -> Callable[[int], None]:
        return lambda number: do("img-push", *options, "localhost/kept:1", f"{base}/pushed-{word}:{number}") and None

    def comes_and_goes(number: int) -> None:
        do("img-pull", f"{base}/c:2")
        do("img-rm", f"{base}/c:2")

    def is_faster_or_not(number: int) -> None:
        """An image that loses its last name while it gets another: that one is whole, or was never given."""
        do("img-tag", f"{base}/c:2", "localhost/contested:1", contested=True)
        do("img-rm", "localhost/contested:1", contested=True)

    def passes_on(number: int) -> None:
        other = tmp_path / "other"
        do("img-load", "--root", str(other), input=do("img-save", "localhost/kept:1"))
        assert layout.problems(other) == []

    for name in (f"{base}/a:1", f"{base}/b:1", f"{base}/b:2", f"{base}/c:1"):
        do.each_round(pulls(name))
    for word in ("one", "two"):
        do.each_round(tags(word))
    do.each_round(moves)
    do.each_round(comes_and_goes)
    do.each_round(is_faster_or_not)
    do.each_round(runs)
    do.each_round(pushes("plain"))
    do.each_round(pushes("zstd", "--force-compression", "zstd"))
    do.each_round(passes_on)
    do.meanwhile(lambda: do("img-ls"))
    do.meanwhile(lambda: do("store-prune", "--older-than=0s"))
    do.meanwhile(lambda: do("store-prune", "--older-than=0s"))
    do.finish()
    print(f"{do.commands} commands in {time.monotonic() - began:.0f} s")
    assert do.failures == []
    assert {entry["annotations"][REF] for entry in run("img-ls").documents} == {
        "localhost/kept:1",
        "localhost/moving:1",
    }
    run("store-prune", "--older-than=0s")
    assert {f"sha256:{path.name}" for path in store_root.glob("images/blobs/sha256/*")} == set(kept.blobs)
    assert len(list(store_root.glob("layers/sha256/*"))) == 2
    assert layout.problems(store_root) == []
    assert run("store-check", "--deep").documents == []
    assert Box(run, store_root).left() == []
    for number in range(ROUNDS):
        run("img-pull", "--root", tmp_path / "mirror", f"{base}/pushed-plain:{number}", f"{base}/pushed-zstd:{number}")
    assert layout.problems(tmp_path / "mirror") == []
