"""img-build makes real applications: what their Dockerfiles say is what people write, and what is made runs.

They stand on one Debian, in one store, and reach Debian's mirror and the package index as this host does: by the names
and the certificates that it has.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builds import Builds
from commands import Commands
from damage import blob
from images import Image
from rootfs import libraries

from ocipipe.host import mounts, trees

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
APT = (
    "--mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt,sharing=locked "
    "DEBIAN_FRONTEND=noninteractive"
)
PYTHON = f"""FROM debian:bookworm
RUN echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/unsafe-io
RUN {APT} apt-get update -q && apt-get install -qy --no-install-recommends python3-pip tcc libc6-dev
RUN ln -s python3 /usr/bin/python
ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PATH=/usr/local/bin:/usr/sbin:/usr/bin
"""
PIP = f"--mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=ca,target={CERTIFICATES},mode=0444"
REQUIREMENTS = "idna==3.10\n"
PROGRAM = 'import idna\nprint(idna.encode("bücher.example").decode())\n'
PRINTED = b"xn--bcher-kva.example\n"


class Apps(Builds):
    """Builds that reach the package registries."""

    def build(self, name: str, dockerfile: str, files: dict[str, str | bytes] | None = None, *more: str) -> Any:
        """One application in a context of its own, under its name."""
        self.context = self.context.parent / name.replace(":", "-")
        self.context.mkdir()
        proxies = [f"{key}={value}" for key, value in os.environ.items() if key.lower().endswith("_proxy")]
        options = ["--network", "outside", "-t", name, *(word for one in proxies for word in ("--build-arg", one))]
        if os.path.exists(CERTIFICATES):
            options += ["--secret", f"id=ca,src={CERTIFICATES}"]
        return self(dockerfile, files, *options, *more)


@pytest.fixture(scope="module")
def apps(
    programs: Path, tmp_path_factory: pytest.TempPathFactory, busybox_image: Image, debian_image: Image
) -> Iterator[Apps]:
    place = tmp_path_factory.mktemp("apps")
    root = place / "store"
    env = {
        "PATH": os.environ["PATH"], "HOME": str(place), "LANG": "C.UTF-8", "OCIPIPE_ROOT": str(root),
        "OCIPIPE_RUN_ROOT": str(place / "run"), "OCIPIPE_NETWORK": "none",
    }  # fmt: skip
    debian_image.into_store(root, "docker.io/library/debian:bookworm")
    subnet = f"10.123.{os.getpid() % 256}.0/24"  # not that of other tests' default network
    Commands(programs, env)("net-create", "outside", "--subnet", subnet)
    made = Apps(Commands(programs, env), root, place / "context", busybox_image)
    yield made
    assert made.run("store-check").documents == []
    left = mounts.mounted_under(str(root))
    mounts.unmount_under(str(root))
    trees.remove_tree(str(root))
    assert left == []


@pytest.fixture(scope="module")
def python(apps: Apps) -> Any:
    """Debian with apt-get install, of a C compiler too: what the other images stand on as `python`."""
    return apps.build("python", PYTHON)


def test_debian_with_packages(apps: Apps, python: Any) -> None:
    """None of its files is younger than its base, and what apt has kept is in the mounts."""
    script = "pip3 --version; find /usr /var -newermt @1700000000; find /var/lib/apt /var/cache/apt -type f"
    done = apps.run("ctr-run", "--rm", "--read-only", "python", "sh", "-c", script).out.decode().splitlines()
    assert done[0].startswith("pip ")
    assert done[1:] == []
    (twice,) = apps.run("img-build", "--network", "outside", apps.context, "-t", "python").documents
    assert twice == python


def test_the_seed_example(apps: Apps, python: Any) -> None:
    dockerfile = (
        f"FROM python\nWORKDIR /app\nCOPY requirements.txt ./\nRUN {PIP} pip install -r requirements.txt\n"
        'COPY . .\nCMD ["python", "app.py"]\n'
    )
    files: dict[str, str | bytes] = {
        "requirements.txt": REQUIREMENTS, "app.py": PROGRAM, "notes.md": "none",
        ".dockerignore": "*.md\nDockerfile\n.dockerignore\n",
    }  # fmt: skip
    index = apps.build("app:1", dockerfile, files, "--sbom")
    _, about = json.loads(blob(apps.root, index["digest"]).read_bytes())["manifests"]
    assert apps.run("ctr-run", "--rm", "app:1").out == PRINTED
    assert apps.run("ctr-run", "--rm", "app:1", "ls", "/app").out.split() == [b"app.py", b"requirements.txt"]
    told = json.loads(blob(apps.root, apps.manifest(about)["layers"][0]["digest"]).read_bytes())
    urls = {one["externalRefs"][0]["referenceLocator"].partition("?")[0] for one in told["predicate"]["packages"][1:]}
    assert "pkg:pypi/idna@3.10" in urls
    assert any(url.startswith("pkg:deb/debian/python3-pip@") for url in urls)
    (apps.context / "app.py").write_text(PROGRAM.replace("bücher", "müller"))
    apps(dockerfile, None, "-t", "app:2", "--network", "outside")
    assert apps.cached() == [True, True, True, False]
    assert apps.run("ctr-run", "--rm", "app:2").out == b"xn--mller-kva.example\n"


def test_a_python_application_of_several_stages(apps: Apps, python: Any) -> None:
    apps.build(
        "service",
        "ARG PYTHON=python\nFROM ${PYTHON} AS build\nCOPY requirements.txt /\n"
        f"RUN {PIP} pip install --no-compile --target /deps -r /requirements.txt\n"
        "FROM build AS test\nCOPY app.py /\nRUN PYTHONPATH=/deps python /app.py | grep -q xn--\n"
        "FROM python\nRUN useradd --uid 1000 --no-log-init app\n"
        "COPY --from=build --chown=app:app /deps /deps\nCOPY --from=test --chmod=0555 /app.py /srv/app.py\n"
        'ENV PYTHONPATH=/deps PYTHONDONTWRITEBYTECODE=1\nUSER app\nENTRYPOINT ["python", "/srv/app.py"]\n',
        {"requirements.txt": REQUIREMENTS, "app.py": PROGRAM},
    )  # fmt: skip
    assert apps.run("ctr-run", "--rm", "--read-only", "service").out == PRINTED
    done = apps.run("ctr-run", "--rm", "--entrypoint", "stat", "service", "-c", "%u %a", "/deps/idna", "/srv/app.py")
    assert done.out == b"1000 755\n0 555\n"


def test_c_from_one_stage_into_another(apps: Apps, python: Any) -> None:
    image = apps.build(
        "hello",
        "FROM python AS compiler\nFROM compiler AS made\nRUN --mount=type=bind,target=/src <<EOF\nset -e\n"
        "tcc -o /hello /src/hello.c\n/hello from the build\nEOF\n"
        'FROM debian:bookworm\nCOPY --from=made /hello /\nENTRYPOINT ["/hello"]\nCMD ["world"]\n',
        {"hello.c": '#include <stdio.h>\nint main(int n, char **w) { printf("hello %s\\n", w[n - 1]); return 0; }\n'},
    )
    (layer,) = [one.getnames() for one in apps.layers(image)[1:]]
    assert layer == ["hello"]
    assert apps.run("ctr-run", "--rm", "hello").out == b"hello world\n"


def test_busybox_from_nothing(apps: Apps) -> None:
    program = shutil.which("busybox")
    assert program
    files: dict[str, str | bytes] = {f"root{name}": Path(name).read_bytes() for name in libraries(program)}
    files["root/bin/busybox"] = Path(program).read_bytes()
    image = apps.build(
        "tools",
        'FROM scratch\nCOPY --chmod=0755 root/ /\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
        "RUN mkdir -m 1777 /tmp && adduser -D -u 7 user 2>&1 || echo user:x:7:7::/:/bin/sh > /etc/passwd\n"
        'USER user\nCMD ["sh", "-c", "id -u; ls /bin | wc -l"]\n', files,
    )  # fmt: skip
    assert apps.tree(image)["bin/ls"].linkname == "/bin/busybox"
    number, count = apps.run("ctr-run", "--rm", "tools").out.split()
    assert (number, int(count) > 100) == (b"7", True)
