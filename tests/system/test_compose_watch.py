"""compose-watch: changes of files come into containers, by each of the ways that develop.watch has."""

from __future__ import annotations

import json
import signal
import subprocess

from nethosts import until
from projects import Project

SHOP = """
services:
  web:
    build: {context: ., dockerfile_inline: "FROM busybox\\nCOPY version /version\\n", network: none}
    command: sleep 1000
    stop_signal: SIGKILL
    network_mode: none
    develop:
      watch:
        - {path: ./src, action: sync, target: /app, ignore: ["*.tmp", deep/not], initial_sync: true}
        - {path: ./conf, action: sync+restart, target: /etc/conf}
        - {path: ./seed, action: sync+exec, target: /seed, exec: {command: [cp, /seed, /sown]}}
        - {path: ./version, action: rebuild}
"""


def test_watch(project: Project) -> None:
    project.write(SHOP)
    for name, text in (("src/a", "1"), ("src/deep/b", "2"), ("conf/c", "3"), ("seed", "4"), ("version", "5")):
        (project.directory / name).parent.mkdir(parents=True, exist_ok=True)
        (project.directory / name).write_text(text)
    command = subprocess.Popen(
        project.host.argv(str(project.host.run.bin / "compose-watch")), cwd=project.directory,
        env=project.host.run.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert command.stdout is not None

    def paths(action: str) -> list[str]:
        """What the next action of a kind is about; what is written in two steps may be seen in two."""
        assert command.stdout is not None
        while (found := json.loads(command.stdout.readline()))["action"] != action:
            pass
        return [reason["field"].removeprefix(f"{project.directory}/") for reason in found["reasons"]]

    try:
        assert paths("sync") == ["src/a", "src/deep", "src/deep/b"]
        assert project.text("web", "cat", "/app/a", "/app/deep/b") == "12"
        (project.directory / "src/x.tmp").write_text("ignored")
        (project.directory / "src/deep/not").write_text("ignored")
        (project.directory / "src/new").mkdir()
        (project.directory / "src/new/d").write_text("6")
        (project.directory / "src/a").unlink()
        seen: list[str] = []
        while not {"src/new/d", "src/a"} <= set(seen):
            seen += paths("sync")
        until(lambda: project.text("web", "sh", "-c", "cat /app/new/d") == "6")
        assert sorted(project.text("web", "find", "/app", "-type", "f").split()) == ["/app/deep/b", "/app/new/d"]
        (project.directory / "seed").write_text("7")
        assert paths("sync+exec") == ["seed"]
        until(lambda: project.text("web", "cat", "/sown") == "7")
        before = project.all()["shop-web-1"]
        (project.directory / "conf/c").write_text("8")
        assert paths("sync+restart") == ["conf/c"]
        after = project.all()["shop-web-1"]
        assert (after["id"], after["pid"] != before["pid"]) == (before["id"], True)
        until(lambda: project("compose-exec", "web", "cat", "/etc/conf/c", status=None).out == b"8")
        (project.directory / "version").write_text("9")
        assert paths("rebuild") == ["version"]
        until(lambda: project("compose-exec", "web", "cat", "/version", status=None).out == b"9")
        assert project.all()["shop-web-1"]["id"] != before["id"]
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=30)
    assert command.returncode == -signal.SIGINT
    until(lambda: project.all()["shop-web-1"]["status"] == "running")
    project("compose-down")
    assert "has nothing to watch" in project.refused("compose-watch", "-f", "-", input=b"services: {a: {image: b}}")


def test_watch_beside_the_logs(project: Project) -> None:
    """compose-up --watch: a container that was started anew, or is another one, is followed on; the end of all is the
    end of the command."""
    project.write(r"""
services:
  web:
    build: {context: ., dockerfile_inline: "FROM busybox\nCOPY version /version\n", network: none}
    command: sh -c 'cat /version /etc/conf/c; trap "exit 0" TERM; while [ ! -e /end ]; do sleep 0.05; done'
    network_mode: none
    develop:
      watch:
        - {path: ./conf, action: sync+restart, target: /etc/conf}
        - {path: ./version, action: rebuild}
        - {path: ./end, action: sync, target: /, include: [end]}
""")
    for name, text in (("conf/c", "conf 1\n"), ("version", "version 1\n"), ("end/no", "")):
        (project.directory / name).parent.mkdir(exist_ok=True)
        (project.directory / name).write_text(text)
    assert "is for the foreground" in project.refused("compose-up", "-d", "--watch", status=2)
    command = subprocess.Popen(
        project.host.argv(str(project.host.run.bin / "compose-up"), "--watch", "--abort-on-container-exit"),
        cwd=project.directory, env=project.host.run.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert command.stdout is not None

    def line() -> str:
        assert command.stdout is not None
        return str(json.loads(command.stdout.readline())["line"])

    assert line() == "version 1"
    assert line() == "cat: can't open '/etc/conf/c': No such file or directory"

    def change(name: str, text: str) -> None:
        """In one step: a change that is seen once."""
        (project.directory / "new").write_text(text)
        (project.directory / "new").rename(project.directory / name)

    change("conf/c", "conf 2\n")
    assert (line(), line()) == ("version 1", "conf 2")
    change("version", "version 2\n")
    assert line() == "version 2"
    change("end/end", "")
    _, err = command.communicate(timeout=60)
    assert (command.returncode, b"conf/c" in err, b"rebuild service web: " in err) == (0, True, True), err
    assert err.count(b" has ended") == 1, err
    project("compose-down")
