"""The same Dockerfile built by us and by buildah: every file of the tree, and the image's config.

What differs is listed here, with the reason. Times do: ours are no later than the base's, buildah's are the clock's.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builds import BUSYBOX, Builds
from peers import call

Buildah = Callable[..., tuple[dict[str, Any], dict[str, Any]]]
"""Builds the context of some Builds; what is in the image, and its config."""


@pytest.fixture
def buildah(builds: Builds, tmp_path: Path) -> Iterator[Buildah]:
    """buildah with a storage of its own, which has busybox."""
    with tempfile.TemporaryDirectory(prefix="buildah-") as directory:
        argv = ["buildah", "--root", f"{directory}/root", "--runroot", f"{directory}/run", "--storage-driver", "vfs"]
        layout = builds.image.write_layout(tmp_path / "base-layout")
        (name,) = call(*argv, "pull", "-q", f"oci:{layout}").decode().split()
        call(*argv, "tag", name, BUSYBOX)

        def build() -> tuple[dict[str, Any], dict[str, Any]]:
            limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
            call(*argv, "bud", "-q", "--isolation", "chroot", *limits, "-t", "built", builds.context)
            call(*argv, "push", "-q", "built", f"oci-archive:{tmp_path / 'built'}:localhost/by/buildah:1")
            (image,) = builds.run("img-load", "-i", tmp_path / "built").documents
            return tree(builds, image), builds.config(image)

        yield build
        subprocess.run([*argv, "rmi", "-a", "-f"], check=True, capture_output=True)


def tree(builds: Builds, image: dict[str, Any]) -> dict[str, Any]:
    """Of every file all but its times."""
    data = builds.run("img-export", image["digest"]).out
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            attributes = {name: value for name, value in member.pax_headers.items() if name.startswith("SCHILY.xattr")}
            found[member.name.removeprefix("./")] = (
                member.type, oct(member.mode), member.uid, member.gid, member.linkname, member.devmajor,
                member.devminor, attributes, file.read() if file else b"",
            )  # fmt: skip
    return found


def difference(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        name: (ours.get(name), theirs.get(name))
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    }


CONFIG = ("Cmd", "Entrypoint", "Env", "ExposedPorts", "Labels", "StopSignal", "User", "Volumes", "WorkingDir")


def parameters(config: dict[str, Any]) -> dict[str, Any]:
    found = {name: config["config"].get(name) for name in CONFIG}
    labels = {key: value for key, value in (found["Labels"] or {}).items() if key != "io.buildah.version"}
    return {**found, "Labels": labels}


FILES: dict[str, str | bytes] = {
    "app/main.sh": "#!/bin/sh\necho hello\n", "app/data/one": "1", "app/data/two": "2", "single": "s",
    ".dockerignore": "*.log\n", "noise.log": "x", "app/data/three.log": "kept: the pattern is of the root",
}  # fmt: skip
APPLICATION = """ARG TAG=latest
FROM busybox:$TAG AS made
WORKDIR /src
COPY app .
RUN chmod 750 main.sh && ln main.sh hard && ln -s main.sh soft && mkfifo pipe && rm /etc/group && mkdir -p /a/b/c
RUN echo $0 > /shell && rm -r /home/app && mkdir /home/app && chown 7:8 /home/app && chmod 2775 /home/app
FROM busybox
ENV A=1 B="two words"
ENV C=$A
LABEL one=1 two="2"
EXPOSE 80 53/udp
VOLUME /data
STOPSIGNAL SIGINT
COPY --from=made /src /app
COPY --from=made /a /shell /from/
COPY single app/data/one /multi/
COPY . /context/
COPY --chown=app:extra app /owned/
COPY --chown=77 single /owned/number
COPY --chmod=0600 single /mode
USER app
WORKDIR /srv/deep
RUN id -u > /tmp/id; echo "$A $B $C" > /tmp/env; pwd > /tmp/pwd
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["echo run"]
"""


EXTRA: dict[str, str] = {
    "data": "a volume's directory: we leave it to whoever runs a container",
    "run": "a mount point of buildah's own",
    "etc/hostname": "likewise", "etc/hosts": "likewise", "etc/resolv.conf": "likewise",
}  # fmt: skip
"""What buildah alone has in the image, and why."""


def test_an_application(builds: Builds, buildah: Buildah) -> None:
    builds.write(APPLICATION, FILES)
    (builds.context / "app" / "main.sh").chmod(0o755)
    (builds.context / "app" / "data").chmod(0o700)
    (builds.context / "app" / "link").symlink_to("data/one")
    image = builds(APPLICATION)
    theirs, their_config = buildah()
    found = difference(tree(builds, image), theirs)
    assert found.keys() <= EXTRA.keys(), found
    assert all(ours is None for ours, _ in found.values())
    assert parameters(builds.config(image)) == parameters(their_config)


ARCHIVES = """FROM scratch
ADD one.tar /unpacked/
ADD one.tar.gz /
ADD plain.txt /files/
COPY one.tar /files/
CMD ["/bin/x"]
"""


def test_archives(builds: Builds, buildah: Buildah) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, mode, link in (
            ("d", tarfile.DIRTYPE, 0o750, ""), ("d/f", tarfile.REGTYPE, 0o4755, ""),
            ("l", tarfile.SYMTYPE, 0o777, "d/f"),
        ):  # fmt: skip
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid, member.gid, member.linkname = kind, mode, 5, 6, link
            archive.addfile(member)
    gzipped = subprocess.run(["gzip", "-nc"], input=out.getvalue(), check=True, capture_output=True).stdout
    builds.write(ARCHIVES, {"one.tar": out.getvalue(), "one.tar.gz": gzipped, "plain.txt": "plain"})
    image = builds(ARCHIVES)
    theirs, their_config = buildah()
    assert difference(tree(builds, image), theirs) == {}
    assert parameters(builds.config(image))["Cmd"] == parameters(their_config)["Cmd"]
