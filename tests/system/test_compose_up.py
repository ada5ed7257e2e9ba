"""compose-up: what is there already, what has changed, what waits for what."""

from __future__ import annotations

import json
import os

import pytest
from projects import SLEEPS, Project, told

from oci_spec import validate

SHOP = """
services:
  web:
    image: busybox
    command: sh -c 'echo "$$DEBUG"; exec sleep 1000'
    stop_signal: SIGKILL
    environment: {DEBUG: "${DEBUG:-0}"}
    volumes: [/cache, "files:/files"]
    depends_on: {db: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
  db:
    image: busybox
    command: sh -c 'sleep 0.2; touch /ready; exec sleep 1000'
    stop_signal: SIGKILL
    healthcheck: {test: "test -e /ready", interval: 100ms, start_interval: 50ms, start_period: 10s}
    volumes: ["files:/files"]
  migrate:
    image: busybox
    command: sh -c 'echo once >> /files/migrated'
    volumes: ["files:/files"]
    depends_on: {db: {condition: service_healthy}}
volumes: {files: {labels: {tier: db}}}
"""


@pytest.mark.smoke
def test_only_what_has_changed_is_made_anew(project: Project) -> None:
    project.write(SHOP)
    assert project.plan() == [
        "create shop_default", "create shop_files", "create shop-db-1", "create shop-migrate-1", "create shop-web-1",
    ]  # fmt: skip
    first = project.up()
    assert [(one["status"], one.get("exitCode")) for one in first.values()] == [
        ("running", None), ("stopped", 0), ("running", None),
    ]  # fmt: skip
    for document in first.values():
        validate.check("container", document, "it")
    started = {name: one["annotations"]["org.ocipipe.started"] for name, one in first.items()}
    assert started["shop-db-1"] < started["shop-migrate-1"] < started["shop-web-1"]
    labels = first["shop-web-1"]["annotations"]
    assert labels["com.docker.compose.project"] == "shop"
    assert labels["com.docker.compose.project.working_dir"] == str(project.directory)
    assert labels["com.docker.compose.container-number"] == "1"

    assert project.plan() == ["start shop-migrate-1 status"]  # a job is run again, as docker does it
    again = project.up()
    assert project.text("web", "cat", "/files/migrated") == "once\nonce\n"
    assert {name: one["id"] for name, one in again.items()} == {name: one["id"] for name, one in first.items()}

    project.text("web", "touch", "/cache/kept")
    done = project("compose-up", "-d", env={"DEBUG": "1"})
    assert b'recreate shop-web-1: environment.DEBUG "0" to "1"\n' in done.err
    changed = {document["name"]: document for document in done.documents}
    assert [name for name in first if first[name]["id"] != changed[name]["id"]] == ["shop-web-1"]
    assert project.text("web", "ls", "/cache") == "kept\n"
    assert project("compose-logs", "web").documents[0]["line"] == "1"
    assert project.plan() == ["start shop-migrate-1 status", "recreate shop-web-1 environment.DEBUG"]
    assert project.plan("--no-recreate") == ["start shop-migrate-1 status"]

    project.up("--force-recreate", "--renew-anon-volumes", "--no-deps", "web", env={"DEBUG": "1"})
    assert project.text("web", "ls", "/cache") == ""

    (volume,) = project.host.json("vol-inspect", "shop_files")
    assert volume["labels"]["tier"] == "db"
    gone = project("compose-down", "-t", "0").documents
    assert [one["object"]["name"] for one in gone] == ["shop-web-1", "shop-migrate-1", "shop-db-1", "shop_default"]
    assert "shop_files" in project.names("vol")
    gone = project("compose-down", "-v").documents
    assert [one["object"]["name"] for one in gone] == ["shop_files"]
    project("compose-up", "-d", "--no-start")
    project("compose-down", "-v")
    anonymous = project.host.run("vol-ls", "-q", "--filter", "dangling=true").out.decode().split()
    assert project.left() == anonymous  # of containers that were removed without -v


def test_a_plan_is_done_as_it_stands_or_not_at_all(project: Project) -> None:
    project.write(f"services: {{a: {SLEEPS}, b: {SLEEPS}}}")
    plan = project("compose-plan").out
    for line in plan.splitlines():
        validate.check("compose-plan", json.loads(line), "it")
    only = b"\n".join(line for line in plan.splitlines() if b"shop-b-1" not in line)
    project("compose-up", "-d", "--plan", "-", input=only)
    assert list(project.all()) == ["shop-a-1"]
    assert project.refused("compose-up", "-d", "--plan", "-", input=plan).startswith("shop_default: has changed since")
    plan = project("compose-plan").out
    project.write(f"services: {{a: {SLEEPS}, b: {SLEEPS.replace('1000', '999')}}}")
    assert "shop-b-1: has changed since" in project.refused("compose-up", "-d", "--plan", "-", input=plan)
    assert project("compose-up", "-d", "--plan", "-", input=b"").out == b""
    assert list(project.all()) == ["shop-a-1"]
    assert project.refused("compose-up", "-d", "--plan", "-", "a", input=plan, status=2).startswith("--plan: ")


@pytest.mark.parametrize(
    ("db", "why"),
    [
        ("command: sh -c 'echo no disk; exit 3'", "is unhealthy|has ended with status 3, and was not healthy"),
        ("command: sh -c 'echo no disk; exec sleep 1000'", "is unhealthy"),
    ],
)
def test_a_dependency_that_fails_ends_it_with_its_log(project: Project, db: str, why: str) -> None:
    project.write(f"""
services:
  web: {SLEEPS.replace("}", ", depends_on: {db: {condition: service_healthy}}}")}
  db:
    image: busybox
    {db}
    stop_signal: SIGKILL
    healthcheck: {{test: "false", interval: 50ms, retries: 2}}
  alone: {SLEEPS}
""")
    done = project("compose-up", "-d", status=1)
    (error,) = told(done)
    assert any(f"web: needs db: shop-db-1: {one}" in error["message"] for one in why.split("|")), error
    assert b"shop-db-1 | no disk\n" in done.err
    assert "shop-web-1" not in project.all()


def test_a_dependency_that_is_not_required(project: Project) -> None:
    project.write(f"""
services:
  web: {SLEEPS.replace("}", ", depends_on: {job: {condition: service_completed_successfully, required: false}}}")}
  job: {{image: busybox, command: "false"}}
""")
    done = project("compose-up", "-d")
    assert b"web goes on without job: shop-job-1: has ended with status 1" in done.err
    assert project.all()["shop-web-1"]["status"] == "running"


def test_what_is_refused_is_refused_before_anything_is_made(project: Project) -> None:
    for text, words in (
        ("a: {image: busybox, storage_opt: {size: 1G}}", "services.a.storage_opt: is not supported"),
        ("a: {image: busybox, logging: {driver: syslog}}", "services.a.logging.driver: there is no log driver syslog"),
        ("a: {image: busybox, sysctls: {}, external_links: [x]}", "services.a.external_links[0]: x: no such container"),
        ("a: {image: busybox, container_name: x, scale: 2}", "services.a.container_name: one name cannot be"),
        ("a: {image: busybox, secrets: [s]}\nsecrets: {s: {file: ./none}}", "secrets.s.file: there is no"),
        ("a: {image: busybox, ulimits: {nofoo: 3}}", "services.a.ulimits.nofoo: "),
        (
            "a: {image: busybox, scale: 2, deploy: {resources: {reservations: {cpus: 9999.5}}}}",
            f"reservations.cpus: 19999 are reserved by then, and this host has {len(os.sched_getaffinity(0))}",
        ),
    ):
        project.write(f"services:\n  b: {SLEEPS}\n  {text}\n")
        message = project.refused("compose-up", "-d")
        assert message.startswith(("compose.yaml:", str(project.directory))), message
        assert words in message
    assert project.all() == {}
    assert project.names("net") == []
