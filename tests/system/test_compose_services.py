"""What services have: several containers of one name, profiles, secrets and configs, hooks, shared namespaces."""

from __future__ import annotations

import os
from pathlib import Path

from boxes import Box
from observing import reboot
from projects import SLEEPS, Project, told


def test_several_containers_answer_to_one_name(project: Project) -> None:
    project.write(f"""
services:
  web: {SLEEPS}
  db:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    networks: {{default: {{aliases: [sql]}}, back: }}
networks: {{back: {{internal: true, labels: {{tier: back}}}}}}
""")
    assert list(project.up("--scale", "web=3")) == ["shop-db-1", "shop-web-1", "shop-web-2", "shop-web-3"]
    found = project.text("db", "nslookup", "web")
    addresses = {line.split()[-1] for line in found.split("Name:", 1)[1].splitlines() if line.startswith("Address")}
    assert len(addresses) == 3
    assert "Address" in project.text("web", "nslookup", "sql").split("Name:", 1)[1]
    assert {one["name"]: one["service"] for one in project("compose-scale", "web=1").documents} == {"shop-web-1": "web"}
    assert sorted(project.all()) == ["shop-db-1", "shop-web-1"]
    assert sorted(project.names("net")) == ["shop_back", "shop_default"]
    assert project.plan("--scale", "web=2") == ["create shop-web-2"]
    text = (project.directory / "compose.yaml").read_text()
    project.write(text.replace("internal: true", "internal: false"))
    assert project.plan() == [
        "recreate shop_back networks.back.internal", "recreate shop-db-1 networks.back.internal",
    ]  # fmt: skip
    project.up()
    assert project.plan() == []
    project("compose-down", "-t", "0")
    assert project.left() == []


def test_a_job_is_started_again_until_it_ends_well(project: Project) -> None:
    """After the delay of its restart policy, and compose-up --wait waits for the end."""
    project.write("""
services:
  sums:
    image: busybox
    command: sh -c 'echo >> /mnt/runs; [ $$(wc -l < /mnt/runs) = 3 ]'
    network_mode: none
    volumes: [.:/mnt]
    deploy: {mode: replicated-job, restart_policy: {delay: 200ms, window: 30s, max_attempts: 5}}
""")
    (one,) = project.up("--wait").values()
    assert (one["status"], one["exitCode"]) == ("stopped", 0)
    assert (project.directory / "runs").read_text() == "\n" * 3
    (whole,) = project.host.json("ctr-inspect", "shop-sums-1")
    assert whole["record"]["restartPolicy"] == {"name": "on-failure", "maximum": 5, "delay": 0.2, "window": 30}
    assert whole["record"]["restartDelay"] == 0.2
    text = (project.directory / "compose.yaml").read_text()
    project.write(text.replace("200ms", "300ms"))
    assert project.plan() == ["recreate shop-sums-1 deploy.restart_policy.delay"]
    project("compose-down")
    assert project.left() == []


def test_profiles(project: Project) -> None:
    project.write(f"""
services:
  web: {SLEEPS}
  debug: {SLEEPS.replace("}", ", profiles: [tools], depends_on: [web]}")}
""")
    assert list(project.up()) == ["shop-web-1"]
    assert list(project.up("--profile", "tools")) == ["shop-debug-1", "shop-web-1"]
    project("compose-down", "-t", "0")
    assert list(project.up("debug")) == ["shop-debug-1", "shop-web-1"]
    project("compose-down")
    assert project.left() == []


def test_secrets_and_configs(project: Project) -> None:
    """Also after a reboot, when nobody is there who has the variables."""
    (project.directory / "plain").write_text("of a file\n")
    project.write("""
services:
  web:
    image: busybox
    user: app
    command: sleep 1000
    stop_signal: SIGKILL
    restart: always
    network_mode: none
    secrets: [token, {source: plain, target: /etc/plain}, {source: token, target: mine, uid: "1000", mode: "0400"}]
    configs: [{source: settings, target: /etc/settings}, {source: plain, target: /etc/own, mode: "0440", gid: "1000"}]
  side:
    image: busybox
    user: app
    command: cat /run/secrets/key /motd
    secrets: [key]
    configs: [motd]
secrets: {token: {environment: TOKEN}, plain: {file: ./plain}, key: {external: true, name: shop-key}}
configs: {settings: {content: "level = ${LEVEL}\\n"}, plain: {file: ./plain}, motd: {external: true}}
""")
    (project.directory / "kept").mkdir()
    for name in ("shop-key", "motd"):
        (project.directory / "kept" / name).write_text(f"of the machine: {name}\n")
        (project.directory / "kept" / name).chmod(0o600)
    kept = str(project.directory / "kept")
    env = {"TOKEN": "hush", "LEVEL": "9", "CREDENTIALS_DIRECTORY": kept, "OCIPIPE_CONFIGS": kept}
    project.up(env=env)

    def seen(*command: str) -> str:
        return project("compose-exec", "web", *command, env=env).out.decode()

    def holds() -> None:
        assert seen("cat", "/run/secrets/token", "/run/secrets/mine") == "hushhush"
        assert seen("cat", "/etc/plain", "/etc/own", "/etc/settings") == "of a file\nof a file\nlevel = 9\n"
        rights = seen("stat", "-Lc", "%a %u %g", "/run/secrets/token", "/run/secrets/mine", "/etc/own", "/etc/settings")
        assert rights.splitlines() == ["444 0 0", "400 1000 0", "440 0 1000", "444 0 0"]

    holds()
    assert "Read-only" in project("compose-exec", "-u", "0", "web", "sh", "-c", "echo x > /run/secrets/token; true",
                                  env=env).err.decode()  # fmt: skip
    files = Path(project.host.run.env["OCIPIPE_ROOT"], "compose")
    for part in ("", "shop", "shop/secrets", "shop/configs"):
        assert oct(os.stat(files / part).st_mode) == "0o40700"
    reboot(Box(project.host.run, files.parent))
    (again,) = project.host.json("ctr-start", "--all", "--restore")
    assert again["annotations"]["org.ocipipe.name"] == "shop-web-1"
    holds()
    assert "hush" not in project("compose-ps", env=env).out.decode()
    project("compose-wait", "side", env=env)
    said = [one["line"] for one in project("compose-logs", "side", env=env).documents]
    assert said == ["of the machine: shop-key", "of the machine: motd"]
    plan = project("compose-plan", "web", env={**env, "TOKEN": "other"}).documents
    assert [reason["field"] for one in plan for reason in one["reasons"]] == ["secrets.token.digest"]
    project("compose-down", env=env)
    assert project.left() == []
    assert not files.exists()


def test_a_container_outside_the_project(project: Project) -> None:
    project.host.run("net-create", "out")
    old = project.host.box("old", "--network", "out")
    project.write("""
services:
  web:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    networks: [out]
    external_links: ["old:sql"]
networks: {out: {external: true}}
""")
    project.up()
    for name in ("sql", "old"):
        assert old.ips[0] in project.text("web", "ping", "-c", "1", name)
    project.host.run("ctr-stop", "-t", "0", "old")
    message = project.refused("compose-up", "-d", "--force-recreate")
    assert message.startswith("compose.yaml:8: services.web.external_links[0]: old: runs on none of the net"), message
    assert project.all()["shop-web-1"]["status"] == "running"
    assert "does not go with --network host" in project.host.refused(
        "ctr-run", "--rm", "--network", "host", "--link", "old", "busybox", "true"
    )
    project("compose-down")


def test_steps_before_the_start(project: Project) -> None:
    """Once for the service or for each container, with its volumes, until they have ended well."""
    text = """
services:
  web:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    user: app
    environment: {A: "1", B: "2"}
    volumes: ["data:/data", /own]
    networks: {default: {aliases: [other]}}
    logging: {driver: none}
    ports: ["80"]
    depends_on: [db]
    pre_start:
      - {command: sh -c 'echo once >>/data/log && id -un', user: root}
      - {command: sh -c 'echo $$A$$B >>/data/log && touch /own/there && nslookup db >/dev/null', per_replica: true,
         image: "localhost/tools", environment: {B: "3"}, user: "0"}
      - {command: id -un}
  db: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, volumes: ["data:/data"]}
  after: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, depends_on: [web]}
volumes: {data: }
"""
    project.host.run("img-tag", "busybox", "localhost/tools")

    def lines() -> list[str]:
        return project.text("db", "sh", "-c", "cat /data/log").split()

    project.write(text)
    done = project("compose-up", "-d", "--scale", "web=2")
    assert b"shop-web-1-pre_start: root\nshop-web-1-pre_start: app\n" in done.err
    assert lines() == ["once", "13", "13"]
    for number in ("1", "2"):
        assert project("compose-exec", "--index", number, "web", "test", "-e", "/own/there").out == b""
    project("compose-stop", "web")
    project.up("--scale", "web=2")
    project("compose-restart", "-t", "0", "web")
    assert lines() == ["once", "13", "13"]
    project("compose-scale", "web=3")
    assert lines() == ["once", "13", "13", "13"]
    project.write(text.replace('A: "1"', 'A: "4"'))
    project.up("--scale", "web=3")
    assert lines()[4:] == ["once", "43", "43", "43"]
    assert sorted(project.all()) == ["shop-after-1", "shop-db-1", "shop-web-1", "shop-web-2", "shop-web-3"]
    project("compose-down", "-v")
    assert project.left() == []
    project.write(text.replace("echo once", "exit 3"))
    (error,) = told(project("compose-up", "-d", status=1))
    assert error["message"].startswith("web: shop-web-1-pre_start: sh -c exit 3 ")
    assert error["message"].endswith(": ended with status 3")
    assert {name: one["status"] for name, one in project.all().items()} == {
        "shop-db-1": "running", "shop-web-1": "created",
    }  # fmt: skip
    assert "ended with status 3" in project.refused("compose-start", "web")
    project.write(text)
    assert project.plan()[0] == "recreate shop-web-1 pre_start[0].command[2]"
    project.up()
    assert lines() == ["once", "13"]
    project("compose-down", "-v")
    assert project.left() == []


def test_what_a_service_shares_with_another(project: Project) -> None:
    project.write("""
services:
  app:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    hostname: there
    volumes: ["/shared"]
    environment: {A: "${A:-1}"}
  side:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    network_mode: service:app
    pid: service:app
    volumes_from: ["app:ro"]
    environment: [HOME, "X=a b"]
    entrypoint: ["/bin/sh", "-c", 'exec "$$@"', "--"]
    cap_drop: [ALL]
    ulimits: {nofile: {soft: 100, hard: 200}}
    mem_limit: 64m
    post_start: [{command: ["touch", "/started"]}, {command: [id, -u], user: app}]
    pre_stop: [{command: [sh, -c, 'echo going']}, {command: [id], user: nobody-here}]
    labels: {tier: side}
    tmpfs: ["/scratch:size=1m"]
    read_only: false
    stop_grace_period: 1m30s
    extra_hosts: {}
""")
    done = project("compose-up", "-d")
    assert b"shop-side-1: 1000\n" in done.err
    both = project.all()
    app, side = (os.readlink(f"/proc/{both[f'shop-{name}-1']['pid']}/ns/net") for name in ("app", "side"))
    assert app == side
    assert len(project.text("side", "ps").splitlines()) > 2
    assert project.text("side", "sh", "-c", "ls /started; echo $X; ulimit -n") == "/started\na b\n100\n"
    assert both["shop-side-1"]["annotations"]["tier"] == "side"
    (record,) = [one["record"] for one in project.host.json("ctr-inspect", "shop-side-1")]
    assert record["stopTimeout"] == 90
    # Whoever stands on a container that is made anew is made anew with it.
    done = project("compose-up", "-d", env={"A": "2"})
    said = [line for line in done.err.decode().splitlines() if line.startswith("recreate")]
    assert said == [
        'recreate shop-app-1: environment.A "1" to "2"',
        'recreate shop-side-1: network_mode "app" to "a new app", pid "app" to "a new app", '
        'volumes_from[0] "app" to "a new app"',
    ]
    assert b"shop-side-1: going\n" in done.err
    assert b"pre_stop: shop-side-1: id: could not be run: " in done.err  # and that stops nothing
    project("compose-down", "-v")
    assert project.left() == []
