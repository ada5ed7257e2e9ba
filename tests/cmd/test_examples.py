"""The examples of the manual pages, run as they stand: a page that shows what does not work is a defect.

The fixture `example_env` (tests/conftest.py) is the world they need, fresh for each: an environment whose OCIPIPE_ROOT
is a store that holds debian:bookworm, and whose docker.io is a registry on loopback that has it too and takes pushes.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import criu
import pytest

from ocipipe.cli import catalog, scripts

WEB = """ctr-run -d --name web --label tier=test --health-cmd true --health-interval 100ms debian:bookworm \\
    sh -c 'trap "exit 0" TERM; echo up; for i in $(seq 100); do sleep 0.1; done'"""
"""The container that examples speak of, which ends by itself."""
CACHE = """printf 'FROM debian:bookworm\\nRUN --mount=type=cache,id=pip,target=/c true\\n' |
    img-build --network none -"""
BEFORE = {
    "ctr-attach --no-stdin web": WEB.replace("seq 100", "seq 40"),
    "ctr-rm web": "ctr-create --name web debian:bookworm",
    "ctr-start web": "ctr-create --name web debian:bookworm true",
    "ctr-unpause web": f"{WEB}; ctr-pause web",
}
"""What must be there for an example, where it is not WEB."""
MANY = "/usr/share/doc"
"""A directory of the host in examples, with thousands of files: they run on one with few."""
AUTHOR = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
EXAMPLES = [(command.name, line) for command in catalog.declarations() for line, _ in command.examples]


@pytest.fixture(scope="module")
def bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bin")
    scripts.main([str(directory)])
    return directory


def source(directory: Path) -> None:
    """What img-build's examples build: a committed context with tests of its own, and a secret."""
    (directory / "Dockerfile").write_text(
        "FROM debian:bookworm AS artifacts\nCOPY --chmod=755 pytest /bin/pytest\n"
        "RUN --mount=type=secret,id=token cat /run/secrets/token >/dev/null 2>&1 || true\n"
    )
    (directory / "pytest").write_text("#!/bin/sh\nexit 0\n")
    (directory / "token.txt").write_text("secret\n")
    for words in (["init", "-q"], ["add", "Dockerfile", "pytest"], [*AUTHOR, "commit", "-qm", "begun"]):
        subprocess.run(["git", "-C", directory, *words], check=True)


COMPOSE = """
x-own: &own {image: "debian:bookworm", command: sleep 1000, network_mode: none, stop_signal: SIGKILL}
services:
  web:
    <<: *own
    environment: {DEBUG: 1}
    depends_on: [db]
    develop: {watch: [{path: ./Dockerfile, action: sync, target: /Dockerfile}]}
  db: {<<: *own, volumes: ["data:/data"]}
  job: {<<: *own, command: "true"}
  app: {build: ., image: registry.local/shop/app, network_mode: none, profiles: [app]}
volumes: {data: }
"""
"""The project of compose's examples."""


@pytest.mark.parametrize(("name", "line"), EXAMPLES, ids=[f"{name}: {line}" for name, line in EXAMPLES])
def test_example(name: str, line: str, bin: Path, example_env: dict[str, str], tmp_path: Path) -> None:
    if name in ("ctr-checkpoint", "ctr-restore") and not criu.works(tmp_path):
        pytest.skip("criu cannot write down processes of this kernel")
    env = {**example_env, "PATH": f"{bin}:{example_env['PATH']}"}
    if name == "img-build":
        source(tmp_path)
    if name.startswith("cache-"):
        before = CACHE + ("; cache-export pip | img-push registry.local/cache/pip" if name == "cache-import" else "")
        subprocess.run(["bash", "-c", before], env=env, capture_output=True, check=True, timeout=120)
    if name.startswith("compose-"):
        (tmp_path / "compose.yaml").write_text(COMPOSE)
        (tmp_path / "Dockerfile").write_text("FROM debian:bookworm\nRUN true\n")
    if name.startswith("ctr-") and "ctr-run" not in line and "ctr-create --name web " not in line:
        subprocess.run(["bash", "-c", BEFORE.get(line, WEB)], env=env, capture_output=True, check=True, timeout=120)
    if MANY in line:
        (tmp_path / "doc").mkdir()
        (tmp_path / "doc" / "README").write_text("words\n")
        line = line.replace(MANY, str(tmp_path / "doc"))
    shell = ["bash", "-e", "-o", "pipefail", "-c", line]
    if " -it " in line:
        shell = ["script", "--quiet", "--return", "--command", line, "/dev/null"]
    typed = b"exit\n" if " -it " in line else b""
    done = subprocess.run(shell, cwd=tmp_path, input=typed, capture_output=True, env=env, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    told = [json.loads(text) for text in done.stderr.decode().splitlines() if text.startswith("{")]
    assert [document for document in told if "errors" in document] == []
    parts = re.split(r"\||;|&&|\n", line)
    assert any(part.split()[:1] == [name] for part in parts)
