"""What runs, as manifests: containers, pods, jobs, health checks, what is mounted, configs and secrets."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from manifests import TOP, Made, pod, service, workload

pytestmark = pytest.mark.usefixtures("here")

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


def test_steps_before_the_start() -> None:
    made = service("""
working_dir: /app
environment: {A: "1", B: "2"}
user: "7"
cap_drop: [ALL]
ports: ["80:80"]
healthcheck: {test: "true"}
pre_start:
  - {command: [a, '$$(b)'], per_replica: true}
  - {command: [c], image: other, environment: {B: "3"}, user: root, privileged: true, working_dir: /, per_replica: true}
""")
    rights = {"capabilities": {"drop": ["ALL"]}}
    a = {"name": "A", "value": "1"}
    assert pod(made)["initContainers"] == [
        {"name": "web-step-1", "image": "app", "args": ["a", "$$(b)"], "workingDir": "/app",
         "env": [a, {"name": "B", "value": "2"}], "securityContext": {"runAsUser": 7, **rights}},
        {"name": "web-step-2", "image": "other", "args": ["c"], "workingDir": "/",
         "env": [a, {"name": "B", "value": "3"}],
         "securityContext": {"runAsUser": 0, "privileged": True, **rights}},
    ]  # fmt: skip



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


def test_what_is_deployed_as_a_job_is_one() -> None:
    made = service("deploy: {mode: replicated-job, replicas: 3, restart_policy: {max_attempts: 2}}")
    assert list(made.objects) == ["Job/web"]
    assert made["Job/web"]["spec"] | {"template": {}} == {
        "backoffLimit": 2, "parallelism": 3, "completions": 3, "template": {},
    }  # fmt: skip
    assert pod(made)["restartPolicy"] == "OnFailure"
