"""Files that bring others: extends and include, with their paths, variables and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from composing import loaded, refusal, written


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def services(files: dict[str, str], here: Path, **env: str) -> Any:
    written(here, files)
    return loaded(env=env).model["services"]


COMMON = """
services:
  base:
    image: base:${TAG:-1}
    build: ./ctx
    command: [a]
    environment: {A: 1, B: 1}
    env_file: base.env
    volumes: ['./data:/data', 'named:/n']
    ports: ['80:80']
  middle:
    extends: base
    environment: {B: 2}
volumes: {named: }
"""


def test_extends_in_one_file(here: Path) -> None:
    found = services({"compose.yaml": """
        services:
          a: {image: x, environment: {A: 1, B: 1}, ports: ['80:80'], profiles: [p]}
          b: {extends: a, environment: {B: 2}, ports: ['81:81']}
          c: {extends: {service: b}, image: y, ports: !reset []}
        """}, here)  # fmt: skip
    assert found["b"]["image"] == "x"
    assert found["b"]["environment"] == {"A": "1", "B": "2"}
    assert [port["target"] for port in found["b"]["ports"]] == [80, 81]
    assert found["c"]["image"] == "y"
    assert found["c"]["environment"] == {"A": "1", "B": "2"}
    assert "ports" not in found["c"]
    assert found["c"]["profiles"] == ["p"]
    assert all("extends" not in one for one in found.values())


def test_extends_from_another_directory(here: Path) -> None:
    found = services(
        {
            "compose.yaml": "services: {web: {extends: {file: lib/common.yaml, service: middle}, "
            "volumes: ['./w:/w']}}\n"
            "volumes: {named: }",
            "lib/common.yaml": COMMON,
            "lib/base.env": "C=3\nA=9",
        },
        here,
        TAG="7",
    )
    web = found["web"]
    assert list(found) == ["web"]
    assert web["image"] == "base:7"
    assert web["build"]["context"] == f"{here}/lib/ctx"
    assert web["environment"] == {"C": "3", "A": "1", "B": "2"}
    assert [mount.get("source") for mount in web["volumes"]] == [f"{here}/lib/data", "named", f"{here}/w"]


def test_extends_of_an_extended_file(here: Path) -> None:
    found = services({
        "compose.yaml": "services: {web: {extends: {file: one/a.yaml, service: a}}}",
        "one/a.yaml": "services: {a: {extends: {file: ../two/b.yaml, service: b}, labels: [x=1]}}",
        "two/b.yaml": "services: {b: {image: i, build: ., labels: [y=2]}}",
    }, here)  # fmt: skip
    assert found["web"]["build"]["context"] == f"{here}/two"
    assert found["web"]["labels"] == {"y": "2", "x": "1"}


def test_extends_this_very_file(here: Path) -> None:
    found = services(
        {"compose.yaml": "services: {a: {image: i}, b: {extends: {file: ./compose.yaml, service: a}}}"}, here
    )
    assert found["b"]["image"] == "i"


def test_an_override_file_extends_too(here: Path) -> None:
    found = services(
        {
            "compose.yaml": "services: {a: {image: i, ports: ['1:1']}}",
            "compose.override.yaml": "services: {a: {extends: {file: c.yaml, service: c}, ports: !override ['2:2']}}",
            "c.yaml": "services: {c: {restart: always, ports: ['3:3']}}",
        },
        here,
    )
    assert found["a"]["restart"] == "always"
    assert [port["target"] for port in found["a"]["ports"]] == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a: {extends: b}}", "compose.yaml:1: services.a.extends: compose.yaml has no service b"),
        ("{a: {extends: a}}", "compose.yaml:1: services.a.extends: services extend one another: a -> a"),
        ("{a: {extends: b}, b: {extends: c}, c: {extends: a}}",
         "compose.yaml:1: services.c.extends: services extend one another: a -> b -> c -> a"),
        ("{a: {extends: {file: no.yaml, service: b}}}", "compose.yaml:1: services.a.extends: no.yaml: no such file"),
        ("{a: {extends: {file: c.yaml, service: b}}}", "compose.yaml:1: services.a.extends: c.yaml has no service b"),
        ("{a: {extends: {file: c.yaml, service: loop}}}",
         "c.yaml:4: services.loop.extends: services extend one another: a -> loop -> loop"),
        ("{a: {extends: {file: c.yaml, service: wrong}}}",
         "c.yaml:6: services.wrong.imagine: is no key of Compose here (did you mean image?)"),
        ("{a: {extends: {file: c.yaml}}}", "compose.yaml:1: services.a.extends: lacks service"),
        ("{a: {extends: {service: b, as: c}}}", "compose.yaml:1: services.a.extends.as: is no key of Compose here (see"
                                                 " compose-spec)"),
    ],
)  # fmt: skip
def test_extends_refused(text: str, message: str, here: Path) -> None:
    wrong = "services:\n  c: {image: i}\n  loop:\n    extends: loop\n"
    written(
        here, {"compose.yaml": f"services: {text}", "c.yaml": wrong + "  wrong:\n    imagine: 1\n" * ("wrong" in text)}
    )
    assert refusal(loaded) == message


# include


def test_include(here: Path) -> None:
    written(
        here,
        {
            "compose.yaml": "include: [db/compose.yaml]\nservices: {web: {image: w, depends_on: [db]}}",
            "db/compose.yaml": """
            services:
              db: {image: 'db:${TAG}', build: ., volumes: ['data:/data', './init:/init'], networks: [back]}
            volumes: {data: }
            networks: {back: }
            configs: {c: {file: c.txt}}
            """,
            "db/.env": "TAG=5",
        },
    )
    found = loaded(name="p")
    assert list(found.model["services"]) == ["web", "db"]
    db = found.service("db")
    assert db["image"] == "db:5"
    assert db["build"]["context"] == f"{here}/db"
    assert db["volumes"][1]["source"] == f"{here}/db/init"
    assert found.model["volumes"] == {"data": {"name": "p_data"}}
    assert found.model["networks"]["back"] == {"name": "p_back"}
    assert found.model["configs"]["c"]["file"] == f"{here}/db/c.txt"
    assert "include" not in found.model
    assert found.where("services", "db", "image") == "db/compose.yaml:3"
    assert found.warnings == []


def test_include_long(here: Path) -> None:
    found = services({
        "compose.yaml": """
            include:
              - path: [parts/a.yaml, parts/a.override.yaml]
                project_directory: other
                env_file: [parts/one.env, parts/two.env]
            services: {web: {image: w}}
            """,
        "parts/a.yaml": "services: {a: {image: 'a:$ONE-$TWO-$SHELL', build: .}}",
        "parts/a.override.yaml": "services: {a: {labels: [x=1]}}",
        "parts/one.env": "ONE=1\nTWO=1\nSHELL=file", "parts/two.env": "TWO=2",
    }, here, SHELL="sh")  # fmt: skip
    assert found["a"]["image"] == "a:1-2-sh"
    assert found["a"]["build"]["context"] == f"{here}/other"
    assert found["a"]["labels"] == {"x": "1"}


def test_include_inside_an_include(here: Path) -> None:
    found = services({
        "compose.yaml": "include: [one/c.yaml]\nservices: {web: {image: w}}",
        "one/c.yaml": "include: [two/c.yaml]\nservices: {one: {image: one, build: .}}",
        "one/two/c.yaml": "services: {two: {image: two, build: .}}",
    }, here)  # fmt: skip
    assert found["one"]["build"]["context"] == f"{here}/one"
    assert found["two"]["build"]["context"] == f"{here}/one/two"


def test_an_override_may_change_what_is_included(here: Path) -> None:
    found = services({
        "compose.yaml": "include: [c.yaml]\nservices: {web: {image: w}}",
        "compose.override.yaml": "services: {db: {image: other}}",
        "c.yaml": "services: {db: {image: db, labels: [x=1]}}",
    }, here)  # fmt: skip
    assert found["db"] | {"networks": {}} == {"image": "other", "labels": {"x": "1"}, "networks": {}}


def test_the_same_thing_twice_is_no_conflict(here: Path) -> None:
    found = services({
        "compose.yaml": "include: [a.yaml, b.yaml]\nservices: {web: {image: w}}",
        "a.yaml": "include: [c.yaml]", "b.yaml": "include: [c.yaml]", "c.yaml": "services: {c: {image: c}}",
    }, here)  # fmt: skip
    assert list(found) == ["web", "c"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("include: [no.yaml]", "compose.yaml:1: include[0]: no.yaml: no such file"),
        ("include: [compose.yaml]", "compose.yaml:1: include[0]: compose.yaml includes itself"),
        ("include: [loop.yaml]", "loop.yaml:1: include[0]: compose.yaml includes itself"),
        ("include: c.yaml", 'compose.yaml:1: include: is "c.yaml", not an array'),
        (
            "include: [{path: c.yaml, other: x}]",
            "compose.yaml:1: include[0].other: is no key of Compose here (see compose-spec)",
        ),
        ("include: [{path: []}]", "compose.yaml:1: include[0]: names no file"),
        ("include: [{path: c.yaml, env_file: no.env}]", "compose.yaml:1: include[0].env_file: no.env: no such file"),
        ("include: [{project_directory: .}]", "compose.yaml:1: include[0]: lacks path"),
        (
            "include: [c.yaml]\nservices: {db: {image: mine}}",
            "compose.yaml:2: services.db: is in the included c.yaml:1 too (give it another name, or"
            " change it in an override"
            " file)",
        ),
    ],
)
def test_include_refused(text: str, message: str, here: Path) -> None:
    written(
        here, {"compose.yaml": text, "c.yaml": "services: {db: {image: db}}", "loop.yaml": "include: [compose.yaml]"}
    )
    assert refusal(loaded) == message


def test_extends_without_end(here: Path) -> None:
    lines = [f"  s{number}: {{extends: s{number + 1}}}" for number in range(2000)]
    written(here, {"compose.yaml": "services:\n" + "\n".join(lines) + "\n  s2000: {image: i}"})
    assert "services extend one another more than 50 times" in refusal(loaded)


def test_paths_of_includes_and_extends_have_variables(here: Path) -> None:
    found = services({
        "compose.yaml": "include: ['${PART:-a}.yaml']\nservices: {w: {extends: {file: '$PART.yaml', service: p}}}",
        "b.yaml": "services: {p: {image: b}}",
    }, here, PART="b")  # fmt: skip
    assert {name: service["image"] for name, service in found.items()} == {"w": "b", "p": "b"}
