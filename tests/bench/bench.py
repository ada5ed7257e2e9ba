"""Our speed beside the others, on the same input in alternation: bench.py [all | PART…], the parts being in ROUNDS.

Prints Markdown: the median of each contender, and ours as a fraction of it. Every round measures each contender once,
one after the other, so that what else the machine does meets all of them; what is prepared between is not measured.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE)]

import applications  # noqa: E402
import building  # noqa: E402
import containers  # noqa: E402
import inputs  # noqa: E402
import networks  # noqa: E402
import storage  # noqa: E402
from contenders import Contender, Ours, Podman, Skopeo, call, docker_daemon  # noqa: E402
from registry import DockerRegistry  # noqa: E402
from rootfs import busybox_image  # noqa: E402

from ocipipe.cli import scripts  # noqa: E402
from ocipipe.host import mounts  # noqa: E402

CACHE = HERE.parents[1] / ".cache"
ROUNDS = {
    "startup": 40, "pull": 5, "push": 5, "archive": 5, "run": 20, "net": 15, "life": 15, "many": 10, "build": 10,
    "compose": 5,
}  # fmt: skip

Job = tuple[str, Callable[[], None], list[str], dict[str, str]]
"""A contender's name, what to do before, the command that is measured, and its environment."""


def measure(argv: list[str], env: dict[str, str]) -> float:
    """Seconds from the start of a process to its end."""
    streams = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1)]
    program = shutil.which(argv[0], path=env["PATH"])
    assert program, argv[0]
    with tempfile.TemporaryFile() as errors:
        streams.append((os.POSIX_SPAWN_DUP2, errors.fileno(), 2))
        start = time.perf_counter()
        pid = os.posix_spawn(program, argv, env, file_actions=streams)
        _, status = os.waitpid(pid, 0)
        elapsed = time.perf_counter() - start
        if status:
            errors.seek(0)
            raise SystemExit(f"bench: {' '.join(argv)}: {os.waitstatus_to_exitcode(status)}\n{errors.read().decode()}")
    return elapsed


def alternate(rounds: int, jobs: list[Job]) -> dict[str, float]:
    """The median of every job, after one round that only warms up."""
    times: dict[str, list[float]] = {name: [] for name, *_ in jobs}
    for number in range(rounds + 1):
        for name, prepare, argv, env in jobs:
            prepare()
            taken = measure(argv, env)
            if number:
                times[name].append(taken)
    return medians(times)


def medians(times: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(found) for name, found in times.items()}


def row(work: str, found: dict[str, float], ours: str = "ocipipe") -> str:
    """One line of the table: ours, and each other with our fraction of it."""
    base = found.pop(ours)
    others = ", ".join(f"{name} {shown(value)} (**{base / value:.2f}×**)" for name, value in found.items())
    return f"| {work} | {shown(base)} | {others} |"


def shown(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def nothing() -> None:
    pass


def settled() -> None:
    """Nothing of what was done before is still on its way to the disk."""
    os.sync()


class Bench:
    """The contenders and the registry, in one temporary directory."""

    def __init__(self, directory: Path, run: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.stack = stack
        self.python = interpreter()
        scripts.main(["--python", self.python, str(directory / "bin")])
        self.ours = Ours(self._place("ours"), directory / "bin", run / "ours")
        self.podman = Podman(self._place("podman"), run / "podman")
        self.skopeo = Skopeo(self._place("skopeo"))
        self.docker = stack.enter_context(docker_daemon(directory / "docker"))
        self.registry = stack.enter_context(DockerRegistry(self._place("registry")))

    def _place(self, name: str) -> Path:
        place = self.directory / name
        place.mkdir()
        return place

    def startup(self) -> Iterator[str]:
        """A command to its first work and out again, beside the interpreter that does nothing."""
        name = f"{self.registry.address}/bench/busybox:1"
        busybox_image().push(self.registry.address, "bench/busybox", "1")
        call(self.ours.pull(name), self.ours.env)
        manifest = self.directory / "manifest.json"
        manifest.write_bytes(busybox_image().raw)
        bare: list[Job] = [
            ("`python3 -c pass`", nothing, [self.python, "-c", "pass"], self.ours.env),
            ("`python3 -IS -c pass`", nothing, [self.python, "-IS", "-c", "pass"], self.ours.env),
        ]
        for work, argv in (
            ("`img-ls`", self.ours.command("img-ls")),
            ("`img-inspect IMAGE`", self.ours.command("img-inspect", name)),
            ("`oci-validate FILE`", self.ours.command("oci-validate", str(manifest))),
        ):
            yield row(work, alternate(ROUNDS["startup"], [("ocipipe", nothing, argv, self.ours.env), *bare]))
        found = {"ocipipe": self._traced(self.ours.run(name), str(self.ours.root))}
        found |= {name: self._traced(argv, "exit_group") for name, _, argv, _ in bare}
        yield row("`ctr-run` to its first system call of work, all under strace", found)

    def _traced(self, argv: list[str], until: str) -> float:
        """From execve to the first system call that shows `until` (the store's path), as strace's clock tells."""
        times = []
        trace = self.directory / "trace"
        strace = ["strace", "-f", "--seccomp-bpf", "-ttt", "-e", "trace=execve,openat,exit_group", "-o", str(trace)]
        for _ in range(ROUNDS["startup"]):
            call([*strace, *argv], self.ours.env)
            first, *others = trace.read_text().splitlines()
            work = next(line for line in others if until in line)
            times.append(float(work.split()[1]) - float(first.split()[1]))
        return statistics.median(times)

    def pull(self) -> Iterator[str]:
        """From a registry on loopback into a storage that has nothing of it, unpacked."""
        contenders: list[Contender] = [self.ours, self.podman, self.docker, self.skopeo]
        for make in (inputs.one_layer, inputs.ten_layers):
            source = make(CACHE)
            times: dict[str, list[float]] = {one.name: [] for one in contenders}
            for number in range(ROUNDS["pull"] + 1):
                repository = f"bench/{source.words.replace(' ', '-')}"
                source.variant(number).push(self.registry.address, repository, str(number))
                for one in contenders:
                    settled()
                    taken = measure(one.pull(f"{self.registry.address}/{repository}:{number}"), one.env)
                    if number:
                        times[one.name].append(taken)
            yield row(f"pull and unpack Debian, {source.words}, {source.size} MB", medians(times))

    def push(self) -> Iterator[str]:
        """To an empty registry: what was pulled, and what was never compressed."""
        source = inputs.one_layer(CACHE)
        contenders: list[Contender] = [self.ours, self.podman, self.docker]
        pulled = f"{self.registry.address}/bench/to-push:1"
        source.variant(0).push(self.registry.address, "bench/to-push", "1")
        layout = source.variant(1, "none").write_layout(self.directory / "layout")
        for one in contenders:
            call(one.pull(pulled), one.env)
            one.load(layout, "localhost/bench/plain:1")
        for work, name in (
            (f"push what was pulled, one layer, {source.size} MB", pulled),
            (f"push the same, not compressed yet, {source.size} MB compressed", "localhost/bench/plain:1"),
        ):
            times: dict[str, list[float]] = {one.name: [] for one in contenders}
            for number in range(ROUNDS["push"] + 1):
                for one in contenders:
                    place = self._place(f"registry-{number}-{one.name}")
                    with DockerRegistry(place) as fresh:
                        settled()
                        taken = measure(one.push(name, f"{fresh.address}/bench/pushed:1"), one.env)
                    shutil.rmtree(place)
                    if number:
                        times[one.name].append(taken)
            yield row(work, medians(times))

    def archive(self) -> Iterator[str]:
        """An archive in and out; and from a registry into a layout."""
        source = inputs.one_layer(CACHE)
        contenders: list[Contender] = [self.ours, self.podman, self.docker]
        copiers: list[Contender] = [self.ours, self.skopeo]
        times: dict[str, dict[str, list[float]]] = {"load": {}, "save": {}, "copy": {}}
        for number in range(ROUNDS["archive"] + 1):
            name = f"localhost/bench/archive:{number}"
            copied = f"{self.registry.address}/bench/copied:{number}"
            variant = source.variant(number)
            layout = variant.write_layout(self.directory / f"archived-{number}")
            archive, place = self.directory / f"{number}.tar", self._place(f"archive-{number}")
            call(["skopeo", "copy", "-q", f"oci:{layout}", f"docker-archive:{archive}:{name}"])
            variant.push(self.registry.address, "bench/copied", str(number))
            jobs = [("load", one, one.load_archive(archive)) for one in contenders]
            jobs += [("save", one, one.save(name, place / one.name)) for one in contenders]
            jobs += [("copy", one, one.copy(copied, place / f"{one.name}-layout")) for one in copiers]
            for work, one, argv in jobs:
                settled()
                taken = measure(argv, one.env)
                if number:
                    times[work].setdefault(one.name, []).append(taken)
        yield row(f"load an archive, one plain layer, {source.size} MB compressed", medians(times["load"]))
        yield row("save it again", medians(times["save"]))
        yield row(f"copy from a registry into a layout, {source.size} MB", medians(times["copy"]))

    def run(self) -> Iterator[str]:
        """`true` in busybox, from the command to its end."""
        name = f"{self.registry.address}/bench/busybox:1"
        busybox_image().push(self.registry.address, "bench/busybox", "1")
        contenders: list[Contender] = [self.ours, self.podman, self.docker]
        for one in contenders:
            call(one.pull(name), one.env)
        jobs = [(one.name, nothing, one.run(name), one.env) for one in contenders]
        yield row("run `true`, no network", alternate(ROUNDS["run"], jobs))

    def life(self) -> Iterator[str]:
        """A container in the background, from its start to its end, and the list of them."""
        name = f"{self.registry.address}/bench/busybox:1"
        busybox_image().push(self.registry.address, "bench/busybox", "1")
        contenders: list[Contender] = [self.ours, self.podman, self.docker]
        for one in contenders:
            call(one.pull(name), one.env)
        lives = containers.Lives(contenders, name, lambda jobs: alternate(ROUNDS["life"], jobs))
        for work, found in lives.rows():
            yield row(work, found)
        memory = lives.memory()
        ours = memory.pop("ocipipe")
        others = ", ".join(f"{one} {size / 1e6:.2f} MB (**{ours / size:.2f}×**)" for one, size in memory.items())
        yield f"| memory that stays for one container in the background | {ours / 1e6:.2f} MB | {others} |"

    def net(self) -> Iterator[str]:
        """Containers with a network, those of each contender on a host of its own with a neighbour."""
        source = busybox_image().write_layout(self.directory / "net-image")
        name = "localhost/bench/net:1"
        with ExitStack() as stack:
            places = {name: stack.enter_context(networks.host()) for name in ("ocipipe", "podman", "docker")}
            docker = networks.docker(self.directory / "docker-net", places["docker"][0], stack)
            contenders: list[Contender] = [self.ours, self.podman, docker]
            for one in contenders:
                one.load(source, name)
            measured = networks.Networks(contenders, name, lambda jobs: alternate(ROUNDS["net"], jobs), places)
            stack.callback(measured.close)
            for work, found in measured.rows():
                yield row(work, found)
            for work, rates, unit in measured.rates():
                ours = rates.pop("ocipipe")
                others = ", ".join(f"{one} {rate:,.1f} {unit} (**{ours / rate:.2f}×**)" for one, rate in rates.items())
                yield f"| {work} | {ours:,.1f} {unit} | {others} |"

    def build(self) -> Iterator[str]:
        """Dockerfiles, with and without what was built before."""
        source = busybox_image().write_layout(self.directory / "build-image")
        contenders: list[Contender] = [self.ours, self.podman, self.docker]
        for one in contenders:
            one.load(source, building.BASE)
        measured = building.Builds(contenders, self.directory, lambda jobs: alternate(ROUNDS["build"], jobs))
        for work, found in measured.rows():
            yield row(work, found)

    def compose(self) -> Iterator[str]:
        """Applications of some services and of many, those of each contender on a host of its own."""
        source = busybox_image().write_layout(self.directory / "compose-image")
        name = "localhost/bench/compose:1"
        with ExitStack() as stack:
            places = {name: stack.enter_context(networks.host())[0] for name in ("ocipipe", "podman", "docker")}
            stack.callback(networks.end_podman_s_names, places["podman"])
            contenders: list[Contender] = [
                self.ours, self.podman, networks.docker(self.directory / "docker-compose", places["docker"], stack)
            ]  # fmt: skip
            for one in contenders:
                one.load(source, name)
            projects = applications.Applications(
                contenders, name, self.directory / "projects", lambda jobs: alternate(ROUNDS["compose"], jobs), places
            )
            stack.callback(projects.close)
            for work, found in projects.rows():
                yield row(work, found)

    def many(self) -> Iterator[str]:
        """What one image costs beside many others."""
        stores = storage.Many(self.directory, self.ours.bin, lambda jobs: alternate(ROUNDS["many"], jobs))
        for work, found in stores.rows():
            yield row(work, found)


def interpreter() -> str:
    """The Python that `make install` takes for the commands: the machine's own, where it can load what is installed
    here for this one (a version manager's is built for building: a fifth slower on the same bytecode)."""
    own = "/usr/bin/python3"
    asked = "import sys; print(sys.implementation.cache_tag)"
    if os.path.exists(own):
        tag = subprocess.run([own, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
        if tag == sys.implementation.cache_tag:
            return os.path.realpath(own)
    return os.path.realpath(sys.executable)


def machine(python: str) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    version = subprocess.run(["podman", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    docker = subprocess.run(["dockerd", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    ours = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return (
        f"{date.today().isoformat()}, {os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.release()}, "
        f"{ours} ({python}), podman {version}, docker {docker.rstrip(',')}"
    )


def main(parts: list[str]) -> None:
    wanted = list(ROUNDS) if parts in ([], ["all"]) else parts
    for part in wanted:
        if part not in ROUNDS:
            raise SystemExit(f"bench: {part}: no such part (choose from {', '.join(ROUNDS)})")
    CACHE.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="ocipipe-bench.", dir="/var/tmp"))
    run = Path(tempfile.mkdtemp(prefix="ocipipe-bench.", dir="/run"))
    try:
        with ExitStack() as stack:
            bench = Bench(directory, run, stack)
            say(f"{machine(bench.python)}. Medians; in bold, our time as a fraction.", "")
            say("| work | ocipipe | others |", "| --- | --- | --- |")
            for part in wanted:
                for line in getattr(bench, part)():
                    say(line)
    finally:
        for place in (directory, run):
            mounts.unmount_under(str(place))
            shutil.rmtree(place)


if __name__ == "__main__":
    main(sys.argv[1:])
