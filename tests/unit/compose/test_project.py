"""A whole project: which files, which variables, which name; what the finished model says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from composing import context, loaded, refusal, written

from oci_spec import validate
from ocipipe.compose import names, project

ONE = "services: {web: {image: 'i:${TAG:-none}'}}"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "shop"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def image(*chosen: str, env: dict[str, str] | None = None, **options: Any) -> str:
    return str(loaded(*chosen, env=env, **options).service("web")["image"])


# Files.


@pytest.mark.parametrize(
    ("present", "used"),
    [
        (["compose.yaml"], ["compose.yaml"]),
        (["compose.yml"], ["compose.yml"]),
        (["docker-compose.yml"], ["docker-compose.yml"]),
        (["docker-compose.yaml"], ["docker-compose.yaml"]),
        (["docker-compose.yaml", "docker-compose.yml"], ["docker-compose.yml"]),
        (["compose.yaml", "docker-compose.yml"], ["compose.yaml"]),
        (["compose.yaml", "compose.override.yaml"], ["compose.yaml", "compose.override.yaml"]),
        (["compose.yml", "compose.override.yml"], ["compose.yml", "compose.override.yml"]),
        (["docker-compose.yml", "docker-compose.override.yml"], ["docker-compose.yml", "docker-compose.override.yml"]),
        (["compose.yaml", "compose.override.yml", "compose.override.yaml"], ["compose.yaml", "compose.override.yaml"]),
    ],
)
def test_usual_names(present: list[str], used: list[str], here: Path) -> None:
    written(here, dict.fromkeys(present, ONE))
    found = loaded()
    assert found.files == [str(here / name) for name in used]
    assert len(found.warnings) == (len(present) != len(used))


def test_the_nearest_directory_above(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(here, {"compose.yaml": ONE, "compose.override.yaml": ONE, "a/b/.keep": "", ".env": "TAG=above"})
    monkeypatch.chdir(here / "a/b")
    found = loaded()
    assert found.files == [str(here / "compose.yaml"), str(here / "compose.override.yaml")]
    assert (found.directory, found.name) == (str(here), "shop")
    assert found.service("web")["image"] == "i:above"


def test_no_file(here: Path) -> None:
    message = refusal(loaded)
    assert message == f"compose.yaml: not in {here} nor above it (write one, or name a file with -f)"
    assert refusal(loaded, "other.yaml") == "other.yaml: no such file"
    assert refusal(loaded, str(here)).endswith(": cannot be read: is a directory")


def test_chosen_files(here: Path) -> None:
    written(
        here, {"a.yaml": "services: {web: {image: a, build: .}}", "d/b.yaml": "services: {web: {image: b, build: ./x}}"}
    )
    assert image("a.yaml", "d/b.yaml") == "b"
    assert image("d/b.yaml", "a.yaml") == "a"
    assert image(env={"COMPOSE_FILE": "a.yaml:d/b.yaml"}) == "b"
    assert image(env={"COMPOSE_FILE": "a.yaml|d/b.yaml", "COMPOSE_PATH_SEPARATOR": "|"}) == "b"
    assert image("a.yaml", env={"COMPOSE_FILE": "d/b.yaml"}) == "a"
    assert loaded("d/b.yaml").directory == str(here / "d")
    assert loaded("a.yaml", "d/b.yaml").service("web")["build"]["context"] == str(here / "x")
    assert loaded("a.yaml", directory="d").service("web")["build"]["context"] == str(here / "d")


def test_stdin(here: Path) -> None:
    found = project.load(context(stdin=b"services: {web: {image: in, build: ./x}}"), ["-"])
    assert (found.files, found.directory, found.name) == (["-"], str(here), "shop")
    assert found.service("web")["build"]["context"] == str(here / "x")
    assert found.where("services", "web") == "-:1"


# Variables.


@pytest.mark.parametrize(
    ("files", "env", "options", "tag"),
    [
        ({}, {}, {}, "none"),
        ({".env": "TAG=dot"}, {}, {}, "dot"),
        ({".env": "TAG=dot"}, {"TAG": "sh"}, {}, "sh"),
        ({".env": "TAG=dot"}, {"TAG": ""}, {}, "none"),
        ({".env": "TAG=dot"}, {"COMPOSE_DISABLE_ENV_FILE": "1"}, {}, "none"),
        ({".env": "TAG=dot", "a.env": "TAG=a"}, {}, {"env_files": ["a.env"]}, "a"),
        ({".env": "TAG=dot", "a.env": "X=a"}, {}, {"env_files": ["a.env"]}, "none"),
        ({"a.env": "TAG=a", "b.env": "TAG=b"}, {}, {"env_files": ["a.env", "b.env"]}, "b"),
        ({"a.env": "TAG=a", "b.env": "TAG=$TAG-b"}, {}, {"env_files": ["a.env", "b.env"]}, "a-b"),
        ({"a.env": "TAG=a"}, {"TAG": "sh"}, {"env_files": ["a.env"]}, "sh"),
        ({"a.env": "TAG=a", "b.env": "TAG=b"}, {"COMPOSE_ENV_FILES": "a.env,b.env"}, {}, "b"),
        ({"a.env": "TAG=a", "b.env": "TAG=b"}, {"COMPOSE_ENV_FILES": "a.env"}, {"env_files": ["b.env"]}, "b"),
        ({".env": "TAG=${OTHER:-x}"}, {"OTHER": "o"}, {}, "o"),
    ],
)
def test_where_variables_come_from(
    files: dict[str, str], env: dict[str, str], options: dict[str, Any], tag: str, here: Path
) -> None:
    written(here, {"compose.yaml": ONE, **files})
    assert image(env=env, **options) == f"i:{tag}"


def test_settings_in_dotenv(here: Path) -> None:
    text = "services: {web: {image: $COMPOSE_PROJECT_NAME}, x: {image: x, profiles: [p]}}"
    written(here, {"c.yaml": text, ".env": "COMPOSE_FILE=c.yaml\nCOMPOSE_PROJECT_NAME=named\nCOMPOSE_PROFILES=p,q"})
    found = loaded()
    assert found.files == [str(here / "c.yaml")]
    assert (found.name, found.profiles) == ("named", ["p", "q"])
    assert found.service("web")["image"] == "named"
    assert found.enabled() == ["web", "x"]
    assert loaded(profiles=["r"]).enabled() == ["web"]


def test_dotenv_is_the_project_s(here: Path) -> None:
    written(here, {"d/compose.yaml": ONE, "d/.env": "TAG=d", ".env": "TAG=here"})
    assert image("d/compose.yaml") == "i:d"
    assert image("d/compose.yaml", directory=".") == "i:here"


def test_a_missing_env_file(here: Path) -> None:
    written(here, {"compose.yaml": ONE})
    assert refusal(loaded, env_files=["no.env"]) == "no.env: no such file"


def test_warnings_are_told_once(here: Path) -> None:
    written(here, {"compose.yaml": "services:\n  web:\n    image: i$A\n    labels: [x=$A, y=$B, 'z=${C-}']"})
    assert loaded().warnings == [
        "compose.yaml:3: the variable A is not set, and empty here",
        "compose.yaml:4: the variable B is not set, and empty here",
    ]


def test_what_is_not_utf_8(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(here, {"compose.yaml": "services: {web: {image: i$A, environment: {A: }}}"})
    found = loaded(env={"A": "\udcff", "\udcfe": "x"})
    assert found.warnings == ["compose.yaml:1: the variable A is not UTF-8, and empty here"]
    assert found.service("web")["environment"] == {"A": None}
    assert sorted(found.environment) == ["COMPOSE_PROJECT_NAME", "HOME"]
    (here / "\udcff").mkdir()
    (here / "\udcff/compose.yaml").write_text(ONE)
    monkeypatch.chdir(here / "\udcff")
    assert "is not UTF-8, as the model is" in refusal(loaded)


# Names.


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("/srv/shop", "shop"), ("/srv/Shop", "shop"), ("/srv/my shop", "myshop"), ("/srv/my_shop-2", "my_shop-2"),
        ("/srv/-_x", "x"), ("/srv/.hidden", "hidden"), ("/srv/ä", ""), ("/srv/x.y/", "xy"), ("/", ""),
    ],
)  # fmt: skip
def test_a_directory_s_name(directory: str, name: str) -> None:
    assert names.of_directory(directory) == name


@pytest.mark.parametrize(
    ("text", "env", "options", "name"),
    [
        ("", {}, {}, "shop"),
        ("name: filed", {}, {}, "filed"),
        ("name: filed", {"COMPOSE_PROJECT_NAME": "env"}, {}, "env"),
        ("name: filed", {"COMPOSE_PROJECT_NAME": "env"}, {"name": "opt"}, "opt"),
        ("name: filed", {"COMPOSE_PROJECT_NAME": ""}, {}, "filed"),
        ("name: x-${TAG:-t}", {}, {}, "x-t"),
        ("name: x-${TAG:-t}", {"TAG": "9"}, {}, "x-9"),
        ("", {}, {"directory": "/srv/Other"}, "other"),
    ],
)
def test_project_names(text: str, env: dict[str, str], options: dict[str, Any], name: str, here: Path) -> None:
    written(here, {"compose.yaml": f"{text}\nservices: {{web: {{image: $COMPOSE_PROJECT_NAME}}}}"})
    found = loaded("compose.yaml", env=env, **options)
    assert found.name == name
    assert found.model["name"] == name
    assert found.service("web")["image"] == name
    assert found.model["networks"]["default"]["name"] == f"{name}_default"


def test_the_last_file_s_name(here: Path) -> None:
    written(here, {"a.yaml": f"name: a\n{ONE}", "b.yaml": f"name: b\n{ONE}", "c.yaml": ONE})
    assert loaded("a.yaml", "b.yaml", "c.yaml").name == "b"


RULE = "lower case letters, digits, - and _, with a letter or digit first"


@pytest.mark.parametrize(
    ("text", "env", "options", "message"),
    [
        ("", {}, {"name": "My Shop"}, f"--project-name: 'My Shop' is no project name ({RULE})"),
        ("", {}, {"name": ""}, f"--project-name: '' is no project name ({RULE})"),
        ("", {}, {"name": "-x"}, f"--project-name: '-x' is no project name ({RULE})"),
        ("", {"COMPOSE_PROJECT_NAME": "A"}, {}, f"COMPOSE_PROJECT_NAME: 'A' is no project name ({RULE})"),
        ("name: A", {}, {}, f"compose.yaml:1: name: 'A' is no project name ({RULE})"),
        ("name: 5", {}, {}, f"compose.yaml:1: name: 5 is no project name ({RULE})"),
        ("name: ${X:?no}", {}, {}, "compose.yaml:1: name: the variable X is not set: no (set it, or put it into .env)"),
    ],
)
def test_names_refused(text: str, env: dict[str, str], options: dict[str, Any], message: str, here: Path) -> None:
    written(here, {"compose.yaml": f"{text}\n{ONE}"})
    assert refusal(loaded, env=env, **options) == message


# The finished model.


def finished(here: Path, text: str, **env: str) -> Any:
    written(here, {"compose.yaml": text})
    return loaded(env=env, name="p").model


def test_every_section_is_there(here: Path) -> None:
    found = finished(here, "services: {web: {image: i}}\nx-a: 1")
    assert found == {
        "name": "p", "services": {"web": {"image": "i", "networks": {"default": {}}}},
        "networks": {"default": {"name": "p_default"}}, "volumes": {}, "secrets": {}, "configs": {}, "x-a": 1,
    }  # fmt: skip
    assert validate.check("compose", found, "x") is found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("network_mode: host", None), ("networks: [n]", {"n": {}}), ("networks: []", {"default": {}}),
        ("networks: {default: {aliases: [x]}}", {"default": {"aliases": ["x"]}}), ("network_mode: 'service:db'", None),
    ],
)  # fmt: skip
def test_networks(text: str, value: Any, here: Path) -> None:
    found = finished(
        here, f"services: {{db: {{image: d, network_mode: none}}, web: {{image: i, {text}}}}}\nnetworks: {{n: }}"
    )
    assert found["services"]["web"].get("networks") == value
    assert ("default" in found["networks"]) == ("default" in (value or {}))


@pytest.mark.parametrize(
    ("text", "restart"),
    [
        ("links: [db]", True),
        ("links: ['db:base']", True),
        ("network_mode: 'service:db'", True),
        ("pid: 'service:db'", True),
        ("ipc: 'service:db'", True),
        ("volumes_from: [db]", False),
        ("volumes_from: ['db:ro']", False),
    ],
)
def test_what_is_depended_on_without_a_word(text: str, restart: bool, here: Path) -> None:
    found = finished(here, f"services: {{db: {{image: d}}, web: {{image: i, {text}}}}}")["services"]["web"][
        "depends_on"
    ]
    expected: dict[str, Any] = {"condition": "service_started", "required": True}
    assert found == {"db": {**expected, "restart": True} if restart else expected}


def test_what_depends_on_says_itself_stays(here: Path) -> None:
    text = "services: {db: {image: d}, web: {image: i, links: [db], depends_on: {db: {condition: service_healthy}}}}"
    found = finished(here, text)["services"]["web"]["depends_on"]
    assert found == {"db": {"condition": "service_healthy", "required": True}}


def test_a_dependency_that_need_not_be_there(here: Path) -> None:
    text = "services: {web: {image: i, depends_on: {db: {condition: service_started, required: false}}}}"
    assert finished(here, text)["services"]["web"]["depends_on"] == {}


def test_environment_from_everywhere(here: Path) -> None:
    written(here, {"a.env": "A=a\nB=a\nFROM=$SHELLED", "b.env": "B=b\nD=$A", "raw.env": "R='$x'\n"})
    found = finished(
        here,
        """
        services:
          web:
            image: i
            env_file: [a.env, b.env, {path: no.env, required: false}, {path: raw.env, format: raw}]
            environment: {C: c, A: own, SHELLED: , UNSET: }
        """,
        SHELLED="sh",
    )["services"]["web"]
    assert found["environment"] == {
        "A": "own", "B": "b", "FROM": "sh", "D": "a", "R": "'$x'", "C": "c", "SHELLED": "sh", "UNSET": None,
    }  # fmt: skip
    assert "env_file" not in found


def test_labels_from_files(here: Path) -> None:
    written(here, {"a.labels": "a=1\nb=1"})
    found = finished(here, "services: {web: {image: i, label_file: a.labels, labels: [b=2]}}")["services"]["web"]
    assert found["labels"] == {"a": "1", "b": "2"}
    assert "label_file" not in found


def test_build_says_its_defaults(here: Path) -> None:
    text = "services: {web: {build: {args: {A: , B: , C: 1}}}, inline: {build: {dockerfile_inline: FROM a}}}"
    found = finished(here, text, A="shell")["services"]
    assert found["web"]["build"] == {
        "args": {"A": "shell", "B": None, "C": "1"},
        "context": str(here),
        "dockerfile": "Dockerfile",
    }
    assert found["inline"]["build"] == {"dockerfile_inline": "FROM a", "context": str(here)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scale: 3", {"scale": 3}),
        ("deploy: {replicas: 3}", {"scale": 3}),
        ("scale: 3, deploy: {replicas: 3}", {"scale": 3}),
        (
            "deploy: {resources: {limits: {cpus: '0.5', memory: 1k, pids: 5}}}",
            {"cpus": 0.5, "mem_limit": 1024, "pids_limit": 5},
        ),
        ("mem_limit: 1k, deploy: {resources: {limits: {memory: 1k}}}", {"mem_limit": 1024}),
        ("deploy: {resources: {reservations: {memory: 1m}}}", {"mem_reservation": 1 << 20}),
        ("deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}", {"restart": "on-failure:3"}),
        ("deploy: {restart_policy: {condition: any}}", {"restart": "always"}),
        ("deploy: {restart_policy: {condition: none}}", {"restart": "no"}),
        ("deploy: {restart_policy: {}}", {"restart": "always"}),
        ("deploy: {mode: replicated-job, replicas: 3}", {"restart": "on-failure", "scale": 3}),
        ("deploy: {mode: global-job, restart_policy: {max_attempts: 2}}", {"restart": "on-failure:2"}),
        ("restart: no, deploy: {mode: replicated-job}", {"restart": "no"}),
        ("deploy: {mode: replicated-job, restart_policy: {condition: none}}", {"restart": "no"}),
        ("restart: no, deploy: {restart_policy: {condition: any}}", {"restart": "no"}),
    ],
)
def test_two_ways_to_say_the_same(text: str, said: dict[str, Any], here: Path) -> None:
    found = finished(here, f"services: {{web: {{image: i, {text}}}}}")["services"]["web"]
    assert {key: found.get(key) for key in said} == said


@pytest.mark.parametrize(
    ("section", "text", "name"),
    [
        ("networks", "", "p_a"),
        ("networks", "name: b", "b"),
        ("networks", "external: true", "a"),
        ("networks", "external: true, name: b", "b"),
        ("volumes", "", "p_a"),
        ("volumes", "name: 'b-${X:-c}'", "b-c"),
        ("volumes", "external: true", "a"),
        ("secrets", "file: x", "p_a"),
        ("secrets", "external: true", "a"),
        ("secrets", "environment: X, name: b", "b"),
        ("configs", "content: ''", "p_a"),
        ("configs", "environment: X", "p_a"),
    ],
)
def test_names_of_resources(section: str, text: str, name: str, here: Path) -> None:
    assert (
        finished(here, f"services: {{web: {{image: i}}}}\n{section}: {{a: {{{text}}}}}")[section]["a"]["name"] == name
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: {}", "compose.yaml: has no services (write at least one)"),
        ("", "compose.yaml: has no services (write at least one)"),
        ("services:\n  web: {}", "compose.yaml:2: services.web: has neither an image nor a build"),
        ("services:\n  web:", "compose.yaml:2: services.web: has neither an image nor a build"),
        (
            "services:\n  web:\n    image: A b",
            "compose.yaml:3: services.web.image: 'A b' is no image: repositories are lower case",
        ),
        (
            "services:\n  web:\n    image: 'a:'",
            "compose.yaml:3: services.web.image: 'a:' is no image: '' is no tag (letters, digits, _ . -, at most 128)",
        ),
        (
            "services: {web: {image: i, network_mode: host, networks: [a]}}\nnetworks: {a: }",
            "compose.yaml:1: services.web.network_mode: stands beside networks (leave one of them)",
        ),
        (
            "services: {web: {image: i, networks: [a]}}",
            "compose.yaml:1: services.web.networks.a: is not under networks (declare it there)",
        ),
        (
            "services: {web: {image: i, volumes: ['a:/a']}}",
            "compose.yaml:1: services.web.volumes[0]: the volume a is not under volumes"
            " (declare it, or write ./a for a directory)",
        ),
        (
            "services: {web: {image: i, secrets: [a]}}",
            "compose.yaml:1: services.web.secrets[0]: a is not under secrets (declare it there)",
        ),
        (
            "services: {web: {image: i, configs: [a]}}",
            "compose.yaml:1: services.web.configs[0]: a is not under configs (declare it there)",
        ),
        (
            "services: {web: {build: {secrets: [a]}}}",
            "compose.yaml:1: services.web.build.secrets[0]: a is not under secrets (declare it there)",
        ),
        (
            "services: {web: {image: i, depends_on: [db]}}",
            "compose.yaml:1: services.web.depends_on: there is no service db",
        ),
        (
            "services: {web: {image: i, depends_on: [web]}}",
            "compose.yaml:1: services.web.depends_on: a service cannot depend on itself",
        ),
        ("services: {web: {image: i, links: [db]}}", "compose.yaml:1: services.web.links[0]: there is no service db"),
        (
            "services: {web: {image: i, links: [web]}}",
            "compose.yaml:1: services.web.links[0]: there is no other service web",
        ),
        ("services: {web: {image: i, pid: 'service:db'}}", "compose.yaml:1: services.web.pid: there is no service db"),
        (
            "services: {web: {image: i, volumes_from: [db]}}",
            "compose.yaml:1: services.web.volumes_from[0]: there is no service db",
        ),
        (
            "services: {a: {image: i, depends_on: [b]}, b: {image: i, links: [c]}, c: {image: i, network_mode:"
            " 'service:a'}}",
            "compose.yaml:1: services.a.depends_on: services wait for one another: a -> b -> c -> a"
            " (take one of these dependencies"
            " away)",
        ),
        (
            "services: {web: {image: i, scale: 2, deploy: {replicas: 3}}}",
            "compose.yaml:1: services.web.scale: says 2 and deploy.replicas 3 (leave one of them)",
        ),
        (
            "services: {web: {image: i, restart: always, deploy: {mode: replicated-job}}}",
            "compose.yaml:1: services.web.restart: starts again what has ended well, and deploy.mode says"
            " replicated-job (on-failure or none)",
        ),
        (
            "services: {web: {image: i, deploy: {mode: global-job, restart_policy: {condition: any}}}}",
            "compose.yaml:1: services.web.deploy.restart_policy: starts again what has ended well, and deploy.mode says"
            " global-job (on-failure or none)",
        ),
        (
            "services: {web: {image: i, deploy: {mode: global, replicas: 3}}}",
            "compose.yaml:1: services.web.deploy.mode: is one container to a host, and scale or replicas says 3 (leave"
            " one of them)",
        ),
        (
            "services: {web: {image: i, mem_limit: 1k, deploy: {resources: {limits: {memory: 2k}}}}}",
            "compose.yaml:1: services.web.mem_limit: says 1024 and deploy.resources.limits.memory 2048 (leave"
            " one of them)",
        ),
        (
            "services: {web: {image: i, scale: 2, container_name: x}}",
            "compose.yaml:1: services.web.container_name: one name cannot be that of 2 containers (leave it out)",
        ),
        (
            "services: {a: {image: i, container_name: x}, b: {image: i, container_name: x}}",
            "compose.yaml:1: services.b.container_name: is that of a too (two containers cannot have one name)",
        ),
        (
            "services: {web: {image: i, deploy: {restart_policy: {max_attempts: 3}}}}",
            "compose.yaml:1: services.web.deploy.restart_policy.max_attempts: counts only restarts"
            " on-failure (write condition:"
            " on-failure)",
        ),
        (
            "services: {web: {build: {dockerfile: a, dockerfile_inline: b}}}",
            "compose.yaml:1: services.web.build: has both dockerfile and dockerfile_inline (leave one of them)",
        ),
        (
            "services: {web: {image: i, env_file: no.env}}",
            "compose.yaml:1: services.web.env_file[0]: no.env: no such file",
        ),
        (
            "services: {web: {image: i, label_file: no.env}}",
            "compose.yaml:1: services.web.label_file[0]: no.env: no such file",
        ),
        (
            "services: {web: {image: i}}\nsecrets: {a: {}}",
            "compose.yaml:2: secrets.a: does not say where its content is (write one of file, environment or external)",
        ),
        (
            "services: {web: {image: i}}\nsecrets: {a: {file: x, environment: X}}",
            "compose.yaml:2: secrets.a: has both file and environment (write one of file, environment or external)",
        ),
        (
            "services: {web: {image: i}}\nconfigs: {a: {file: x, content: X}}",
            "compose.yaml:2: configs.a: has both file and content (write one of file, environment, content or"
            " external)",
        ),
        (
            "services: {web: {image: i}}\nnetworks: {a: {external: true, driver: bridge}}",
            "compose.yaml:2: networks.a.driver: stands at what is external (take it away)",
        ),
        (
            "services: {web: {image: i}}\nvolumes: {a: {external: {name: x}, name: y}}",
            "compose.yaml:2: volumes.a: has two names (leave the one in external away)",
        ),
    ],
)
def test_models_refused(text: str, message: str, here: Path) -> None:
    assert refusal(finished, here, text) == message
