"""Builds of small Dockerfiles with our img-build, and what came of them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from cli_world import Outcome
from commands import Commands
from damage import blob
from images import Image

BUSYBOX = "docker.io/library/busybox:latest"


class Builds:
    """`builds(dockerfile, files)` builds in a directory of its own; the image's descriptor. Nothing is waited for from
    a network: RUN has none, unless options say otherwise."""

    def __init__(self, run: Commands, root: Path, place: Path, image: Image) -> None:
        self.run = run
        self.root = root
        self.context = place
        self.said = ""
        self.image = image
        place.mkdir(exist_ok=True)
        image.into_store(root, BUSYBOX)

    def write(self, dockerfile: str, files: dict[str, str | bytes] | None = None) -> Path:
        """The context with a Dockerfile and these files."""
        for name, data in {"Dockerfile": dockerfile, **(files or {})}.items():
            path = self.context / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        return self.context

    def __call__(
        self, dockerfile: str, files: dict[str, str | bytes] | None = None, *options: str | Path, **settings: Any
    ) -> dict[str, Any]:
        done = self.outcome(dockerfile, files, *options, **settings)
        (found,) = done.documents
        return dict(found)

    def outcome(
        self, dockerfile: str, files: dict[str, str | bytes] | None = None, *options: str | Path, **settings: Any
    ) -> Outcome:
        context = self.write(dockerfile, files)
        network = [] if "--network" in options else ["--network", "none"]
        done = self.run("img-build", "--progress", "plain", *network, *options, context, **settings)
        self.said = done.err.decode()
        return done

    def refused(self, dockerfile: str, files: dict[str, str | bytes] | None = None, *options: str | Path) -> str:
        """The one message of a build that fails."""
        done = self.outcome(dockerfile, files, *options, status=None)
        assert done.status in (1, 2), (done.status, done.err)
        assert done.out == b""
        (error,) = json.loads(done.err.splitlines()[-1])["errors"]
        assert error["code"] != "INTERNAL", error
        return str(error["message"])

    def cached(self) -> list[bool]:
        """Of each step that the last build told of, whether it came from the cache."""
        lines = [line for line in self.said.splitlines() if line.startswith("[") and "] FROM " not in line]
        return [line.endswith(": CACHED") for line in lines]

    def manifest(self, image: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(blob(self.root, image["digest"]).read_bytes())
        return found

    def config(self, image: dict[str, Any]) -> dict[str, Any]:
        digest = self.manifest(image)["config"]["digest"]
        found: dict[str, Any] = json.loads(blob(self.root, digest).read_bytes())
        return found

    def layers(self, image: dict[str, Any]) -> list[tarfile.TarFile]:
        """The layers that the build has added to busybox, or to nothing."""
        base = {layer["digest"] for layer in self.image.document["layers"]}
        digests = [layer["digest"] for layer in self.manifest(image)["layers"]]
        return [tarfile.open(blob(self.root, one)) for one in digests if one not in base]

    def tree(self, image: dict[str, Any]) -> dict[str, tarfile.TarInfo]:
        """Every file of the image but its root, by its path without a slash before it."""
        return {member.name.removeprefix("./"): member for member in self._archive(image) if member.name != "."}

    def content(self, image: dict[str, Any], path: str) -> bytes:
        archive = self._archive(image)
        for member in archive:
            if member.name.removeprefix("./") == path:
                file = archive.extractfile(member)
                assert file is not None
                return file.read()
        raise KeyError(path)

    def _archive(self, image: dict[str, Any]) -> tarfile.TarFile:
        data = self.run("img-export", image["digest"]).out
        return tarfile.open(fileobj=io.BytesIO(data))

    def whole(self) -> None:
        """The store is sound, each layer is what its blob says, and nothing is left of any build."""
        assert self.run("store-check", "--deep").documents == []
        left = [*self.root.glob("build/making/*"), *self.root.glob("build/locks/*")]
        left += [path for path in self.root.glob("containers/*") if path.name not in ("names", "rm")]
        assert left == []
