"""A project as manifests: what each key becomes, what is told of a key that becomes nothing, and that Kubernetes' own
schemas take all of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from composing import loaded, refusal, written

from oci_spec import validate
from ocipipe.compose import kube
from ocipipe.compose.kube_objects import is_host, is_key, label

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
VERSIONS = ("1.33.0", kubernetes_validate.latest_version())
"""The first Kubernetes that has all that we write, and the last that the schemas are there for."""
GOOD: set[str] = set()
"""Manifests that the schemas took: reading those takes 20 ms a manifest."""
TOP = """
volumes: {data: , files: , theirs: {external: true}}
secrets: {token: {file: ./token}, gone: {external: true, name: their-token}, key: {environment: KEY}}
configs: {site: {content: hello}, raw: {file: ./raw}}
networks: {back: }
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "shop"
    written(directory, {"token": "s3cr3t"})
    (directory / "raw").write_bytes(b"\xff\x00")
    monkeypatch.chdir(directory)
    return directory


class Made:
    """The manifests of a file, each as KIND/NAME, and what was told, without the place of each key."""

    def __init__(self, text: str, *services: str, env: dict[str, str] | None = None, **options: Any) -> None:
        written(Path.cwd(), {"compose.yaml": text})
        self.told: list[str] = []
        self.all = kube.manifests(loaded(env=env), services, tell=self.told.append, **options)
        self.objects = {f"{one['kind']}/{one['metadata']['name']}": one for one in self.all}
        assert len(self.objects) == len(self.all)
        for one in self.all:
            validate.check("kube", one, "it")
            assert validate.detect(one) == "kube"
            text = json.dumps(one)
            if text not in GOOD:
                kubernetes_validate.validate(one, VERSIONS[-1], strict=True)
                GOOD.add(text)

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.objects[name]

    @property
    def keys(self) -> list[str]:
        """The keys that were told of."""
        return [one.split(": ", 2)[1].removeprefix("services.web.") for one in self.told]


def service(keys: str, more: str = "") -> Made:
    """A project whose service web has these keys."""
    lines = "\n".join(f"    {line}" for line in keys.splitlines())
    return Made(f"services:\n  web:\n    image: app\n{lines}\n{more}\n{TOP}", env={"KEY": "k"})


def workload(made: Made) -> dict[str, Any]:
    return next(one for name, one in made.objects.items() if name.split("/")[0] in ("Deployment", "StatefulSet", "Job"))


def pod(made: Made) -> Any:
    return workload(made)["spec"]["template"]["spec"]


OURS = {"automountServiceAccountToken": False, "enableServiceLinks": False}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", {}),
        ("entrypoint: [run, it]\ncommand: now", {"command": ["run", "it"], "args": ["now"]}),
        ("command: sh -c 'a b'", {"args": ["sh", "-c", "a b"]}),
        ("command: ['$$HOME', '$$(HOME)', '$$$$']", {"args": ["$HOME", "$$(HOME)", "$$$$"]}),
        ("entrypoint: []\ncommand: [a, b]", {"command": ["a", "b"]}),
        ("working_dir: /x", {"workingDir": "/x"}),
        ("environment: {A: b c, N: 1, V: '$$(A)'}",
         {"env": [{"name": "A", "value": "b c"}, {"name": "N", "value": "1"}, {"name": "V", "value": "$$(A)"}]}),
        ("tty: true\nstdin_open: true", {"stdin": True, "tty": True}),
        ("pull_policy: missing", {"imagePullPolicy": "IfNotPresent"}),
        ("pull_policy: always", {"imagePullPolicy": "Always"}),
        ("pull_policy: never", {"imagePullPolicy": "Never"}),
        ("mem_limit: 64m\ncpus: 1.5", {"resources": {"limits": {"cpu": "1500m", "memory": "64Mi"}}}),
        ("mem_limit: 1000\nmem_reservation: 1k",
         {"resources": {"limits": {"memory": "1000"}, "requests": {"memory": "1Ki"}}}),
        ("mem_limit: 0\ncpus: 0", {}),
        ("deploy: {resources: {limits: {cpus: '0.5', memory: 1g}, reservations: {cpus: '0.25', memory: 1g}}}",
         {"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "250m", "memory": "1Gi"}}}),
        ("gpus: [{count: 2}]", {"resources": {"limits": {"nvidia.com/gpu": "2"}}}),
        ("deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}",
         {"resources": {"limits": {"nvidia.com/gpu": "1"}}}),
        ("user: 7", {"securityContext": {"runAsUser": 7}}),
        ("user: '7:8'", {"securityContext": {"runAsUser": 7, "runAsGroup": 8}}),
        ("user: root", {"securityContext": {"runAsUser": 0}}),
        ("cap_add: [CAP_NET_ADMIN, sys_time]\ncap_drop: [ALL]",
         {"securityContext": {"capabilities": {"add": ["NET_ADMIN", "SYS_TIME"], "drop": ["ALL"]}}}),
        ("read_only: true\nprivileged: true",
         {"securityContext": {"readOnlyRootFilesystem": True, "privileged": True}}),
        ("security_opt: ['no-new-privileges:true', seccomp=unconfined, 'apparmor:unconfined']",
         {"securityContext": {"allowPrivilegeEscalation": False, "seccompProfile": {"type": "Unconfined"},
                              "appArmorProfile": {"type": "Unconfined"}}}),
        ("post_start: [{command: [a, '$$(b)']}]\npre_stop: [{command: c d}]",
         {"lifecycle": {"postStart": {"exec": {"command": ["a", "$(b)"]}},
                        "preStop": {"exec": {"command": ["c", "d"]}}}}),
        ("healthcheck: {disable: true}", {}),
        ("healthcheck: {test: [NONE]}", {}),
        ("userns_mode: host\nuts: private\nattach: false\ninit: false", {}),
    ],
)  # fmt: skip
def test_the_container(keys: str, said: dict[str, Any]) -> None:
    made = service(keys)
    assert pod(made) == {**OURS, "containers": [{"name": "web", "image": "app", **said}]}
    assert made.told == []


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("hostname: h", {"hostname": "h"}),
        ("stop_grace_period: 1m", {"terminationGracePeriodSeconds": 60}),
        ("extra_hosts: {db: 10.0.0.1, sql: 10.0.0.1, six: '::1'}",
         {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db", "sql"]}, {"ip": "::1", "hostnames": ["six"]}]}),
        ("dns: 9.9.9.9\ndns_search: [a, b]\ndns_opt: ['ndots:2', use-vc]",
         {"dnsConfig": {"nameservers": ["9.9.9.9"], "searches": ["a", "b"],
                        "options": [{"name": "ndots", "value": "2"}, {"name": "use-vc"}]}}),
        ("network_mode: host\npid: host\nipc: host",
         {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet", "hostPID": True, "hostIPC": True}),
        ("group_add: [3]\nsysctls: {net.core.somaxconn: 9}",
         {"securityContext": {"supplementalGroups": [3], "sysctls": [{"name": "net.core.somaxconn", "value": "9"}]}}),
        ("platform: linux/arm64/v8",
         {"nodeSelector": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}}),
    ],
)  # fmt: skip
def test_the_pod(keys: str, said: dict[str, Any]) -> None:
    made = service(keys)
    assert pod(made) == {**OURS, **said, "containers": [{"name": "web", "image": "app"}]}
    assert made.told == []


def test_a_health_check() -> None:
    made = service("healthcheck: {test: 'a || $$(b)', interval: 10s, timeout: 2s, retries: 5}")
    (one,) = pod(made)["containers"]
    probe = {
        "exec": {"command": ["/bin/sh", "-c", "a || $$(b)"]}, "periodSeconds": 10, "timeoutSeconds": 2,
        "failureThreshold": 5,
    }  # fmt: skip
    assert (one["readinessProbe"], one["livenessProbe"]) == (probe, probe)
    assert "startupProbe" not in one
    assert made.told == []


def test_a_health_check_with_time_to_start() -> None:
    made = service("healthcheck: {test: [CMD, a, b], start_period: 61s, start_interval: 1500ms}")
    (one,) = pod(made)["containers"]
    probe = {"exec": {"command": ["a", "b"]}, "periodSeconds": 30, "timeoutSeconds": 30, "failureThreshold": 3}
    assert one["readinessProbe"] == probe
    assert one["startupProbe"] == {**probe, "periodSeconds": 2, "failureThreshold": 31 + 3}
    assert made.keys == ["healthcheck.start_interval"]


MEMORY = {"medium": "Memory"}


@pytest.mark.parametrize(
    ("keys", "volumes", "mounts"),
    [
        ("volumes: [/cache, /more]", [{"name": "scratch-0", "emptyDir": {}}, {"name": "scratch-1", "emptyDir": {}}],
         [{"name": "scratch-0", "mountPath": "/cache"}, {"name": "scratch-1", "mountPath": "/more"}]),
        ("tmpfs: ['/run:size=1m', /tmp]",
         [{"name": "tmpfs-0", "emptyDir": {**MEMORY, "sizeLimit": "1Mi"}}, {"name": "tmpfs-1", "emptyDir": MEMORY}],
         [{"name": "tmpfs-0", "mountPath": "/run"}, {"name": "tmpfs-1", "mountPath": "/tmp"}]),
        ("volumes: [{type: tmpfs, target: /x, read_only: true, tmpfs: {size: 3k}}]",
         [{"name": "tmpfs-0", "emptyDir": {**MEMORY, "sizeLimit": "3Ki"}}],
         [{"name": "tmpfs-0", "mountPath": "/x", "readOnly": True}]),
        ("shm_size: 1g", [{"name": "shm", "emptyDir": {**MEMORY, "sizeLimit": "1Gi"}}],
         [{"name": "shm", "mountPath": "/dev/shm"}]),
        ("volumes: ['data:/data:ro', 'data:/again:ro']",
         [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
         [{"name": "data", "mountPath": "/data", "readOnly": True},
          {"name": "data", "mountPath": "/again", "readOnly": True}]),
        ("secrets: [token, {source: token, target: /t, mode: 0400}]",
         [{"name": "secret-token", "secret": {"secretName": "token", "items": [{"key": "token", "path": "token"}]}},
          {"name": "secret-token-2",
           "secret": {"secretName": "token", "items": [{"key": "token", "path": "token", "mode": 0o400}]}}],
         [{"name": "secret-token", "mountPath": "/run/secrets/token", "subPath": "token", "readOnly": True},
          {"name": "secret-token-2", "mountPath": "/t", "subPath": "token", "readOnly": True}]),
        ("configs: [{source: site, target: /etc/site.conf}]",
         [{"name": "config-site", "configMap": {"name": "site", "items": [{"key": "site", "path": "site"}]}}],
         [{"name": "config-site", "mountPath": "/etc/site.conf", "subPath": "site", "readOnly": True}]),
    ],
)  # fmt: skip
def test_what_is_mounted(keys: str, volumes: list[Any], mounts: list[Any]) -> None:
    made = service(keys)
    assert pod(made)["volumes"] == volumes
    assert pod(made)["containers"][0]["volumeMounts"] == mounts
    assert made.told == []


def test_a_volume_that_one_pod_writes_is_its_own() -> None:
    made = service("volumes: [{type: volume, source: data, target: /d, volume: {subpath: a/b}}]\nuser: '5:6'")
    one = made["StatefulSet/web"]
    assert one["spec"]["serviceName"] == "web"
    (claim,) = one["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    assert pod(made)["containers"][0]["volumeMounts"] == [{"name": "data", "mountPath": "/d", "subPath": "a/b"}]
    assert pod(made)["securityContext"] == {"fsGroup": 6}
    assert "volumes" not in pod(made)
    assert made["Service/web"]["spec"]["clusterIP"] == "None"
    assert made.told == []


def test_volumes_that_pods_share_are_claims() -> None:
    made = Made(f"""
services:
  web: {{image: app, volumes: ["files:/f"]}}
  work: {{image: app, volumes: ["files:/f", "theirs:/t"]}}
{TOP}""", size=3 << 20)  # fmt: skip
    assert list(made.objects) == [
        "PersistentVolumeClaim/files", "Service/web", "Service/work", "Deployment/web", "Deployment/work",
    ]  # fmt: skip
    assert made["PersistentVolumeClaim/files"]["spec"] == {
        "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "3Mi"}},
    }  # fmt: skip
    assert made["Deployment/web"]["spec"]["strategy"] == {"type": "Recreate"}
    assert made["Deployment/work"]["spec"]["template"]["spec"]["volumes"] == [
        {"name": "files", "persistentVolumeClaim": {"claimName": "files"}},
        {"name": "theirs", "persistentVolumeClaim": {"claimName": "theirs"}},
    ]
    assert made.keys == ["volumes.files", "volumes.theirs.external"]


def test_containers_of_one_service_share_theirs() -> None:
    made = service("volumes: ['data:/d']\nscale: 3")
    assert list(made.objects) == ["PersistentVolumeClaim/data", "Service/web", "Deployment/web"]
    assert workload(made)["spec"]["replicas"] == 3


def test_configs_and_secrets() -> None:
    made = service("configs: [site, raw]\nsecrets: [token, key, gone]\nenvironment: {A: b}")
    assert list(made.objects) == [
        "ConfigMap/site", "ConfigMap/raw", "Secret/token", "Secret/key", "Service/web", "Deployment/web",
    ]  # fmt: skip
    assert made["ConfigMap/site"]["data"] == {"site": "hello"}
    assert base64.b64decode(made["ConfigMap/raw"]["binaryData"]["raw"]) == b"\xff\x00"
    assert base64.b64decode(made["Secret/token"]["data"]["token"]) == b"s3cr3t"
    assert base64.b64decode(made["Secret/key"]["data"]["key"]) == b"k"
    assert pod(made)["volumes"][-3]["secret"]["secretName"] == "their-token"
    assert made.keys == ["secrets.gone.external"]


def test_a_secret_of_a_build_alone_stays_here() -> None:
    made = service("build: {context: ., secrets: [token]}")
    assert list(made.objects) == ["Service/web", "Deployment/web"]
    assert made.keys == ["build"]


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
    ("keys", "policy", "spec", "told"),
    [
        ("", "Never", {"backoffLimit": 0}, []),
        ("restart: 'no'", "Never", {"backoffLimit": 0}, []),
        ("restart: on-failure", "OnFailure", {}, []),
        ("restart: on-failure:4", "OnFailure", {"backoffLimit": 4}, []),
        ("restart: always", "OnFailure", {}, ["restart"]),
        ("scale: 2", "Never", {"backoffLimit": 0, "parallelism": 2, "completions": 2}, []),
        ("ports: ['80']", "Never", {"backoffLimit": 0}, ["ports"]),
    ],
)
def test_what_others_wait_for_is_a_job(keys: str, policy: str, spec: dict[str, Any], told: list[str]) -> None:
    made = service(
        f"{keys}\nvolumes: ['data:/d']",
        "  app: {image: app, depends_on: {web: {condition: service_completed_successfully}}}",
    )
    assert list(made.objects) == ["PersistentVolumeClaim/data", "Service/app", "Job/web", "Deployment/app"]
    job = made["Job/web"]
    assert {key: value for key, value in job["spec"].items() if key != "template"} == spec
    assert pod(made)["restartPolicy"] == policy
    assert made["PersistentVolumeClaim/data"]["spec"]["accessModes"] == [
        "ReadWriteMany" if "scale" in keys else "ReadWriteOnce"
    ]
    assert [key for key in made.keys if key != "volumes.data"] == [*told, "services.app.depends_on"]


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
        ("deploy: {mode: global}", ["deploy.mode"]),
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
