"""Compose files as docker-compose reads them: what its `config` prints means to us what the files themselves mean.

The version in Debian (1.29) knows the specification of 2021; only what it knows is compared.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from composing import context, written

from ocipipe.compose import project

WEB = """
version: "3.8"
services:
  web:
    image: "app:${TAG:-1}"
    build: {context: ./web, args: {A: 1}}
    command: serve --name "a b" $$HOME ${EMPTY-x} ${UNSET-y}
    entrypoint: /run.sh
    ports: ["8000:80", "127.0.0.1:9000-9001:9000-9001/udp", {target: 443, published: 8443, mode: host}]
    environment: [A=1, SHELL_ONE, "C=x=y"]
    env_file: a.env
    volumes: ["data:/data", "./src:/src:ro", {type: tmpfs, target: /t, tmpfs: {size: 1000}}]
    depends_on: [db]
    labels: [a=b, c]
    healthcheck: {test: curl x, interval: 90s, retries: 3}
    secrets: [tok]
    networks: {front: {aliases: [x]}}
    ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}}
    dns: 1.1.1.1
    tmpfs: /run
    extra_hosts: ["a:1.2.3.4"]
    cap_add: [NET_ADMIN]
    stop_grace_period: 90s
    restart: always
    sysctls: [net.core.somaxconn=1]
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 50M}}}
    logging: {driver: json-file, options: {max-size: 1m}}
  db:
    image: db
    privileged: true
networks: {front: {driver_opts: {a: 1}}}
volumes: {data: {}}
secrets: {tok: {file: ./t.txt}}
"""
OVER = """
version: "3.8"
services:
  web:
    environment: {A: 2, D: "${DOT}"}
    ports: ["8001:80"]
    volumes: ["other:/data", "/cache"]
    command: [x]
    labels: {a: z}
    dns: [8.8.8.8]
    healthcheck: {test: [CMD, y]}
    logging: {driver: syslog, options: {tag: x}}
    networks: [front, back]
networks: {back: {external: true, name: outside}}
volumes: {other: {name: named}}
"""
OLD = """
version: "2.4"
services:
  base: {image: base, environment: {A: 1, B: 1}, mem_limit: 1g, cpus: 1.5, pids_limit: 5, volumes: ["./a:/a"]}
  web:
    extends: base
    environment: [B=2]
    network_mode: host
    shm_size: 64m
    oom_score_adj: 5
    devices: ["/dev/fuse:/dev/fuse:rwm"]
    volumes: ["./b:/a"]
  far: {extends: {file: lib/far.yaml, service: far}, cap_drop: [ALL]}
"""
FAR = """
version: "2.4"
services:
  far: {image: far, build: ., volumes: ["./far:/far"], cap_drop: [MKNOD], stop_signal: SIGINT, tty: true}
"""
ANCHORS = """
version: "3.8"
x-all: &all {restart: unless-stopped, environment: &env {A: 1, B: 2}}
services:
  a: {image: a, <<: *all}
  b:
    image: b
    <<: *all
    environment: {<<: *env, B: 3}
"""
FILES = {
    "web.yaml": WEB, "over.yaml": OVER, "old.yaml": OLD, "lib/far.yaml": FAR, "anchors.yaml": ANCHORS,
    "a.env": "# comment\nE=1\nA=9\n", ".env": "DOT=dot\nTAG=dot\n",
    "web/Dockerfile": "FROM a", "lib/Dockerfile": "FROM a",
}  # fmt: skip
ENV = {"TAG": "5", "EMPTY": "", "SHELL_ONE": "sh", "COMPOSE_PROJECT_NAME": "p"}


ORDERS = {"ports": lambda one: (one["target"], one["published"]), "volumes": lambda one: one["target"], "cap_drop": str}
"""Lists that docker-compose sorts in its own way."""


def model(stdin: bytes, *chosen: str) -> Any:
    """Our model, in which the order of what may stand in any does not count."""
    found = json.loads(json.dumps(project.load(context(ENV, stdin), chosen).model))
    for service in found["services"].values():
        for key in set(service) & set(ORDERS):
            service[key].sort(key=ORDERS[key])
    return {key: value for key, value in found.items() if not key.startswith("x-")}


@pytest.mark.parametrize("names", ["web.yaml", "web.yaml over.yaml", "old.yaml", "anchors.yaml"])
def test_it_means_the_same(names: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, FILES)
    chosen = names.split()
    words = [word for name in chosen for word in ("-f", name)]
    done = subprocess.run(
        ["docker-compose", *words, "config"], capture_output=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", **ENV},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert model(done.stdout, "-") == model(b"", *chosen)
