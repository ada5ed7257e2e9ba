"""One file over another: what is added, replaced, merged, taken away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from composing import loaded, service, written

from ocipipe.compose import merge
from ocipipe.compose.positions import Mapping, place_at

CASES: list[tuple[str, str, Any]] = [
    # scalars and mappings
    ("image: a", "image: b", {"image": "b"}),
    ("image: a", "restart: always", {"image": "a", "restart": "always"}),
    ("image: a", "image: ", {"image": "a"}),
    ("privileged: true", "privileged: no", {"privileged": False}),
    ("environment: {A: 1, B: 2}", "environment: {B: 3, C: 4}", {"environment": {"A": "1", "B": "3", "C": "4"}}),
    ("environment: [A=1, B=2]", "environment: {B: 3}", {"environment": {"A": "1", "B": "3"}}),
    ("environment: {A: 1}", "environment: [A, B=2]", {"environment": {"A": None, "B": "2"}}),
    ("environment: {A: 1}", "environment: ", {"environment": {"A": "1"}}),
    ("labels: [a=1]", "labels: {a: 2, b: }", {"labels": {"a": "2", "b": ""}}),
    ("annotations: {a: 1}", "annotations: [b=2]", {"annotations": {"a": "1", "b": "2"}}),
    ("sysctls: [a=1]", "sysctls: {a: 2}", {"sysctls": {"a": "2"}}),
    ("extends: a", "extends: {service: b, file: c}", {"extends": {"service": "b", "file": "c"}}),
    ("x-a: {b: 1, c: 2}", "x-a: {b: 3}", {"x-a": {"b": 3}}),
    ("x-a: [1, 1]", "x-b: [2, 2]", {"x-a": [1, 1], "x-b": [2, 2]}),
    # commands are replaced as a whole
    ("command: a b", "command: c", {"command": ["c"]}),
    ("command: [a]", "command: []", {"command": []}),
    ("command: [a]", "command: ", {"command": None}),
    ("command: [a]", "entrypoint: [b]", {"command": ["a"], "entrypoint": ["b"]}),
    ("entrypoint: [a, b]", "entrypoint: c", {"entrypoint": ["c"]}),
    (
        "healthcheck: {test: a, retries: 2}",
        "healthcheck: {test: [CMD, b]}",
        {"healthcheck": {"test": ["CMD", "b"], "retries": 2}},
    ),
    (
        "healthcheck: {test: a}",
        "healthcheck: {interval: 5s}",
        {"healthcheck": {"test": ["CMD-SHELL", "a"], "interval": "5s"}},
    ),
    # lists follow one another, each word once
    ("cap_add: [A, B]", "cap_add: [B, C]", {"cap_add": ["A", "B", "C"]}),
    ("cap_add: [A, A]", "cap_add: [A]", {"cap_add": ["A"]}),
    ("dns: 1.1.1.1", "dns: [8.8.8.8]", {"dns": ["1.1.1.1", "8.8.8.8"]}),
    ("dns_search: [a]", "dns_search: b", {"dns_search": ["a", "b"]}),
    ("tmpfs: /a", "tmpfs: [/b, /a]", {"tmpfs": ["/a", "/b"]}),
    ("expose: [80]", "expose: ['80', 81]", {"expose": ["80", "81"]}),
    ("profiles: [a]", "profiles: [b]", {"profiles": ["a", "b"]}),
    ("security_opt: [a]", "security_opt: []", {"security_opt": ["a"]}),
    ("extra_hosts: ['a:1.1.1.1']", "extra_hosts: {a: 2.2.2.2}", {"extra_hosts": ["a=1.1.1.1", "a=2.2.2.2"]}),
    ("group_add: [mail]", "group_add: [1000]", {"group_add": ["mail", "1000"]}),
    ("links: [a]", "links: ['a:b']", {"links": ["a", "a:b"]}),
    (
        "post_start: [{command: a}]",
        "post_start: [{command: a}]",
        {"post_start": [{"command": ["a"]}, {"command": ["a"]}]},
    ),
    (
        "env_file: a",
        "env_file: [b, {path: a, required: false}]",
        {"env_file": [{"path": "/srv/app/a", "required": False}, {"path": "/srv/app/b", "required": True}]},
    ),
    ("label_file: a", "label_file: [b]", {"label_file": ["/srv/app/a", "/srv/app/b"]}),
    # what has a key is replaced, in its place
    (
        "volumes: [a:/x, b:/y]",
        "volumes: ['c:/x:ro']",
        {
            "volumes": [
                {"type": "volume", "source": "c", "target": "/x", "read_only": True},
                {"type": "volume", "source": "b", "target": "/y"},
            ]
        },
    ),
    ("volumes: ['a:/x:ro']", "volumes: [{type: tmpfs, target: /x}]", {"volumes": [{"type": "tmpfs", "target": "/x"}]}),
    (
        "ports: ['80:80']",
        "ports: ['81:80']",
        {
            "ports": [
                {"mode": "ingress", "protocol": "tcp", "published": "80", "target": 80},
                {"mode": "ingress", "protocol": "tcp", "published": "81", "target": 80},
            ]
        },
    ),
    (
        "ports: ['80:80']",
        "ports: [{target: 80, published: 80, mode: host}]",
        {"ports": [{"mode": "host", "protocol": "tcp", "published": "80", "target": 80}]},
    ),
    (
        "ports: ['53:53']",
        "ports: ['53:53/udp']",
        {
            "ports": [
                {"mode": "ingress", "protocol": "tcp", "published": "53", "target": 53},
                {"mode": "ingress", "protocol": "udp", "published": "53", "target": 53},
            ]
        },
    ),
    ("secrets: [a]", "secrets: [{source: b, target: a}]", {"secrets": [{"source": "b", "target": "/run/secrets/a"}]}),
    (
        "configs: [a]",
        "configs: [{source: b}]",
        {"configs": [{"source": "a", "target": "/a"}, {"source": "b", "target": "/b"}]},
    ),
    (
        "devices: ['/dev/a:/dev/x']",
        "devices: ['/dev/b:/dev/x:r']",
        {"devices": [{"source": "/dev/b", "target": "/dev/x", "permissions": "r"}]},
    ),
    # depends_on and networks, whichever way they are written
    (
        "depends_on: [a]",
        "depends_on: {a: {condition: service_healthy}, b: }",
        {
            "depends_on": {
                "a": {"condition": "service_healthy", "required": True},
                "b": {"condition": "service_started", "required": True},
            }
        },
    ),
    ("networks: [a]", "networks: {a: {aliases: [x]}, b: }", {"networks": {"a": {"aliases": ["x"]}, "b": {}}}),
    (
        "networks: {a: {aliases: [x], priority: 1}}",
        "networks: {a: {aliases: [y]}}",
        {"networks": {"a": {"aliases": ["x", "y"], "priority": 1}}},
    ),
    # one number or two
    (
        "ulimits: {nofile: {soft: 1, hard: 2}}",
        "ulimits: {nofile: 5, core: 1}",
        {"ulimits": {"nofile": {"soft": 5, "hard": 5}, "core": {"soft": 1, "hard": 1}}},
    ),
    # build
    ("build: .", "build: {dockerfile: D}", {"build": {"context": "/srv/app", "dockerfile": "D"}}),
    ("build: {context: ., dockerfile: D}", "build: ./x", {"build": {"context": "/srv/app/x", "dockerfile": "D"}}),
    ("build: {dockerfile: D}", "build: {dockerfile_inline: FROM a}", {"build": {"dockerfile_inline": "FROM a"}}),
    ("build: {dockerfile_inline: FROM a}", "build: {dockerfile: D}", {"build": {"dockerfile": "D"}}),
    ("build: {args: {A: 1}}", "build: {args: [A=2, B]}", {"build": {"args": {"A": "2", "B": None}}}),
    ("build: {tags: [a]}", "build: {tags: [b, a]}", {"build": {"tags": ["a", "b"]}}),
    # logging is one driver's
    (
        "logging: {driver: a, options: {x: 1}}",
        "logging: {driver: b, options: {y: 2}}",
        {"logging": {"driver": "b", "options": {"y": "2"}}},
    ),
    (
        "logging: {driver: a, options: {x: 1}}",
        "logging: {options: {y: 2}}",
        {"logging": {"driver": "a", "options": {"x": "1", "y": "2"}}},
    ),
    ("logging: {options: {x: 1}}", "logging: {driver: b}", {"logging": {"driver": "b", "options": {"x": "1"}}}),
    # deploy
    (
        "deploy: {replicas: 2}",
        "deploy: {resources: {limits: {memory: 1k}}}",
        {"deploy": {"replicas": 2, "resources": {"limits": {"memory": "1024"}}}},
    ),
    (
        "develop: {watch: [{path: a, action: rebuild}]}",
        "develop: {watch: [{path: b, action: rebuild}]}",
        {
            "develop": {
                "watch": [{"path": "/srv/app/a", "action": "rebuild"}, {"path": "/srv/app/b", "action": "rebuild"}]
            }
        },
    ),
    # !reset and !override
    ("ports: ['80:80']\nimage: a", "ports: !reset []", {"image": "a"}),
    ("image: a", "image: !reset ", {}),
    ("image: a\nenvironment: {A: 1, B: 2}", "environment: {A: !reset null}", {"image": "a", "environment": {"B": "2"}}),
    (
        "ports: ['80:80']",
        "ports: !override ['81:81']",
        {"ports": [{"mode": "ingress", "protocol": "tcp", "published": "81", "target": 81}]},
    ),
    ("environment: {A: 1}", "environment: !override {B: 2}", {"environment": {"B": "2"}}),
    ("build: {context: ., target: t}", "build: !override {context: x}", {"build": {"context": "/srv/app/x"}}),
    ("image: a", "command: !reset []", {"image": "a"}),
    (
        "healthcheck: {test: a, interval: 5s}",
        "healthcheck: {interval: !reset }",
        {"healthcheck": {"test": ["CMD-SHELL", "a"]}},
    ),
    (
        "depends_on: [a, b]",
        "depends_on: {a: !reset }",
        {"depends_on": {"b": {"condition": "service_started", "required": True}}},
    ),
]


@pytest.mark.parametrize(("base", "over", "value"), CASES)
def test_services(base: str, over: str, value: Any) -> None:
    first, second = service(base), service(over)
    before = repr((first, second))
    assert merge.merged_service(first, second) == value
    assert repr((first, second)) == before, "both stay as they are"


@pytest.mark.parametrize("text", sorted({base for base, _, _ in CASES} | {over for _, over, _ in CASES}))
def test_with_nothing(text: str) -> None:
    """Laid over nothing, and with nothing laid over it, a service stays what it is but for what stands in it twice."""
    first = service(text)
    empty = Mapping(first.place)
    assert merge.merged_service(empty, first) == merge.merged_service(merge.merged_service(empty, first), empty)


def test_places_follow_the_values() -> None:
    base, over = service("image: a\nports:\n  - 1\n  - 2"), service("\n\n\nimage: b\nports:\n  - 3")
    found = merge.merged_service(base, over)
    lines = [place_at(found, path).line for path in (["image"], ["ports", 0], ["ports", 1], ["ports", 2])]
    assert lines == [6, 5, 6, 8]


@pytest.mark.parametrize(
    ("base", "over", "section", "value"),
    [
        ("networks: {a: {driver: x}}", "networks: {a: {internal: true}}", "networks",
         {"a": {"driver": "x", "internal": True, "name": "p_a"}}),
        ("networks: {a: {external: true}}", "networks: {a: {external: false}}", "networks", {"a": {"name": "p_a"}}),
        ("networks: {a: {labels: [x=1]}}", "networks: {a: {labels: {x: 2}}}", "networks",
         {"a": {"labels": {"x": "2"}, "name": "p_a"}}),
        ("networks: {a: {ipam: {config: [{subnet: 10.1.0.0/16, gateway: 10.1.0.1}]}}}",
         "networks: {a: {ipam: {config: [{subnet: 10.1.0.0/16}, {subnet: 10.2.0.0/16}]}}}", "networks",
         {"a": {"ipam": {"config": [{"subnet": "10.1.0.0/16"}, {"subnet": "10.2.0.0/16"}]}, "name": "p_a"}}),
        ("volumes: {a: }", "volumes: {a: {name: b}, c: }", "volumes", {"a": {"name": "b"}, "c": {"name": "p_c"}}),
        ("volumes: {a: {driver_opts: {x: 1}}}", "volumes: {a: {driver_opts: {y: 2}}}", "volumes",
         {"a": {"driver_opts": {"x": "1", "y": "2"}, "name": "p_a"}}),
        ("volumes: {a: {labels: {x: 1}}}", "volumes: {a: !reset }", "volumes", {}),
        ("configs: {a: {content: x}}", "configs: {a: {content: y}}", "configs", {"a": {"content": "y", "name": "p_a"}}),
        ("secrets: {a: {file: x}}", "secrets: {a: !override {environment: Y}}", "secrets",
         {"a": {"environment": "Y", "name": "p_a"}}),
    ],
)  # fmt: skip
def test_what_is_declared(
    base: str, over: str, section: str, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"a.yaml": "services: {s: {image: i}}\n" + base, "b.yaml": over})
    found = loaded("a.yaml", "b.yaml", name="p").model[section]
    found.pop("default", None)
    assert found == value
