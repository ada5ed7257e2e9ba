"""The small compose commands: each does to a project's containers what its ctr-* sibling does to one."""

from __future__ import annotations

import json

import pytest
from commands import Commands
from projects import SLEEPS, Project
from registry import DockerRegistry

from oci_spec import validate

SHOP = f"""
services:
  web: {SLEEPS.replace("}", ", depends_on: {db: {condition: service_started, restart: true}}, ports: ['80']}")}
  db: {SLEEPS}
"""


def test_from_made_to_removed(project: Project) -> None:
    project.write(SHOP)

    def done(name: str, *argv: str) -> dict[str, str]:
        return {one["name"].removeprefix("shop-"): one["status"] for one in project(name, *argv).documents}

    assert "has no containers" in project.refused("compose-start")
    assert done("compose-create") == {"db-1": "created", "web-1": "created"}
    assert done("compose-ps") == {}
    assert done("compose-ps", "-a") == {"db-1": "created", "web-1": "created"}
    assert done("compose-start") == {"db-1": "running", "web-1": "running"}
    assert done("compose-pause", "web") == {"web-1": "paused"}
    assert done("compose-ps", "--status", "paused") == {"web-1": "paused"}
    assert done("compose-unpause") == {"web-1": "running"}
    before = {name: one["pid"] for name, one in project.all().items()}
    assert done("compose-restart", "db") == {"db-1": "running", "web-1": "running"}  # web is restarted with it
    assert not set(before.values()) & {one["pid"] for one in project.all().values()}
    assert done("compose-restart", "--no-deps", "db") == {"db-1": "running"}
    assert done("compose-stop", "web") == {"web-1": "stopped"}
    assert done("compose-rm") == {"web-1": "stopped"}
    assert done("compose-scale", "web=2", "db=1") == {"db-1": "running", "web-1": "running", "web-2": "running"}
    assert done("compose-kill", "web") == {"web-1": "stopped", "web-2": "stopped"}
    assert done("compose-wait", "web") == {"web-1": "stopped", "web-2": "stopped"}
    assert project("compose-wait", "--exit-status", "web", status=2).out == b""
    assert project.host.run.shell("ctr-ps -aq | ctr-rm -f | jq -r .status", cwd=project.directory).out
    project("compose-down")
    assert project.left() == []
    assert "nothing: no such service" in project.refused("compose-stop", "nothing")


def test_inside_and_about_them(project: Project) -> None:
    project.write(SHOP)
    project.up("--scale", "web=2")
    assert project.text("web", "hostname") != project("compose-exec", "--index", "2", "web", "hostname").out.decode()
    project("compose-exec", "web", "sh", "-c", "exit 3", status=3)
    assert project("compose-exec", "-i", "-e", "A=b", "web", "sh", "-c", "cat; echo $A", input=b"x\n").out == b"x\nb\n"
    (project.directory / "file").write_text("of here\n")
    project("compose-cp", "file", "web:/tmp/")
    project("compose-cp", "web:/tmp/file", "again")
    assert (project.directory / "again").read_text() == "of here\n"
    assert "has no container 7" in project.refused("compose-cp", "--index", "7", "web:/x", ".")
    (port,) = project("compose-port", "web", "80").documents
    assert port["containerPort"] == 80
    assert "is not published" in project.refused("compose-port", "web", "81")
    assert [one["command"] for one in project("compose-top", "db").documents] == [["sleep", "1000"]]
    assert len(project("compose-stats", "--no-stream").documents) == 3
    (image,) = project("compose-images").documents
    assert image["annotations"]["org.opencontainers.image.ref.name"].endswith("busybox:latest")
    actions = [one["action"] for one in project("compose-events", "--no-follow", "db").documents]
    assert actions == ["create", "start"]
    (listed,) = project("compose-ls").documents
    validate.check("compose-project", listed, "it")
    assert listed["status"] == {"running": 3}
    project("compose-attach", "--no-stdin", "--index", "9", "web", status=125)
    project("compose-down", "-t", "0")
    assert project("compose-ls", "-a").out == b""


def test_one_off_containers(project: Project) -> None:
    project.write(f"""
services:
  web:
    image: busybox
    entrypoint: [sh, -c]
    command: ["echo never"]
    environment: {{A: of the file}}
    restart: always
    ports: ["8000:80"]
    depends_on: {{db: {{condition: service_healthy}}}}
    volumes: ["files:/files"]
  db: {SLEEPS.replace("}", ", healthcheck: {test: 'true', interval: 50ms, start_interval: 50ms}}")}
volumes: {{files: }}
""")
    done = project("compose-run", "--rm", "-e", "B=c", "web", "echo $A $B; nslookup db >/dev/null && exit 4", status=4)
    assert done.out == b"of the file c\n"
    assert list(project.all()) == ["shop-db-1"]
    (left,) = project("compose-run", "-d", "--name", "job", "--entrypoint", "sleep", "web", "1000").documents
    assert left["status"] == "running"
    assert project.plan() == ["create shop-web-1"]
    assert project("compose-run", "--no-deps", "web", "echo kept; exit 1", status=1).out == b"kept\n"
    assert [one["line"] for one in project("compose-logs", "web").documents] == ["kept"]
    assert len(project.all()) == 3
    project("compose-down", "-v", "-t", "0")
    assert project.left() == []


def test_one_off_containers_and_what_is_not_required(project: Project) -> None:
    """What fails is told, and what is in no active profile is left alone."""
    project.write(f"""
services:
  web:
    image: busybox
    depends_on:
      job: {{condition: service_completed_successfully, required: false}}
      debug: {{condition: service_started, required: false}}
  job: {{image: busybox, command: "false"}}
  debug: {SLEEPS.replace("}", ", profiles: [debug]}")}
""")
    done = project("compose-run", "--rm", "web", "echo", "ran")
    assert done.out == b"ran\n"
    assert b"web goes on without job: shop-job-1: has ended with status 1" in done.err
    assert list(project.all()) == ["shop-job-1"]


def test_images_are_built_and_pushed(project: Project, registry: DockerRegistry) -> None:
    name = f"{registry.address}/shop/app:1"
    project.write(f"""
services:
  base:
    build:
      context: .
      dockerfile_inline: "FROM busybox\\nRUN --network=host echo base > /base\\n"
      network: none
      entitlements: [network.host]
  app:
    image: {name}
    build: {{context: ., additional_contexts: {{base: "service:base"}}, args: {{V: "${{V:-1}}"}}, network: none}}
    command: cat /base /v
    network_mode: none
""")
    project.write("FROM base\nARG V\nCOPY compose.yaml /\nRUN echo $V > /v\n", "Dockerfile")
    assert project.plan("app") == [f"build {name} image", "build shop-base image", "create shop-app-1"]
    done = project("compose-up", "app", "--format", "table", "--no-log-prefix")
    assert done.out == b"base\n1\n"
    first = project("compose-images").documents[0]["digest"]
    done = project("compose-up", "-d", "--build", "app", env={"V": "2"})
    assert f'image "{first}" to '.encode() in done.err
    project("compose-wait", "app")
    assert [one["line"] for one in project("compose-logs", "app").documents] == ["base", "2"]
    outside = Commands(project.host.run.bin, project.host.run.env)  # where the registry is
    (pushed,) = outside("compose-push", "--tls-verify=false", cwd=project.directory).documents
    assert pushed["annotations"]["org.opencontainers.image.ref.name"] == name
    project.host.run("img-rm", "-f", name)
    built = project("compose-build", env={"V": "2"}).documents
    assert len(built) == 2
    assert project("compose-pull", "--ignore-buildable").out == b""
    gone = project("compose-down", "--rmi", "all").documents
    assert {one["object"].get("kind") for one in gone} == {"container", None}
    assert project.left() == []


@pytest.mark.parametrize(("line", "said"), [("RNU x", "unknown instruction RNU"), ("COPY none /", "none: is not in")])
def test_a_dockerfile_in_the_compose_file_is_named_by_its_key(project: Project, line: str, said: str) -> None:
    project.write(f"services: {{web: {{build: {{context: ., dockerfile_inline: \"FROM busybox\\n{line}\\n\"}}}}}}")
    done = project("compose-build", "-q", status=1)
    (error,) = json.loads(done.err.splitlines()[-1])["errors"]
    assert error["message"].startswith(f"services.web.build.dockerfile_inline:2: {said}")
