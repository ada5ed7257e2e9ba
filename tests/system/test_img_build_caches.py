"""img-build --cache-to and --cache-from: what one machine's builds came to, used by another's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builds import BUSYBOX, Builds
from commands import Commands
from images import Image
from registry import DockerRegistry

ONCE = "cat /proc/sys/kernel/random/uuid"
DOCKERFILE = f"""FROM busybox AS made
RUN {ONCE} > /made
FROM busybox AS base
RUN {ONCE} > /base
FROM base
ARG SECRET=none
COPY a /a
RUN true
COPY --from=made /made /
RUN {ONCE} > /when; echo $SECRET > /dev/null
"""
FILES: dict[str, str | bytes] = {"a": "a"}
SAME = DOCKERFILE.replace(f"{ONCE} > /made", "echo made > /made")
"""With a stage that comes to the same files again: it only gives some, and so is in no small cache."""


class Machines:
    """`make(name)`: another machine, whose store has busybox only."""

    def __init__(self, builds: Builds, place: Path, image: Image) -> None:
        self.builds = builds
        self.place = place
        self.image = image

    def make(self, name: str) -> Builds:
        root = self.place / name
        run: Commands = self.builds.run.on(OCIPIPE_ROOT=str(root))
        return Builds(run, root, self.builds.context, self.image)


@pytest.fixture
def machines(builds: Builds, tmp_path: Path, busybox_image: Image) -> Machines:
    return Machines(builds, tmp_path, busybox_image)


def test_in_a_registry(builds: Builds, machines: Machines, registry: DockerRegistry) -> None:
    name = f"{registry.address}/cache/steps:1"
    access = "--tls-verify=false"
    to, source = ["--cache-to", f"type=registry,ref={name},mode=max"], ["--cache-from", name]
    first = machines.make("first")
    image = first(DOCKERFILE, FILES, access, *to, *source, "--build-arg", "SECRET=hunter2")
    assert f"--cache-from {name}: goes without: " in first.said
    assert "hunter2" not in json.dumps(first.manifest(image)["layers"])

    second = machines.make("second")
    again = second(DOCKERFILE, None, access, *source, "--build-arg", "SECRET=hunter2")
    assert again == image
    assert all(second.cached())
    second.whole()
    assert second(DOCKERFILE, None, "--build-arg", "SECRET=hunter2") == image  # it is its own now
    assert all(second.cached())
    assert machines.make("third")(DOCKERFILE, None, access, "--no-cache", *source) != image
    found = json.loads(builds.run.shell(f"img-pull {access} {name} | img-inspect").out.splitlines()[0])
    assert "hunter2" not in json.dumps(found)


def test_in_a_directory(machines: Machines, tmp_path: Path) -> None:
    place = tmp_path / "kept"
    first = machines.make("first")
    image = first(DOCKERFILE, FILES, "--cache-to", f"type=local,dest={place}")
    assert json.loads((place / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    second = machines.make("second")
    second(DOCKERFILE, None, "--cache-from", f"type=local,src={place}")
    assert sorted(second.cached()) == sorted([False, True, True, True, False, False])
    assert second.content(image | {"digest": second(DOCKERFILE)["digest"]}, "base") == first.content(image, "base")

    index = json.loads((place / "index.json").read_text())
    manifest = place / "blobs" / "sha256" / index["manifests"][0]["digest"].removeprefix("sha256:")
    layer = place / "blobs" / "sha256" / json.loads(manifest.read_text())["layers"][0]["digest"].removeprefix("sha256:")
    layer.write_bytes(bytes(layer.stat().st_size))
    third = machines.make("third")
    third(DOCKERFILE, None, "--cache-from", f"type=local,src={place}")
    assert "a step of --cache-from is carried out after all: " in third.said
    assert third.run("store-check", "--deep").documents == []
    third(DOCKERFILE, None, "--cache-from", f"type=local,src={tmp_path / 'no'}", "--no-cache")
    assert "goes without: " in third.said


def test_in_the_image(builds: Builds, machines: Machines, registry: DockerRegistry) -> None:
    name = f"{registry.address}/cache/app:1"
    first = machines.make("first")
    plain = first(SAME, FILES)
    image = first(SAME, None, "--cache-to", "type=inline", "-t", "app")
    assert first.manifest(image)["config"] == first.manifest(plain)["config"]
    first.run("img-push", "--tls-verify=false", "app", name)
    second = machines.make("second")
    again = second(SAME, None, "--cache-from", f"type=registry,ref={name}", "--tls-verify=false")
    assert sorted(second.cached()) == [False, True, True, True, True, True]
    assert again["digest"] == plain["digest"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cache-to", "type=gha"], "--cache-to type=gha: type=gha is not known (use type=registry, local or inline)"),
        (["--cache-to", "type=local"], "--cache-to type=local: names no directory (add dest=DIRECTORY)"),
        (["--cache-to", "type=local,dest=d,mode=most"], "mode=most is none"),
        (["--cache-to", "type=local,dest=d,compression=zstd"], "type=local has no compression"),
        (["--cache-to", "type=registry,ref=a,oci-mediatypes=false"], "oci-mediatypes=false is not written"),
        (["--cache-to", "type=registry"], "names no image"),
        (["--cache-to", "type=inline,mode=max"], "type=inline has no mode"),
        (["--cache-to", "type=inline", "--squash"], "a squashed image has no layers of steps"),
        (["--cache-from", "type=inline"], "an image with its cache is in a registry (write type=registry,ref=NAME)"),
        (["--cache-from", "type=local,src=d,mode=max"], "type=local has no mode"),
        (["--cache-from", "type=s3,bucket=b"], "type=s3 is not known"),
    ],
)
def test_what_is_refused(run: Commands, options: list[str], message: str, tmp_path: Path) -> None:
    (error,) = run("img-build", *options, tmp_path, status=2).errors
    assert message in error["message"]


def test_a_place_that_cannot_be_written(builds: Builds) -> None:
    (builds.context / "file").write_text("no directory")
    place = f"type=local,dest={builds.context}"
    message = builds.refused(f"FROM {BUSYBOX}\nRUN true\n", None, "--cache-to", place)
    assert "holds something else than an image layout" in message
    builds(f"FROM {BUSYBOX}\nRUN true\n", None, "--cache-to", f"{place},ignore-error=true")
    assert "holds something else than an image layout" in builds.said
