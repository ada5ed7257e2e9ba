"""A project as manifests: services, ingress, names, and what is told of a key that becomes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import kubernetes_validate
import pytest
from composing import refusal
from manifests import TOP, VERSIONS, Made, pod, service, workload

from ocipipe.compose.kube_objects import is_host, is_key, label

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize(
    ("keys", "ports", "told"),
    [
        ("expose: ['80', '8000-8001/udp']",
         [("tcp-80", 80, "TCP"), ("udp-8000", 8000, "UDP"), ("udp-8001", 8001, "UDP")], []),
        ("ports: ['8080:80', '9090:80']\nexpose: ['80']", [("tcp-80", 80, "TCP")], ["ports[0]"]),
        ("ports: [{target: 53, protocol: udp, name: dns}]", [("dns", 53, "UDP")], ["ports[0]"]),
        ("ports: [{target: 53, name: Bad Name}]", [("tcp-53", 53, "TCP")], ["ports[0].name", "ports[0]"]),
        ("ports: [{target: 81, name: tcp-80}]\nexpose: ['80']", [("tcp-81", 81, "TCP"), ("tcp-80", 80, "TCP")],
         ["ports[0].name", "ports[0]"]),
    ],
)  # fmt: skip
def test_ports(keys: str, ports: list[tuple[str, int, str]], told: list[str]) -> None:
    made = service(keys)
    assert made["Service/web"]["spec"] == {
        "selector": {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "shop"},
        "ports": [
            {"name": name, "port": number, "targetPort": number, "protocol": protocol}
            for name, number, protocol in ports
        ],
    }  # fmt: skip
    assert pod(made)["containers"][0]["ports"] == [
        {"containerPort": number, "protocol": protocol} for _, number, protocol in ports
    ]
    assert made.keys == told


def test_what_says_no_ports_is_reached_at_all_of_them() -> None:
    spec = service("")["Service/web"]["spec"]
    assert (spec["clusterIP"], "ports" in spec) == ("None", False)


def test_other_names() -> None:
    made = Made("""
services:
  web:
    image: app
    container_name: site
    networks: {default: {aliases: [www, web, db, no_name, www]}}
  db: {image: sql, container_name: db}
  work: {image: app, links: ["db:sql"], depends_on: [web]}
""")
    assert [name for name in made.objects if name.startswith("Service")] == [
        "Service/web", "Service/www", "Service/site", "Service/db", "Service/sql", "Service/work",
    ]  # fmt: skip
    assert made["Service/sql"]["spec"] == made["Service/db"]["spec"]
    said = "services.web.networks.default.aliases"
    assert [key for key in made.keys if "depends_on" not in key] == [
        f"{said}[2]".removeprefix("services.web."), f"{said}[3]".removeprefix("services.web."),
    ]  # fmt: skip


WEB = """
services:
  web: {image: app, ports: ["8000:8000", "443:8443"]}
  admin: {image: app, ports: [{target: 7000, app_protocol: http}]}
  grpc: {image: app, ports: [{target: 8080, app_protocol: grpc}]}
  own: {image: app, ports: ["127.0.0.1:8080:8080"]}
  db: {image: sql, expose: ["80"]}
"""


def test_an_ingress() -> None:
    made = Made(WEB, host="shop.example.org")
    rules = made["Ingress/shop"]["spec"]["rules"]
    assert [(one["host"], one["http"]["paths"][0]["backend"]["service"]) for one in rules] == [
        ("shop.example.org", {"name": "web", "port": {"number": 8000}}),
        ("admin.shop.example.org", {"name": "admin", "port": {"number": 7000}}),
    ]
    assert made.keys == ["ports[1]", "services.grpc.ports[0]", "services.own.ports[0]"]
    assert list(made.objects)[-1] == "Ingress/shop"
    assert made["Service/grpc"]["spec"]["ports"][0]["appProtocol"] == "grpc"


def test_no_ingress() -> None:
    assert len(Made(WEB).told) == 5
    assert "no service publishes a port of HTTP" in refusal(Made, WEB, "db", host="shop.example.org")
    assert "is no name of a host" in refusal(Made, WEB, host="Shop.example")
    assert "is no size of a volume" in refusal(Made, WEB, size=0)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("build: .", ["build"]),
        ("depends_on: []", []),
        ("network_mode: none", ["network_mode"]),
        ("network_mode: bridge", []),
        ("pid: 'container:x'\nipc: shareable", ["ipc", "pid"]),
        ("networks: [back]", ["networks.back"]),
        ("networks: {default: {ipv4_address: 10.1.0.9}}", ["networks.default.ipv4_address"]),
        ("restart: always", []),
        ("restart: unless-stopped", []),
        ("restart: 'no'", ["restart"]),
        ("restart: on-failure", ["restart"]),
        ("deploy: {restart_policy: {condition: on-failure}}", ["deploy.restart_policy"]),
        ("deploy: {restart_policy: {delay: 5s, window: 1m}}",
         ["deploy.restart_policy.delay", "deploy.restart_policy.window"]),
        ("deploy: {mode: global}", ["deploy.mode"]),
        ("deploy: {mode: replicated-job}", []),
        ("deploy: {mode: global-job}\nports: ['80']", ["deploy.mode", "ports"]),
        ("devices: [/dev/fuse]", ["devices"]),
        ("logging: {driver: none}", ["logging"]),
        ("init: true", ["init"]),
        ("ulimits: {nofile: 9}\npids_limit: 9", ["ulimits", "pids_limit"]),
        ("oom_score_adj: 0\nmem_swappiness: 0", ["oom_score_adj", "mem_swappiness"]),
        ("stop_signal: SIGUSR1\nstop_grace_period: 1500ms", ["stop_signal", "stop_grace_period"]),
        ("develop: {watch: [{path: ., action: rebuild}]}", ["develop"]),
        ("domainname: d\nmac_address: 02:00:00:00:00:09", ["domainname", "mac_address"]),
        ("hostname: a.b", ["hostname"]),
        ("user: me\ngroup_add: [mail]", ["group_add[0]", "user"]),
        ("user: '7:mail'", ["user"]),
        ("environment: {A: , 'a b': c}", ["environment.A", "environment.a b"]),
        ("extra_hosts: {h: host-gateway}", ["extra_hosts[0]"]),
        ("security_opt: ['label:disable']", ["security_opt[0]"]),
        ("security_opt: ['no-new-privileges']\nprivileged: true", ["security_opt[0]"]),
        ("entrypoint: []", ["entrypoint"]),
        ("command: []", ["command"]),
        ("gpus: all", ["gpus[0]"]),
        ("pull_policy: daily", ["pull_policy"]),
        ("healthcheck: {interval: 3s}", ["healthcheck"]),
        ("post_start: [{command: a, user: me}, {command: b}]", ["post_start[0].user", "post_start[1]"]),
        ("pre_start: [{command: a}, {command: b, user: me, environment: {C: }, per_replica: true}]",
         ["pre_start[0]", "pre_start[1].environment.C", "pre_start[1].user"]),
        ("volumes: ['./src:/src', /etc:/x]", ["volumes[0]", "volumes[1]"]),
        ("volumes: [{type: image, source: i, target: /x}]", ["volumes[0]"]),
        ("volumes: [{type: tmpfs, target: /x, tmpfs: {mode: 0700}}]", ["volumes[0].tmpfs.mode"]),
        ("tmpfs: '/x:mode=700,size=1m'", ["tmpfs[0]"]),
        ("secrets: [{source: token, uid: '5'}]", ["secrets[0].uid"]),
        ("labels: {'a b': c, app.kubernetes.io/name: d, e: 'x y'}",
         ["labels.a b", "labels.app.kubernetes.io/name", "labels.e"]),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_told(keys: str, told: list[str]) -> None:
    made = service(keys)
    assert made.keys == told
    assert all(one.startswith("compose.yaml:") for one in made.told)


def test_a_warning_names_the_place_and_the_remedy() -> None:
    assert service("user: me").told == [
        "compose.yaml:4: services.web.user: me is a name, of which only numbers are known (write the number)"
    ]


def test_labels_and_annotations() -> None:
    made = service("labels: {tier: front, note: a b}\nannotations: {x.org/y: 'any text'}")
    metadata = workload(made)["spec"]["template"]["metadata"]
    assert metadata["annotations"] == {"note": "a b", "x.org/y": "any text"}
    assert metadata["labels"] == {
        "app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "shop", "app.kubernetes.io/part-of": "shop",
        "app.kubernetes.io/managed-by": "ocipipe", "tier": "front",
    }  # fmt: skip
    selector = workload(made)["spec"]["selector"]["matchLabels"]
    assert selector.items() <= metadata["labels"].items()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("web", "web"), ("Web_App.2", "web-app-2"), ("-a-", "a"), ("1st", "x-1st"), ("___", ""),
        ("a" * 52, "a" * 52), ("a" * 53, "a" * 43 + "-" + "f263ff5c"),
    ],
)  # fmt: skip
def test_names(text: str, name: str) -> None:
    assert label(text)[:44] == name[:44]
    assert len(label(text)) == len(name)
    assert label(label(text)) == label(text)


def test_hosts_and_keys() -> None:
    assert [text for text in ("a", "a.b-c", "A", "a..b", "-a", "", "a_b", "a" * 64) if is_host(text)] == ["a", "a.b-c"]
    good = [text for text in ("a", "a.b/C_d", "/a", "A/b", "a b", "a/", "a/b/c", ".a") if is_key(text)]
    assert good == ["a", "a.b/C_d"]


def test_names_that_change_are_told_and_may_not_meet() -> None:
    made = Made("services: {my_web: {image: app, volumes: ['a_b:/x']}}\nvolumes: {a_b: }")
    assert list(made.objects) == ["Service/my-web", "StatefulSet/my-web"]
    assert sorted(made.keys) == ["services.my_web", "volumes.a_b"]
    said = refusal(Made, "services: {a_b: {image: app}, a-b: {image: app}}")
    assert "services.a-b: would be called a-b, as a_b is" in said
    assert "can be a name" in refusal(Made, "services: {'___': {image: app}}")


def test_a_config_that_is_too_large(here: Path) -> None:
    (here / "raw").write_bytes(b"x" * ((1 << 20) + 1))
    assert "configs.raw: has 1048577 bytes, and a ConfigMap at most 1048576" in refusal(service, "configs: [raw]")
    (here / "raw").unlink()
    assert "configs.raw.file: there is no" in refusal(service, "configs: [raw]")


def test_profiles() -> None:
    text = "services: {web: {image: app, profiles: [x]}, db: {image: sql}}"
    assert [name for name in Made(text).objects if "Service" not in name] == ["Deployment/db"]
    named = Made(text, "web")
    assert [name for name in named.objects if "Service" not in name] == ["Deployment/web"]
    assert named.keys == ["profiles"]


SHOP = f"""
services:
  web:
    image: registry.local/shop/web
    command: serve
    ports: ["8000:8000"]
    environment: {{DATABASE: postgres://db/shop}}
    depends_on: {{db: {{condition: service_healthy}}, migrate: {{condition: service_completed_successfully}}}}
    configs: [raw]
    secrets: [token]
    user: "1000:1000"
    read_only: true
    tmpfs: /run
    scale: 2
    annotations: {{example.org/owner: the web team}}
    deploy: {{resources: {{limits: {{cpus: "0.5", memory: 128M}}}}}}
    healthcheck: {{test: "curl -f localhost:8000", interval: 10s, timeout: 3s, start_period: 30s}}
  migrate: {{image: registry.local/shop/web, command: migrate}}
  db: {{image: registry.local/postgres, volumes: ["data:/var/lib/postgresql"], stop_grace_period: 1m}}
{TOP}
"""


@pytest.mark.parametrize(
    ("file", "name"),
    [("kube", "Deployment/web"), ("kube.config", "ConfigMap/raw"), ("kube.secret", "Secret/token"),
     ("kube.volume", "StatefulSet/db"), ("kube.job", "Job/migrate"), ("kube.ingress", "Ingress/shop")],
)  # fmt: skip
def test_the_golden_documents(file: str, name: str) -> None:
    assert Made(SHOP, host="shop.example.org")[name] == json.loads((GOLDEN / f"{file}.json").read_text())


def test_the_order() -> None:
    made = Made(SHOP, host="shop.example.org")
    for one in made.all:
        kubernetes_validate.validate(one, VERSIONS[0], strict=True)
    assert list(made.objects) == [
        "ConfigMap/raw", "Secret/token", "Service/db", "Service/web", "StatefulSet/db", "Job/migrate", "Deployment/web",
        "Ingress/shop",
    ]  # fmt: skip
