"""Keys that do not exist or cannot be honoured: refused with file, line and key, wherever they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from composing import canonicalized, document, loaded, refusal, service, written

from oci_spec import validate
from ocipipe.compose import canonical, check
from ocipipe.compose.check import UNSUPPORTED
from ocipipe.compose.positions import Source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("servces: {}", "compose.yaml:1: servces: is no key of Compose here (did you mean services?)"),
        ("services: {}\nnetwork: {}", "compose.yaml:2: network: is no key of Compose here (did you mean networks?)"),
        ("services: []", "compose.yaml:1: services: is an array, not an object"),
        ("services: {web: [a]}", "compose.yaml:1: services.web: is an array, not an object"),
        (
            "services: {'a b': {image: i}}",
            'compose.yaml:1: services: key "a b" is "a b", not a name (letters, digits, . _ -)',
        ),
        (
            "services:\n  web:\n    image: i\n    enviroment: {}",
            "compose.yaml:4: services.web.enviroment: is no key of Compose here (did you mean environment?)",
        ),
        (
            "services:\n  web:\n    build:\n      contxt: .",
            "compose.yaml:4: services.web.build.contxt: is no key of Compose here (did you mean context?)",
        ),
        (
            "services:\n  web:\n    qqq: 1",
            "compose.yaml:3: services.web.qqq: is no key of Compose here (see compose-spec)",
        ),
        (
            "services: {web: {healthcheck: {intervall: 5s}}}",
            "compose.yaml:1: services.web.healthcheck.intervall: is no key of Compose here (did you mean interval?)",
        ),
        (
            "services:\n  web:\n    ports:\n      - 80\n      - {target: 1, publish: 2}",
            "compose.yaml:5: services.web.ports[1].publish: is no key of Compose here (did you mean published?)",
        ),
        (
            "services: {web: {develop: {watch: [{path: a, action: sync, trget: b}]}}}",
            "compose.yaml:1: services.web.develop.watch[0].trget: is no key of Compose here (did you mean target?)",
        ),
        (
            "services: {web: {depends_on: {a: {condtion: x}}}}",
            "compose.yaml:1: services.web.depends_on.a.condtion: is no key of Compose here (did you mean condition?)",
        ),
        (
            "networks: {a: {subnet: 10.0.0.0/8}}",
            "compose.yaml:1: networks.a.subnet: is no key of Compose here (see compose-spec)",
        ),
        (
            "networks: {a: {ipam: {config: [{subnets: x}]}}}",
            "compose.yaml:1: networks.a.ipam.config[0].subnets: is no key of Compose here (did you mean subnet?)",
        ),
        (
            "volumes: {a: {drivr: local}}",
            "compose.yaml:1: volumes.a.drivr: is no key of Compose here (did you mean driver?)",
        ),
        (
            "secrets: {a: {content: x}}",
            "compose.yaml:1: secrets.a.content: is no key of Compose here (see compose-spec)",
        ),
        (
            "configs: {a: {contents: x}}",
            "compose.yaml:1: configs.a.contents: is no key of Compose here (did you mean content?)",
        ),
        ("name: [a]", "compose.yaml:1: name: is an array, not a string"),
        (
            "services: {web: {deploy: {resources: {limits: {disk: 1}}}}}",
            "compose.yaml:1: services.web.deploy.resources.limits.disk: is no key of Compose here (see compose-spec)",
        ),
        (
            "services: {web: {networks: {a: {alias: x}}}}",
            "compose.yaml:1: services.web.networks.a.alias: is no key of Compose here (did you mean aliases?)",
        ),
        (
            "services: {web: {secrets: [{source: a, user: b}]}}",
            "compose.yaml:1: services.web.secrets[0].user: is no key of Compose here (see compose-spec)",
        ),
        ("services: {web: {extends: {services: a}}}", "compose.yaml:1: services.web.extends: lacks service"),
    ],
)
def test_unknown(text: str, message: str) -> None:
    assert refusal(canonicalized, text) == message


@pytest.mark.parametrize("pattern", sorted(UNSUPPORTED))
def test_what_one_host_cannot_do(pattern: str) -> None:
    path = pattern.replace("*", "web").split(".")
    text = "".join(f"{'  ' * depth}{key}:\n" for depth, key in enumerate(path)).rstrip() + " {a: 1}"
    assert refusal(canonicalized, text) == (
        f"compose.yaml:{len(path)}: {'.'.join(path)}: is not supported: it {UNSUPPORTED[pattern]} (take it away)"
    )


@pytest.mark.parametrize(
    "text",
    [
        "version: 3.8\nservices: {web: {image: i}}",
        "version: '2'",
        "version: 3",
        "x-any: {thing: [1, {a: null}]}",
        "services: {web: {x-any: 1, build: {context: ., x-b: 2}, deploy: {x-c: {}}, healthcheck: {x-d: []}}}",
        "networks: {a: {x-e: 1, ipam: {x-f: 1, config: [{x-g: 1}]}}}",
        "volumes: {a: {x-h: 1}}",
        "secrets: {a: {x-i: 1, file: f}}",
        "services: {web: {ports: [{target: 1, x-j: 1}], volumes: [{type: volume, target: /a, x-k: 1}]}}",
        "services: {x-web: {image: i}}",
        "services: {web: {isolation: default, build: {context: ., isolation: default}}}",
        "services: ",
        "networks: ",
        "services: {web: {deploy: , develop: , pid: }}",
    ],
)
def test_accepted(text: str) -> None:
    assert validate.violations("compose", canonicalized(text)) == []


def test_the_version_says_nothing() -> None:
    assert "version" not in canonicalized("version: '3.8'\nservices: {}")


def test_the_error_has_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ocipipe.compose.positions import ComposeError

    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"d/c.yaml": "services:\n  web:\n    imge: a"})
    with pytest.raises(ComposeError) as caught:
        loaded("d/c.yaml")
    assert caught.value.detail == {"file": "d/c.yaml", "line": 3, "key": "services.web.imge"}
    assert caught.value.code == "COMPOSE"
    assert caught.value.excerpt == "  3 |     imge: a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: {web: {image: $A, privileged: $B, mem_limit: $C, ports: ['$D:80'], volumes: ['$E:/x']}}", ""),
        (
            "services: {web: {cpus: '${C:-1}', devices: ['$D:$E'], expose: [$P], command: a $B, tty: $T}}",
            "",
        ),
        (
            "services: {web: {imagine: $A}}",
            "compose.yaml:1: services.web.imagine: is no key of Compose here (did you mean image?)",
        ),
        ("services: {web: {scale: [$A], tty: 5}}", "compose.yaml:1: services.web.tty: is 5, not true or false"),
    ],
)
def test_literally(text: str, message: str) -> None:
    """Before variables have their values, what is written with one is not judged."""
    made = canonical.document(document(text), Source("/srv", "/home", literal=True))
    if message:
        assert refusal(check.check, made, literal=True) == message
    else:
        check.check(made, literal=True)


def test_a_service_is_checked_before_it_is_laid_over_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(
        tmp_path,
        {"a.yaml": "services:\n  web:\n    ports: x", "b.yaml": "services: {web: {image: i, ports: !override []}}"},
    )
    assert refusal(loaded, "a.yaml", "b.yaml") == 'a.yaml:3: services.web.ports: is "x", not an array'


def test_the_schema_and_the_forms_know_the_same_keys() -> None:
    from ocipipe.compose.service import FORMS

    assert set(FORMS) <= set(validate.schema("compose")["$defs"]["service"]["properties"])
    assert service("image: i") == {"image": "i"}
