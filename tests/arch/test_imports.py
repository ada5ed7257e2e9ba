"""Who may import whom, over the syntax tree, imports inside functions and type checking included."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE = {"errors", "context", "host"}
SIDE = {"archives", "layers", "registry", "runtime", "network", "volume", "transfer"}
MAY: dict[str, set[str]] = {
    "errors": set(),
    "context": {"errors"},
    "host": {"errors", "context"},
    "store": BASE,
    **{part: BASE | {"store"} for part in SIDE},
    "images": BASE | {"store"} | SIDE,
    "containers": BASE | {"store", "images"} | SIDE,
    "upkeep": BASE | {"store", "images", "containers"} | SIDE,
    "build": BASE | {"store", "images", "containers"} | SIDE,
    "compose": BASE | {"store", "images", "containers", "build"} | SIDE,
    "cli": {"errors", "context"},
    "cmd": BASE | {"store", "images", "containers", "upkeep", "build", "compose", "cli"} | SIDE,
}
"""What each part of ocipipe may import of the others; itself always, but for cmd."""

ONLY = {
    "requests": {"tools/registry/transport.py"},
    "urllib3": {"tools/registry/transport.py"},
    "jsonschema": {"oci_spec/validate.py"},
    "referencing": {"oci_spec/validate.py"},
    "typer": {"tools/cli/present.py"},
    "click": set(),
    "rich": {"tools/cli/present.py", "tools/cli/progress.py", "tools/cli/tables.py"},
    "yaml": {"tools/compose/load.py", "tools/runtime/cdi.py"},  # vendors write their devices' specs in YAML, too
    "isal": {"tools/layers/compression.py"},
    "zstandard": {"tools/layers/compression.py"},
}
"""The one place of every package that is not Python's own."""


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of every import; a relative one as ocipipe.…, `from a import b` as a.b."""
    package = ["ocipipe" if part == "tools" else part for part in path.relative_to(ROOT).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def part_of(path: Path) -> str:
    relative = path.relative_to(ROOT / "tools")
    return relative.parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sources("tools"), ids=names)
def test_direction(path: Path) -> None:
    mine = part_of(path)
    if mine == "__init__":
        return
    wrong = []
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] != "ocipipe":
            continue
        other = parts[1]
        allowed = other == "__version__" or other in MAY[mine] or (other == mine and mine != "cmd")
        if not allowed:
            wrong.append(f"{names(path)}:{line} imports {name}")
    assert not wrong


@pytest.mark.parametrize("path", sources("oci_spec"), ids=names)
def test_formats_need_nothing_of_ours(path: Path) -> None:
    wrong = [f"{names(path)}:{line} imports {name}" for line, name in imports(path) if name.split(".")[0] == "ocipipe"]
    assert not wrong


@pytest.mark.parametrize("path", sources("tools", "oci_spec"), ids=names)
def test_other_peoples_packages_have_one_place(path: Path) -> None:
    wrong = []
    for line, name in imports(path):
        top = name.split(".")[0]
        if top in ("ocipipe", "oci_spec") or top in sys.stdlib_module_names:
            continue
        if names(path) not in ONLY.get(top, set()):
            wrong.append(f"{names(path)}:{line} imports {name}")
    assert not wrong


IN_CIRCLES = (
    {"declare", "launch", "output", "parse", "present"},
    {"blobs", "builds", "cache_mounts", "container", "containers", "journal", "layers", "leases", "refs", "store",
     "volumes"},
    {"carrying", "execute"},
)  # fmt: skip
"""Who may need one another: a command launches itself; a store's parts, and a build's steps, know the whole."""


def test_circles() -> None:
    """Files that import one another are one subject cut in two, or have something that wants a file of its own."""
    ours = {names(path).removesuffix(".py").replace("/", ".").replace("tools", "ocipipe", 1): path
            for path in sources("tools", "oci_spec")}  # fmt: skip
    graph = {}
    for module, path in ours.items():
        found = {near for _, name in imports(path) for near in (name, name.rpartition(".")[0]) if near in ours}
        graph[module] = found - {module}
    beyond: dict[str, set[str]] = {}
    for module in graph:
        seen, left = set[str](), [module]
        while left:
            more = graph[left.pop()] - seen
            seen |= more
            left += more
        beyond[module] = seen
    circles = {frozenset(other for other in beyond[one] if one in beyond[other]) for one in graph if one in beyond[one]}
    assert {frozenset(name.rpartition(".")[2] for name in one) for one in circles} == set(map(frozenset, IN_CIRCLES))


@pytest.mark.parametrize("path", sources("tools"), ids=names)
def test_imports_of_ours_are_relative(path: Path) -> None:
    absolute = []
    for node in ast.walk(ast.parse(path.read_text())):
        found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        absolute += [f"{names(path)}:{node.lineno}" for name in found if name.split(".")[0] in ("ocipipe", "tools")]
    assert not absolute


WORLD_NAMES = {
    "os.environ", "os.environb", "os.getenv", "os._exit", "time.time", "time.time_ns", "datetime.now",
    "datetime.utcnow", "datetime.datetime.now", "datetime.date.today", "date.today", "sys.argv", "sys.stdin",
    "sys.stdout", "sys.stderr", "sys.exit", "print", "input",
}  # fmt: skip
LAST_WORDS = {name.rpartition(".")[2] for name in WORLD_NAMES}
WORLD_MODULES = {"random", "secrets", "uuid", "getpass", "locale"}


ALLOWED = {"tools/host/owners.py": {"os._exit"}, "tools/host/process.py": {"os._exit"}}
"""A child that was forked ends like that, and never as we do."""


OUTSIDE_CLI = [path for path in sources("tools", "oci_spec") if path.parent != ROOT / "tools" / "cli"]


@pytest.mark.parametrize("path", OUTSIDE_CLI, ids=names)
def test_only_the_launcher_touches_the_world(path: Path) -> None:
    """Environment, arguments, clock, randomness, standard streams and exits are the launcher's alone."""
    wrong = [
        f"{names(path)}:{line} imports {name}"
        for line, name in imports(path)
        if name in WORLD_NAMES or name.split(".")[0] in WORLD_MODULES
    ]
    for node in ast.walk(ast.parse(path.read_text())):
        found = node if isinstance(node, ast.Attribute) else node.func if isinstance(node, ast.Call) else None
        last = found.attr if isinstance(found, ast.Attribute) else found.id if isinstance(found, ast.Name) else ""
        used = ast.unparse(found) if found is not None and last in LAST_WORDS else ""
        if used in WORLD_NAMES - ALLOWED.get(names(path), set()):
            wrong.append(f"{names(path)}:{node.lineno} uses {used}")
    assert not wrong


LIMIT = 320
"""Lines of a file: about 300. What would be split only to count less is listed instead."""
LONG: dict[str, str] = {}
"""Files over the limit, with the reason why one subject needs them."""


@pytest.mark.parametrize("path", sources("tools", "oci_spec"), ids=names)
def test_a_file_has_one_subject(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= LIMIT or names(path) in LONG, f"{names(path)} has {lines} lines"


def test_the_list_of_long_files_is_true() -> None:
    assert [path for path in LONG if len((ROOT / path).read_text().splitlines()) <= LIMIT] == []


def test_the_top_level_is_fixed() -> None:
    allowed = {
        "pyproject.toml", "README.md", "Makefile", "tools", "oci_spec", "tests", "man", ".ci", ".gitignore", "LICENSE",
        ".git", ".venv", "build", "dist",
    }  # fmt: skip
    found = {entry.name for entry in ROOT.iterdir()}
    caches = {name for name in found if name.endswith(("_cache", ".egg-info")) or name in (".cache", ".hypothesis")}
    assert found - caches <= allowed
