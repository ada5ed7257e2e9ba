"""Dockerfiles in tests: text in, plans and steps out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oci_spec.platform import Platform
from ocipipe.build.dockerfile import Dockerfile, parse
from ocipipe.build.meaning import Scope
from ocipipe.build.plan import Plan, plan
from ocipipe.build.steps import Copy, Mount, Run, Step

HERE = Platform("linux", "amd64")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def read(text: str | bytes) -> Dockerfile:
    return parse(text.encode() if isinstance(text, str) else text)


def planned(
    text: str, build_args: Mapping[str, str] | None = None, *, target: str = "", platform: Platform = HERE,
    contexts: tuple[str, ...] = (),
) -> Plan:  # fmt: skip
    return plan(
        read(text), target=target, build_args=build_args, platform=platform, build_platform=HERE, contexts=contexts
    )


def carried_out(
    found: Plan, bases: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[int, tuple[Scope, list[Step]]]:
    """Scope at its end and steps of each stage that is needed, by its number. `bases`: configs of base images."""
    done: dict[int, tuple[Scope, list[Step]]] = {}
    for stage in found.stages:
        base = done[stage.base][0] if isinstance(stage.base, int) else (bases or {}).get(stage.base, {})
        scope = Scope(stage, found, base)
        steps = [scope.step(one) for one in [*scope.triggers(), *stage.instructions]]
        done[stage.index] = scope, [step for step in steps if step is not None]
    return done


def last(
    text: str, build_args: Mapping[str, str] | None = None, bases: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Scope, list[Step]]:
    """Scope and steps of the last stage; a text without FROM is one on scratch."""
    whole = text if "FROM" in text else f"FROM scratch\n{text}"
    found = planned(whole, build_args)
    return carried_out(found, bases)[found.target.index]


def config_of(text: str, base: Mapping[str, Any] | None = None, **build_args: str) -> dict[str, Any]:
    """The config that instructions make of a base image's."""
    scope, _ = last(f"FROM base\n{text}", build_args, {"base": base or {}})
    return dict(scope.config)


def fields(value: object) -> dict[str, Any]:
    """What a step or a mount says otherwise than by default, without its place."""
    names = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()) if name != "place"]
    found = {name: getattr(value, name) for name in sorted(names)}
    if isinstance(value, (Run, Copy)):
        found["files"] = {file.name: file.content.decode() for file in value.files}
    if isinstance(value, Run):
        found["mounts"] = [fields(mount) for mount in value.mounts]
        found["stdin"] = value.stdin.decode()
    plain = {"network": "default", "security": "sandbox", "sharing": "shared"}
    kept = ("kind",) if isinstance(value, Mount) else ()
    nothing = ("", [], {}, None, False, 0)
    return {k: v for k, v in found.items() if k in kept or (v not in nothing and plain.get(k) != v)}
