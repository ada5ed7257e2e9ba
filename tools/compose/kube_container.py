"""The container of a pod: its process, limits, rights and probes, as the service has them. Pure."""

from __future__ import annotations

from . import kube_rights
from .kube_objects import label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .kube_objects import Path, Source

_PULL = {"always": "Always", "missing": "IfNotPresent", "build": "IfNotPresent", "never": "Never"}
_INTERVAL, _RETRIES, _START_INTERVAL = "30s", 3, "5s"
"""What a health check has that says nothing else (compose-spec, 05-services.md, as Docker has it)."""
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_OF_STEP = ("imagePullPolicy", "workingDir", "env", "resources", "volumeMounts")
_UNITS = (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10))


def container(source: Source, ports: list[dict[str, Any]], mounts: list[dict[str, Any]]) -> dict[str, Any]:
    """The container (Kubernetes API, core/v1, Container), with the ports and mounts that it is to have."""
    keys = source.keys
    made: dict[str, Any] = {"name": source.name, "image": source.objects.project.image(source.service)}
    made |= _pull(source) | _process(source)
    environment = _variables(source, source.keys.get("environment") or {}, ("environment",))
    for key, value in (
        ("env", environment), ("ports", ports), ("resources", _resources(source)), ("volumeMounts", mounts),
        ("securityContext", kube_rights.of_container(source)), ("lifecycle", _hooks(source)),
    ):  # fmt: skip
        if value:
            made[key] = value
    made |= _probes(source)
    for key, other in (("stdin_open", "stdin"), ("tty", "tty")):
        if keys.get(key):
            made[other] = True
    return made


def steps(source: Source, before: dict[str, Any]) -> list[dict[str, Any]]:
    """The init containers (as above) that the steps of pre_start become: like `before`, the service's own container,
    but for what a step says otherwise. They run before every start of a pod."""
    found = []
    for number, step in enumerate(source.keys.get("pre_start") or ()):
        path: Path = ("pre_start", number)
        if not step.get("per_replica"):
            source.warn(path, "is done in every pod there, and whenever one is started anew", "or write a Job")
        made = {key: before[key] for key in _OF_STEP if key in before}
        made |= {"name": label(f"{source.name}-step-{number + 1}"), "image": str(step.get("image") or before["image"])}
        made["args"] = [literal(str(word)) for word in step["command"]]
        said = _variables(source, step.get("environment") or {}, (*path, "environment"))
        names = {one["name"] for one in said}
        if said:
            made["env"] = [*(one for one in before.get("env") or () if one["name"] not in names), *said]
        if step.get("working_dir"):
            made["workingDir"] = step["working_dir"]
        rights = {**(before.get("securityContext") or {}), **kube_rights.of_step(source, step, path)}
        if rights:
            made["securityContext"] = rights
        found.append(made)
    return found


def amount(size: int) -> str:
    """Bytes as Kubernetes writes them, in the greatest unit that they are a whole number of."""
    return next((f"{size // length}{unit}" for unit, length in _UNITS if size and size % length == 0), str(size))


def literal(text: str) -> str:
    """A text in which Kubernetes finds none of its $(VARIABLE)."""
    return text.replace("$", "$$") if "$(" in text or "$$" in text else text


def _pull(source: Source) -> dict[str, str]:
    policy = source.keys.get("pull_policy")
    if policy is None:
        return {}
    if policy not in _PULL:
        source.warn(("pull_policy",), f"{policy} has no counterpart, and is always there")
    return {"imagePullPolicy": _PULL.get(policy, "Always")}


def _process(source: Source) -> dict[str, Any]:
    """The words that run. An empty list is the same as none to Kubernetes, which then takes the image's."""
    made: dict[str, Any] = {}
    entrypoint, command = source.keys.get("entrypoint"), source.keys.get("command")
    if entrypoint == [] and command:
        entrypoint, command = command, None
    elif entrypoint == []:
        source.warn(("entrypoint",), "cannot be taken away: the image's is run", "write the whole command")
    elif command == [] and not entrypoint:
        source.warn(("command",), "cannot be taken away: the image's is run", "write an entrypoint")
    for key, words in (("command", entrypoint), ("args", command)):
        if words:
            made[key] = [literal(str(word)) for word in words]
    if source.keys.get("working_dir"):
        made["workingDir"] = source.keys["working_dir"]
    return made


def _variables(source: Source, values: Mapping[str, Any], path: Path) -> list[dict[str, str]]:
    made = []
    for name, value in values.items():
        if value is None:
            source.warn((*path, name), "has no value, and the image's cannot be taken away")
        elif not name or not _NAME.issuperset(name) or name[0].isdigit():
            source.warn((*path, name), "is no name for a variable there, and left out")
        else:
            made.append({"name": name, "value": literal(str(value))})
    return made


def _resources(source: Source) -> dict[str, dict[str, str]]:
    keys = source.keys
    deploy = (keys.get("deploy") or {}).get("resources") or {}
    reserved = deploy.get("reservations") or {}
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}
    for limit, key, found in ((limits, "cpu", keys.get("cpus")), (requests, "cpu", reserved.get("cpus"))):
        if found and float(found):
            limit[key] = f"{max(round(float(found) * 1000), 1)}m"
    for limit, found in ((limits, keys.get("mem_limit")), (requests, keys.get("mem_reservation"))):
        if found and found > 0:
            limit["memory"] = amount(found)
    for path, devices in (
        (("gpus",), keys.get("gpus")),
        (("deploy", "resources", "reservations", "devices"), reserved.get("devices")),
    ):
        for number, one in enumerate(devices or ()):
            count = one.get("count", -1)
            plain = one.get("driver", "nvidia") in ("nvidia", "") and not (one.get("device_ids") or one.get("options"))
            if plain and count > 0:
                limits["nvidia.com/gpu"] = str(count)
            else:
                source.warn((*path, number), "has no counterpart but a count of NVIDIA's", "write count")
    return {key: value for key, value in (("limits", limits), ("requests", requests)) if value}


def _hooks(source: Source) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, hook in (("post_start", "postStart"), ("pre_stop", "preStop")):
        for number, one in enumerate(source.keys.get(key) or ()):
            path: Path = (key, number)
            if number:
                source.warn(path, "is left out: there is one such hook to a container", "join their commands")
                continue
            made[hook] = {"exec": {"command": [str(word) for word in one["command"]]}}
            for other in ("user", "privileged", "working_dir", "environment"):
                if one.get(other):
                    source.warn((*path, other), "has no counterpart: a hook runs as the container does")
    return made


def _probes(source: Source) -> dict[str, Any]:
    """A health check as readiness and liveness probe; with a start_period, a startup probe that keeps both waiting."""
    check = source.keys.get("healthcheck") or {}
    if not check or check.get("disable"):
        return {}
    if not check.get("test"):
        source.warn(("healthcheck",), "has no test, and that of the image is not known there", "write test")
        return {}
    kind, *words = [str(word) for word in check["test"]]
    command = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words

    def seconds(key: str, default: str) -> int:
        text = str(check.get(key) or default)
        path = ("healthcheck", key)
        return source.seconds(text, path) or source.seconds(default, path)

    retries = int(check.get("retries") or _RETRIES)
    probe = {
        "exec": {"command": [literal(word) for word in command]}, "periodSeconds": seconds("interval", _INTERVAL),
        "timeoutSeconds": seconds("timeout", _INTERVAL), "failureThreshold": retries,
    }  # fmt: skip
    made = {"readinessProbe": probe, "livenessProbe": probe}
    start = source.seconds(str(check.get("start_period") or "0s"), ("healthcheck", "start_period"))
    if start:
        period = seconds("start_interval", _START_INTERVAL)
        made["startupProbe"] = {
            **probe, "periodSeconds": period, "failureThreshold": -(-start // period) + retries,
        }  # fmt: skip
    return made
