"""What every test may lean on: a pinned world, our commands, stores, images and a registry.

The helpers in `support/` are importable by their names. Tests that need root fail without it; none is skipped, because
what was not run was not tested.
"""

from __future__ import annotations

import compileall
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "support"))

import hub  # noqa: E402
import leaks  # noqa: E402
import nethosts  # noqa: E402
import pruning  # noqa: E402
import rootfs  # noqa: E402
import servers  # noqa: E402
from builds import Builds  # noqa: E402
from commands import Commands  # noqa: E402
from images import Image  # noqa: E402
from killing import Kills  # noqa: E402
from lives import Lives  # noqa: E402
from projects import Project  # noqa: E402
from registry import DockerRegistry  # noqa: E402

import oci_spec  # noqa: E402
import ocipipe  # noqa: E402
from ocipipe.cli import scripts  # noqa: E402
from ocipipe.host import locks, mounts, trees  # noqa: E402

CACHE = HERE.parent / ".cache"
CALLER = dict(os.environ)
"""The environment that pytest was started with, for what needs the user's own settings (pip's index)."""

for variable in [name for name in os.environ if name.startswith(("OCIPIPE_", "DOCKER_", "REGISTRY_", "XDG_", "LC_"))]:
    del os.environ[variable]
for variable in ("PYTHONPATH", "PYTHONHOME", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
    os.environ.pop(variable, None)
os.environ |= {"TZ": "UTC", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "xterm"}
os.environ["PATH"] += ":/usr/sbin:/sbin"
os.umask(0o022)
signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup, and a shell's &, have them ignored, also by children
signal.signal(signal.SIGHUP, signal.SIG_DFL)

DEBIAN = "docker.io/library/debian:bookworm"
EVERY_POINT = "--every-point"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(EVERY_POINT, action="store_true", help="kill -9 and cut the power at every point, not at a sample")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items if config.getoption(EVERY_POINT) else ():
        item.add_marker(pytest.mark.timeout(7200))


NEEDS_ROOT = {"system", "hardening", "compat", "bench"}


@pytest.fixture(autouse=True)
def _root_where_it_is_needed(request: pytest.FixtureRequest) -> None:
    if os.geteuid() != 0 and NEEDS_ROOT & set(request.path.relative_to(HERE).parts):
        pytest.fail("this test needs root: it mounts and runs containers")


@pytest.fixture(scope="session", autouse=True)
def _session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home of its own; and at the end, nothing is left running or mounted."""
    base = tmp_path_factory.getbasetemp()
    home = base / "home"
    home.mkdir()
    os.environ["HOME"] = str(home)
    yield
    left = leaks.after(base)
    assert not left, "\n".join(["tests left this behind:", *left])


@pytest.fixture(scope="session")
def caller_env() -> dict[str, str]:
    """The environment of whoever started the tests."""
    return CALLER


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with our commands; their modules are compiled, so that the first run is like all others."""
    for package in (ocipipe, oci_spec):
        compileall.compile_dir(package.__path__[0], quiet=1)
    directory = tmp_path_factory.mktemp("bin")
    scripts.main([str(directory)])
    return directory


@pytest.fixture
def store_root(tmp_path: Path) -> Iterator[Path]:
    """The path of a store that is not there yet; removed after the test with all that is mounted in it."""
    root = tmp_path / "store"
    yield root
    left = mounts.mounted_under(str(root))
    mounts.unmount_under(str(root))
    trees.remove_tree(str(root))
    assert not left, f"still mounted after the test: {left}"


@pytest.fixture
def run(programs: Path, store_root: Path, tmp_path: Path) -> Commands:
    """Our commands, in an environment with a store, a home and run-time state of their own, and on no network: what is
    told there of networks has a host of its own (support/nethosts.py)."""
    home = tmp_path / "home"
    home.mkdir()
    env = {
        "PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC", "TERM": "xterm",
        "OCIPIPE_ROOT": str(store_root), "OCIPIPE_RUN_ROOT": str(tmp_path / "run"), "OCIPIPE_NETWORK": "none",
        "TMPDIR": str(tmp_path),
    }  # fmt: skip
    return Commands(programs, env)


@pytest.fixture
def lives(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Lives]:
    """Containers that outlive the command that starts them; busybox is there. At the end nothing of them may be left
    that ctr-rm --force can't remove."""
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    made = Lives(run, store_root)
    yield made
    made.end()
    assert made.left() == []


@pytest.fixture
def project(run: Commands, store_root: Path, tmp_path: Path, busybox_image: Image) -> Iterator[Project]:
    """A compose project in the directory `shop`, on a host of its own that has busybox."""
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    with nethosts.host(run) as host:
        yield Project(host, tmp_path / "shop")


@pytest.fixture
def builds(run: Commands, store_root: Path, tmp_path: Path, busybox_image: Image) -> Iterator[Builds]:
    """Builds in a store that has busybox. At the end it is whole, and nothing of a build is left."""
    made = Builds(run, store_root, tmp_path / "context", busybox_image)
    yield made
    made.whole()


@pytest.fixture
def kills(run: Commands, request: pytest.FixtureRequest) -> Kills:
    """kill -9 at a sample of the changes that a command makes; at each with --every-point."""
    return Kills(run.env, every=request.config.getoption(EVERY_POINT))


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Debian's docker-registry on loopback, plain HTTP and without users; empty at first, shared by all tests."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def busybox_image() -> Image:
    """The host's busybox in one layer."""
    return rootfs.busybox_image()


@pytest.fixture
def dangling(run: Commands, store_root: Path) -> Image:
    """The store holds localhost/new:1; its former image has no name any more."""
    old = pruning.stored(run, store_root, "old")
    pruning.stored(run, store_root, "new")
    run("img-tag", "localhost/new:1", "localhost/old:1")
    return old


@contextmanager
def making() -> Iterator[Path]:
    """.cache/, for who makes what is missing in it: one process at a time, as two may run tests."""
    CACHE.mkdir(exist_ok=True)
    with locks.locked(str(CACHE)):
        yield CACHE


@pytest.fixture(scope="session")
def debian_image() -> Image:
    """Debian bookworm in one layer (see rootfs.debian_root), made on first use and kept in .cache/."""
    with making() as cache:
        return rootfs.debian_image(cache)


@pytest.fixture(scope="session")
def servers_image(programs: Path) -> Image:
    """Debian with servers (see servers.py), built by our img-build on first use and kept in .cache/."""
    with making() as cache:
        return servers.image(cache, programs)


@pytest.fixture(scope="session")
def debian_root() -> Path:
    """The tree that debian_image was made from; not to be changed."""
    with making() as cache:
        return rootfs.debian_root(cache)


@pytest.fixture(scope="session")
def example_image() -> Image:
    """What examples call debian."""
    return rootfs.example_image()


@contextmanager
def publishing(directory: Path, programs: Path, image: Image) -> Iterator[dict[str, str]]:
    """What the environment must hold to find docker.io on this machine; `image` is there as debian:bookworm and
    :latest."""
    with hub.world(directory) as env:
        store = directory / "publisher"
        image.into_store(store, DEBIAN)
        publish = Commands(
            programs, {"PATH": os.environ["PATH"], "HOME": str(directory), "OCIPIPE_ROOT": str(store), **env}
        )
        for tag in ("bookworm", "latest"):
            publish("img-push", "debian:bookworm", f"debian:{tag}")
        trees.remove_tree(str(store))
        yield env


@pytest.fixture(scope="session")
def example_world(
    tmp_path_factory: pytest.TempPathFactory, programs: Path, example_image: Image
) -> Iterator[dict[str, str]]:
    with publishing(tmp_path_factory.mktemp("hub"), programs, example_image) as env:
        yield env


@pytest.fixture(scope="session")
def debian_world(
    tmp_path_factory: pytest.TempPathFactory, programs: Path, debian_image: Image
) -> Iterator[dict[str, str]]:
    with publishing(tmp_path_factory.mktemp("hub"), programs, debian_image) as env:
        yield env


def end_containers(run: Commands, store_root: Path) -> None:
    if list(store_root.glob("containers/*/record.json")):
        run.shell("ctr-ps -aq | ctr-rm -f")


@pytest.fixture
def example_env(
    example_world: dict[str, str], run: Commands, store_root: Path, example_image: Image
) -> Iterator[dict[str, str]]:
    """The world of our manual pages: a store that holds debian:bookworm, and a docker.io that has it and takes pushes
    (as does registry.local). What runs in the end is removed."""
    example_image.into_store(store_root, DEBIAN)
    yield {**run.env, **example_world}
    end_containers(run, store_root)


@pytest.fixture
def debian_env(
    debian_world: dict[str, str], run: Commands, store_root: Path, debian_image: Image
) -> Iterator[dict[str, str]]:
    """The same with the real Debian, which takes its time."""
    debian_image.into_store(store_root, DEBIAN)
    yield {**run.env, **debian_world}
    end_containers(run, store_root)
