"""A compose project as manifests for Kubernetes, each checked against Kubernetes' own schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kubernetes_validate
from composing import loaded, written

from oci_spec import validate
from ocipipe.compose import kube

VERSIONS = ("1.33.0", kubernetes_validate.latest_version())
"""The first Kubernetes that has all that we write, and the last that the schemas are there for."""
GOOD: set[str] = set()
"""Manifests that the schemas took: reading those takes 20 ms a manifest."""
TOP = """
volumes: {data: , files: , theirs: {external: true}}
secrets: {token: {file: ./token}, gone: {external: true, name: their-token}, key: {environment: KEY}}
configs: {site: {content: hello}, raw: {file: ./raw}}
networks: {back: }
"""


class Made:
    """The manifests of a file, each as KIND/NAME, and what was told, without the place of each key."""

    def __init__(self, text: str, *services: str, env: dict[str, str] | None = None, **options: Any) -> None:
        written(Path.cwd(), {"compose.yaml": text})
        self.told: list[str] = []
        self.all = kube.manifests(loaded(env=env), services, tell=self.told.append, **options)
        self.objects = {f"{one['kind']}/{one['metadata']['name']}": one for one in self.all}
        assert len(self.objects) == len(self.all)
        for one in self.all:
            validate.check("kube", one, "it")
            assert validate.detect(one) == "kube"
            text = json.dumps(one)
            if text not in GOOD:
                kubernetes_validate.validate(one, VERSIONS[-1], strict=True)
                GOOD.add(text)

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.objects[name]

    @property
    def keys(self) -> list[str]:
        """The keys that were told of."""
        return [one.split(": ", 2)[1].removeprefix("services.web.") for one in self.told]


def service(keys: str, more: str = "") -> Made:
    """A project whose service web has these keys."""
    lines = "\n".join(f"    {line}" for line in keys.splitlines())
    return Made(f"services:\n  web:\n    image: app\n{lines}\n{more}\n{TOP}", env={"KEY": "k"})


def workload(made: Made) -> dict[str, Any]:
    return next(one for name, one in made.objects.items() if name.split("/")[0] in ("Deployment", "StatefulSet", "Job"))


def pod(made: Made) -> Any:
    return workload(made)["spec"]["template"]["spec"]
