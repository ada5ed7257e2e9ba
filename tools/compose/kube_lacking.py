"""What a service or network says that no object of a cluster can say: a warning for each, never silence. Pure."""

from __future__ import annotations

from .kube_objects import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .kube_objects import Objects, Path

_MADE = frozenset((
    "annotations", "cap_add", "cap_drop", "command", "configs", "container_name", "cpus", "deploy", "dns", "dns_opt",
    "dns_search", "entrypoint", "environment", "expose", "extra_hosts", "gpus", "group_add", "healthcheck", "hostname",
    "image", "ipc", "labels", "links", "mem_limit", "mem_reservation", "network_mode", "networks", "pid", "platform",
    "ports", "post_start", "pre_start", "pre_stop", "privileged", "pull_policy", "read_only", "restart", "scale",
    "secrets", "security_opt", "shm_size", "stdin_open", "stop_grace_period", "sysctls", "tmpfs", "tty", "user",
    "volumes", "working_dir",
))  # fmt: skip
"""Keys that the other modules make something of, or warn of."""
_WHY: dict[str, tuple[str, str]] = {
    "build": ("is not done there: the image must be in a registry", "compose-build and compose-push"),
    "cgroup": ("has no counterpart", "a cluster decides"),
    "depends_on": (
        "has no counterpart: all starts at once, and what ends is started again",
        "let the process wait for what it needs",
    ),
    "develop": ("has no counterpart", "compose-watch is for one machine"),
    "device_cgroup_rules": ("has no counterpart", "a device plugin"),
    "devices": ("has no counterpart: a device is of one host", "a device plugin"),
    "external_links": ("has no counterpart", "write the other's name in the cluster"),
    "init": ("has no counterpart: the process is number 1", "put tini into the image"),
    "logging": ("has no counterpart", "a cluster keeps what containers say"),
    "pids_limit": ("has no counterpart", "a cluster's nodes have a limit for every pod"),
    "profiles": ("has no counterpart: it is always part of the application", ""),
    "runtime": ("has no counterpart", "a RuntimeClass of the cluster"),
    "stop_signal": ("has no counterpart: the image's is sent", "write STOPSIGNAL into the Dockerfile"),
    "ulimits": ("has no counterpart", "a cluster's nodes have limits for every pod"),
    "volumes_from": ("has no counterpart", "mount the same volume in both"),
}
_ANYHOW = (("cgroup", "private"), ("uts", "private"), ("userns_mode", "host"), ("isolation", "default"))
"""What is so of every pod."""


def warn(objects: Objects, *, jobs: set[str]) -> None:
    """Warns of all that no other module makes something of."""
    for name in objects.model["services"]:
        source = Source(objects, name)
        for key, value in source.keys.items():
            if key not in _MADE and not key.startswith("x-") and not _is_nothing(key, value):
                source.warn((key,), *_WHY.get(key, ("has no counterpart", "")))
        mode = str((source.keys.get("deploy") or {}).get("mode"))
        if mode.startswith("global"):
            source.warn(("deploy", "mode"), f"{mode} has no counterpart here: it is replicated", "a DaemonSet, by hand")
        if (source.keys.get("deploy") or {}).get("endpoint_mode"):
            source.warn(("deploy", "endpoint_mode"), "dnsrr has no counterpart here: the Service has an address", "")
        for key in ("delay", "window"):
            if ((source.keys.get("deploy") or {}).get("restart_policy") or {}).get(key):
                source.warn(
                    ("deploy", "restart_policy", key), "has no counterpart: the waits double from 10s up to 5m, and "
                    "begin anew after 10m"
                )
        _namespaces(source)
        _networks(source)
        restart = str(source.keys.get("restart") or "")
        if name in jobs and restart in ("always", "unless-stopped"):
            source.warn(_restart(source), f"{restart} has no counterpart: a Job is started again until it ends well")
        if name not in jobs and restart and restart not in ("always", "unless-stopped"):
            source.warn(_restart(source), f"{restart} has no counterpart: what ends is started again")
        if name in jobs:
            for key in ("ports", "expose"):
                if source.keys.get(key):
                    source.warn((key,), "has no counterpart: nobody finds a Job by its name")
    for key, one in (objects.model.get("networks") or {}).items():
        if key != "default" or any(part != "name" and not _is_nothing(part, one[part]) for part in one):
            objects.warn(
                ("networks", key), "has no counterpart: all pods reach one another", "a NetworkPolicy keeps them apart"
            )


def _is_nothing(key: str, value: Any) -> bool:
    """Whether a value says what holds anyhow."""
    return value is None or value is False or value in ("", [], {}) or (key, value) in _ANYHOW


def _restart(source: Source) -> Path:
    """Where a service says how it is restarted."""
    deploy = source.keys.get("deploy") or {}
    return ("restart",) if "restart" in source.keys.places else ("deploy", "restart_policy") if deploy else ("restart",)


def _namespaces(source: Source) -> None:
    """Namespaces of the host have a counterpart; those of other containers have none."""
    for key in ("network_mode", "ipc", "pid"):
        value = source.keys.get(key)
        if value and value not in ("host", "private") and (key, value) != ("network_mode", "bridge"):
            remedy = "put both into one service" if ":" in value else ""
            source.warn((key,), f"{value} has no counterpart: every pod has its own", remedy)


def _networks(source: Source) -> None:
    for network, one in (source.keys.get("networks") or {}).items():
        for key, value in one.items():
            if key != "aliases" and not key.startswith("x-") and not _is_nothing(key, value):
                source.warn(("networks", network, key), "has no counterpart")
