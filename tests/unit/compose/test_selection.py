"""Which services take part, in which order; and what their containers are known by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from composing import loaded, refusal, written

from ocipipe.compose import hashing, order
from ocipipe.compose.project import Project

PROFILED = """
services:
  web: {image: i, depends_on: [db]}
  db: {image: i}
  debug: {image: i, profiles: [debug], depends_on: [web]}
  trace: {image: i, profiles: [debug, trace], depends_on: [debug]}
  job: {image: i, profiles: [job], depends_on: {mail: {condition: service_started, required: false}}}
  mail: {image: i, profiles: [mail]}
  needs: {image: i, profiles: [needs], depends_on: [mail]}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def project(here: Path, text: str, **options: Any) -> Project:
    written(here, {"compose.yaml": text})
    return loaded(name="p", **options)


@pytest.mark.parametrize(
    ("profiles", "services", "names"),
    [
        ([], [], "db web"),
        (["debug"], [], "db web debug trace"),
        (["trace"], ["web"], "db web"),
        (["mail"], [], "db web mail"),
        (["job"], [], "db web job"),
        (["job", "mail"], [], "db web mail job"),
        (["none"], [], "db web"),
        (["*"], [], "db web debug trace mail job needs"),
        (["needs", "mail"], [], "db web mail needs"),
        ([], ["db"], "db"),
        ([], ["web"], "db web"),
        ([], ["db", "web"], "db web"),
        ([], ["debug"], "db web debug"),
        ([], ["trace"], "db web debug trace"),
        ([], ["job"], "job"),
        ([], ["job", "mail"], "mail job"),
        ([], ["needs", "mail"], "mail needs"),
    ],
)
def test_enabled(profiles: list[str], services: list[str], names: str, here: Path) -> None:
    assert project(here, PROFILED, profiles=profiles).enabled(services) == names.split()


@pytest.mark.parametrize(("services", "names"), [(["web"], "web"), (["trace", "db"], "db trace"), ([], "db web")])
def test_without_dependencies(services: list[str], names: str, here: Path) -> None:
    assert project(here, PROFILED).enabled(services, dependencies=False) == names.split()


@pytest.mark.parametrize(
    ("profiles", "services", "message"),
    [
        ([], ["no"], "no: no such service (the file has web, db, debug, trace, job, mail, needs)"),
        (["needs"], [], "compose.yaml:9: services.needs.depends_on: mail is in no active profile (--profile mail)"),
        (["trace"], [], "compose.yaml:6: services.trace.depends_on: debug is in no active profile (--profile debug)"),
        ([], ["needs"], "compose.yaml:9: services.needs.depends_on: mail is in no active profile (--profile mail)"),
    ],
)
def test_refused(profiles: list[str], services: list[str], message: str, here: Path) -> None:
    assert refusal(project(here, PROFILED, profiles=profiles).enabled, services) == message


def graph_of(text: str) -> order.Graph:
    """`a: b c` lines as a graph."""
    return {line.partition(":")[0]: {one: {} for one in line.partition(":")[2].split()} for line in text.split("\n")}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a:", "a"), ("a:\nb:", "a b"), ("a: b\nb:", "b a"), ("a: b c\nb: c\nc:", "c b a"), ("a: c\nb:\nc:", "c a b"),
        ("a: b\nb: c\nc: d\nd:", "d c b a"), ("a:\nb: a\nc: a\nd: b c", "a b c d"),
    ],
)  # fmt: skip
def test_order(text: str, names: str) -> None:
    assert order.ordered(graph_of(text)) == names.split()


@pytest.mark.parametrize(
    ("pairs", "circle"),
    [
        ("a: b\nb: a", "a -> b -> a"), ("a: b\nb: c\nc: b", "b -> c -> b"), ("a: b c\nb:\nc: d\nd: c", "c -> d -> c"),
        ("a:\nb: c\nc: d\nd: b", "b -> c -> d -> b"),
    ],
)  # fmt: skip
def test_circles(pairs: str, circle: str, here: Path) -> None:
    lines = [f"  {line.partition(':')[0]}: {{image: i, depends_on: [{', '.join(line.partition(':')[2].split())}]}}"
             for line in pairs.split("\n")]  # fmt: skip
    message = refusal(project, here, "services:\n" + "\n".join(lines))
    assert f"services wait for one another: {circle} (take one of these dependencies away)" in message


def test_a_long_chain(here: Path) -> None:
    lines = [f"  s{n}: {{image: i, depends_on: [s{n + 1}]}}" for n in range(2000)] + ["  s2000: {image: i}"]
    assert project(here, "services:\n" + "\n".join(lines)).enabled()[0] == "s2000"


def test_what_is_selected(here: Path) -> None:
    found = project(here, """
        services:
          a: {image: i, networks: [n], volumes: ['v:/v', /anonymous], secrets: [s], configs: [c]}
          b: {build: {secrets: [t]}, networks: [m], volumes: ['w:/w', './x:/x']}
          c: {image: i, profiles: [p]}
        networks: {n: , m: , unused: }
        volumes: {v: , w: , unused: }
        secrets: {s: {file: s}, t: {file: t}, unused: {file: u}}
        configs: {c: {file: c}, unused: {file: u}}
        x-kept: 1
        """)  # fmt: skip
    assert {key: list(value) for key, value in found.selected(["a"]).items() if isinstance(value, dict)} == {
        "services": ["a"], "networks": ["n"], "volumes": ["v"], "secrets": ["s"], "configs": ["c"],
    }  # fmt: skip
    whole = found.selected()
    assert (list(whole["services"]), list(whole["secrets"]), whole["x-kept"]) == (["a", "b"], ["s", "t"], 1)
    assert "configs" not in found.selected(["b"])


def test_image_names(here: Path) -> None:
    found = project(here, "services: {a: {image: x, build: .}, b: {build: .}}")
    assert (found.image("a"), found.image("b")) == ("x", "p-b")


BASE = """
services:
  web:
    image: i
    environment: {A: 1, B: 2}
    networks: [n]
    volumes: ['v:/v']
    secrets: [s]
    configs: [c]
networks: {n: }
volumes: {v: }
secrets: {s: {environment: SECRET}}
configs: {c: {content: x}}
"""


def hashed(here: Path, text: str, **env: str) -> str:
    return project(here, text, env=env).hash("web")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    image: i\n", "    image: i\n    scale: 3\n"),
        ("    image: i\n", "    image: i\n    deploy: {replicas: 3}\n"),
        ("    image: i\n", "    image: i\n    build: .\n"),
        ("    image: i\n", "    image: i\n    profiles: []\n"),
        ("    image: i\n", "    image: i\n    pull_policy: always\n"),
        ("    image: i\n", "    image: i\n    attach: false\n"),
        ("    image: i\n", "    image: i\n    develop: {watch: [{path: ., action: rebuild}]}\n"),
        ("    image: i\n", "    image: i\n    x-mine: 1\n"),
        ("    image: i\n", "    image: i\n    post_start: [{command: a}]\n"),
        ("{A: 1, B: 2}", "[B=2, A=1]"),
        ("services:", "x-other: 1\nservices:"),
        ("services:", "services:\n  other: {image: o}"),
        ("    image: i\n", "    image: i\n    depends_on: []\n"),
    ],
)
def test_what_does_not_make_another_container(before: str, after: str, here: Path) -> None:
    assert before in BASE
    assert hashed(here, BASE.replace(before, after)) == hashed(here, BASE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("image: i", "image: j"),
        ("A: 1", "A: 2"),
        ("A: 1", "A: "),
        ("networks: [n]", "networks: {n: {aliases: [x]}}"),
        ("'v:/v'", "'v:/w'"),
        ("v: }", "v: {name: other}}"),
        ("n: }", "n: {name: other}}"),
        ("content: x", "content: y"),
        ("environment: SECRET", "environment: OTHER"),
        ("    image: i\n", "    image: i\n    restart: always\n"),
        ("    image: i\n", "    image: i\n    labels: [a]\n"),
        ("    image: i\n", "    image: i\n    restart: no\n    deploy: {restart_policy: {delay: 5s}}\n"),
        ("    image: i\n",
         "    image: i\n    deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}\n"),
        ("    image: i\n", "    image: i\n    command: []\n"),
        ("    image: i\n", "    image: i\n    mem_limit: 5m\n"),
        ("secrets: [s]", "secrets: [{source: s, mode: 0400}]"),
    ],
)
def test_what_makes_another_container(before: str, after: str, here: Path) -> None:
    assert before in BASE
    assert hashed(here, BASE.replace(before, after)) != hashed(here, BASE)


def test_a_secret_s_value_counts_and_is_not_shown(here: Path) -> None:
    assert hashed(here, BASE, SECRET="one") != hashed(here, BASE, SECRET="two")
    found = project(here, BASE, env={"SECRET": "hush-hush"})
    material = hashing.material(found.model, "web", found.environment)
    assert "hush-hush" not in repr(material)
    assert set(material) == {"service", "networks", "volumes", "secrets", "configs"}
    assert material["volumes"] == {"v": "p_v"}


def test_hashes_of_resources(here: Path) -> None:
    one, two = project(here, BASE).model, project(here, BASE.replace("n: }", "n: {internal: true}}")).model
    assert hashing.resource_hash(one, "networks", "n") != hashing.resource_hash(two, "networks", "n")
    assert hashing.resource_hash(one, "volumes", "v") == hashing.resource_hash(two, "volumes", "v")
