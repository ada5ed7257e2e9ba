"""A service's `build` as what img-build is asked for."""

from __future__ import annotations

import os

from . import granted
from .positions import ComposeError, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..build.request import Request
    from ..build.wishes import Wishes
    from .ground import Ground

_SERVICE = "service:"


def request(
    ground: Ground, service: str, *, no_cache: bool = False, pull: bool = False, args: Sequence[str] = ()
) -> Request:
    """The request. Raises ComposeError for a key that img-build has no counterpart of."""
    from oci_spec import reference
    from oci_spec.platform import Platform

    from ..build import cache_options
    from ..build.request import Request
    from ..build.wishes import clock, pairs, provenance

    ctx, project = ground.ctx, ground.project
    path = ("services", service, "build")
    keys = project.service(service)
    build = keys["build"]
    if build.get("privileged"):
        where = (*path, "privileged")
        remedy = "a RUN asks for it by itself, and img-build --allow security.insecure lets it"
        raise ComposeError(place_at(project.model, where), where, "is not supported", remedy)
    wanted = _wishes(ground, build)
    wanted.all_fresh = no_cache or bool(build.get("no_cache"))
    wanted.policy = "always" if pull or build.get("pull") else "missing"
    found = Request(str(build["context"]), wanted, ground.write)
    found.file = _dockerfile(build)
    if "dockerfile_inline" in build:
        found.file = ".".join((*path, "dockerfile_inline"))
        found.written = str(build["dockerfile_inline"]).encode("utf-8", "surrogateescape")
    found.target = str(build.get("target") or "")
    found.build_args = {key: value for key, value in (build.get("args") or {}).items() if value is not None}
    found.build_args |= pairs(args, "--build-arg", ctx.env)
    platforms = list(build.get("platforms") or ()) or ([keys["platform"]] if keys.get("platform") else [])
    found.platforms = [Platform.parse(str(one), "platform") for one in platforms]
    found.names = [str(reference.parse(one)) for one in (project.image(service), *(build.get("tags") or ()))]
    found.labels = {key: str(value) for key, value in (build.get("labels") or {}).items()}
    found.cache_to = [cache_options.CacheTo(str(text)) for text in build.get("cache_to") or ()]
    found.cache_from = [cache_options.CacheFrom(str(text)) for text in build.get("cache_from") or ()]
    cache_options.check(found.cache_to, squash=False)
    found.sbom = bool(build.get("sbom"))
    proof = build.get("provenance")
    found.provenance = provenance("min" if proof is True else str(proof).removeprefix("mode=") if proof else None)
    wanted.clock = clock(None, ctx, found.build_args)
    return found


def _wishes(ground: Ground, build: Any) -> Wishes:
    """What the build section alone says of how steps are carried out. Raises ComposeError."""
    from ..build.wishes import Wishes, agents
    from ..registry.settings import Access

    ctx, project = ground.ctx, ground.project
    wanted = Wishes()
    wanted.allowed = set(map(str, build.get("entitlements") or ()))
    wanted.fresh = {str(one).lower() for one in build.get("no_cache_filter") or ()}
    wanted.settings = {**vars(ground.parse(["--", "image"])), **_settings(build)}
    wanted.network = str(build.get("network") or "")
    for name, value in (build.get("additional_contexts") or {}).items():
        text = str(value)
        other = project.image(text[len(_SERVICE) :]) if text.startswith(_SERVICE) else ""
        wanted.contexts[name.lower()] = f"docker-image://{other}" if other else text
    wanted.secrets = {
        str(one.get("target") or one["source"]): granted.content(ctx, project, "secrets", str(one["source"]))
        for one in build.get("secrets") or ()
    }
    wanted.agents = agents(["default" if one == "default" else str(one) for one in build.get("ssh") or ()], ctx.env)
    wanted.access = Access()
    return wanted


def _dockerfile(build: Any) -> str | None:
    named = build.get("dockerfile")
    context = str(build["context"])
    if named is None or named == "Dockerfile" or not os.path.isdir(context):
        return None if named == "Dockerfile" else named
    path = os.path.join(context, str(named))
    return path if os.path.exists(path) else str(named)


def _settings(build: Any) -> dict[str, object]:
    """The options of ctr-create for every RUN, by their names."""
    limits = (build.get("ulimits") or {}).items()
    found: dict[str, object] = {
        "add_host": [str(one).replace("=", ":", 1) for one in build.get("extra_hosts") or ()],
        "ulimit": [f"{name}={one['soft']}:{one['hard']}" for name, one in limits],
        "network": [str(build["network"])] if build.get("network") else [],
    }
    if build.get("shm_size"):
        found["shm_size"] = int(build["shm_size"])
    return found
