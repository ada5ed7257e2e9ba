"""A service's keys, each with the form that its value is brought to (compose-spec, 05-services.md, build.md, deploy.md,
develop.md). What is not in the table is taken as it stands; the schema knows every key."""

from __future__ import annotations

from . import forms, mounts, ports
from .forms import (
    command,
    duration,
    fields,
    flag,
    items,
    labels,
    members,
    number,
    numeral,
    size,
    variables,
    whole,
    words,
)
from .positions import Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .forms import Form, Where

CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


def depends_on(value: Any, where: Where) -> Any:
    """Service to what is waited for: {condition, required, restart}."""
    if isinstance(value, Sequence):
        value = _named(value)
    return _DEPENDENCIES(value, where)


def _named(value: Sequence) -> Any:
    """A list of names as a mapping of them to nothing; as it is where it holds something else."""
    if not all(isinstance(one, str) for one in value):
        return value
    new = Mapping(value.place)
    for position, name in enumerate(value):
        new.put(name, Mapping(value.place_of(position)), value.place_of(position))
    return new


def _dependency(value: Any, where: Where) -> Any:
    new = fields({"restart": flag, "required": flag})(value, where)
    if isinstance(new, Mapping):
        new.setdefault("condition", "service_started")
        new.setdefault("required", True)
        if new.get("restart") is False:
            new.drop("restart")
    return new


_DEPENDENCIES = members(_dependency, empty=True)


def networks(value: Any, where: Where) -> Any:
    """Network to the service's attachment: {} or {aliases, ipv4_address, …}."""
    if isinstance(value, Sequence):
        value = _named(value)
    return _NETWORKS(value, where)


_NETWORKS = members(
    fields({"driver_opts": forms.options, "priority": whole, "gw_priority": whole, "aliases": words}), empty=True
)


def _host(item: Any, where: Where) -> Any:
    if not isinstance(item, str) or where.unknown(item):
        return item
    host, mark, address = item.partition("=" if "=" in item else ":")
    if not mark or not host or not address:
        raise where.refuse(f"{item!r} is no host with its address", 'like "db=10.0.0.2"')
    return f"{host}={address.strip('[]')}"


def extra_hosts(value: Any, where: Where) -> Any:
    """A list of `HOST=ADDRESS`."""
    new = Sequence(where.place)
    if isinstance(value, Mapping):
        for host, addresses in value.items():
            for address in addresses if isinstance(addresses, Sequence) else [addresses]:
                new.put(f"{host}={address}", value.place_of(host))
        return new
    if not isinstance(value, Sequence):
        return value
    for position, item in enumerate(value):
        new.put(_host(item, where.at(position, value.place_of(position))), value.place_of(position))
    return new


def test(value: Any, where: Where) -> Any:
    """A health check's test: ["CMD", …], ["CMD-SHELL", line] or ["NONE"]; a string is a line for the shell."""
    if isinstance(value, str):
        new = Sequence(where.place)
        new.put("CMD-SHELL", where.place)
        new.put(value, where.place)
        return new
    if isinstance(value, Sequence) and (not value or value[0] not in ("CMD", "CMD-SHELL", "NONE")):
        raise where.refuse("does not begin with CMD, CMD-SHELL or NONE", "write a string to run it in the shell")
    return value


def healthcheck(value: Any, where: Where) -> Any:
    new = _HEALTHCHECK(value, where)
    if isinstance(new, Mapping) and new.get("test") and new["test"][0] == "NONE":
        new["disable"] = True
        new.places["disable"] = new.place_of("test")
        new.drop("test")
    return new


_HEALTHCHECK = fields({
    "test": test, "interval": duration, "timeout": duration, "start_period": duration, "start_interval": duration,
    "retries": whole, "disable": flag,
})  # fmt: skip


def ulimit(value: Any, where: Where) -> Any:
    """{soft, hard} of one number or a mapping."""
    if isinstance(value, Mapping):
        return fields({"soft": whole, "hard": whole})(value, where)
    found = whole(value, where)
    if not isinstance(found, int) or isinstance(found, bool):
        return found
    new = Mapping(where.place)
    new["soft"] = new["hard"] = found
    return new


def gpus(value: Any, where: Where) -> Any:
    """A list of {count, driver, device_ids, capabilities, options}; `all` is one with a count of -1."""
    if value == "all":
        new = Sequence(where.place)
        every = Mapping(where.place)
        every["count"] = -1
        new.put(every, where.place)
        return new
    return _DEVICE_REQUESTS(value, where)


def _count(value: Any, where: Where) -> Any:
    return -1 if value == "all" else whole(value, where)


_DEVICE_REQUESTS = items(fields({"count": _count, "options": labels, "device_ids": forms.numerals}))


def build(value: Any, where: Where) -> Any:
    """{context, dockerfile, …}; a string is the context."""
    if isinstance(value, str):
        new = Mapping(where.place)
        new.put("context", context(value, where), where.place)
        return new
    return _BUILD(value, where)


def context(value: Any, where: Where) -> Any:
    """A build context: an absolute path, or the address of what is elsewhere as it is."""
    return value if isinstance(value, str) and forms.is_remote(value) else forms.path(value, where)


def _contexts(value: Any, where: Where) -> Any:
    return members(context)(variables(value, where), where)


def _ssh(value: Any, where: Where) -> Any:
    """A list of `default` or `ID=PATH`."""
    if isinstance(value, str):
        return words(value, where)
    if isinstance(value, Mapping):
        new = Sequence(where.place)
        for key, member in value.items():
            new.put(key if member is None else f"{key}={member}", value.place_of(key))
        return new
    return value


_BUILD = fields({
    "context": context, "args": variables, "labels": labels, "ssh": _ssh, "additional_contexts": _contexts,
    "no_cache": flag, "pull": flag, "privileged": flag, "shm_size": size, "extra_hosts": extra_hosts,
    "secrets": items(mounts.build_secret), "ulimits": members(ulimit), "cache_from": words, "cache_to": words,
})  # fmt: skip


def hook(value: Any, where: Where) -> Any:
    """A command of post_start, pre_stop or a watch: {command, user, privileged, working_dir, environment}."""
    return fields({"command": command, "privileged": flag, "environment": variables, "user": numeral})(value, where)


def _watch(value: Any, where: Where) -> Any:
    return fields({"path": forms.path, "ignore": words, "include": words, "exec": hook, "initial_sync": flag})(
        value, where
    )


_LIMITS = fields({"cpus": number, "memory": forms.size_text, "pids": whole})
_RESERVATIONS = fields({"cpus": number, "memory": forms.size_text, "devices": _DEVICE_REQUESTS})
_RATES = items(fields({"rate": size}))


def _cpus_text(shape: Form) -> Form:
    """deploy's cpus is a string in what the specification normalises to."""

    def form(value: Any, where: Where) -> Any:
        new = shape(value, where)
        if isinstance(new, Mapping) and isinstance(new.get("cpus"), (int, float)):
            new["cpus"] = forms.written(new["cpus"])
        return new

    return form


def _extends(value: Any, where: Where) -> Any:
    """{service, file?}; a string is the service. The file's path stays as it is."""
    if not isinstance(value, str):
        return value
    new = Mapping(where.place)
    new["service"] = value
    return new


def _microseconds(value: Any, where: Where) -> Any:
    """Microseconds, of a number or a duration."""
    if isinstance(value, str) and not value.isdigit() and not where.unknown(value):
        from oci_spec import quantity

        found = quantity.seconds(value)
        if found is None:
            raise where.refuse(f"{value!r} is no duration", "like 950ms, or microseconds")
        return round(found * 10**6)
    return whole(value, where)


_ENV_FILES = items(mounts.env_file)


def _env_file(value: Any, where: Where) -> Any:
    return _ENV_FILES(words(value, where), where)


def _policy(value: Any, where: Where) -> Any:  # noqa: ARG001
    return "missing" if value == "if_not_present" else value


FORMS: dict[str, Form] = {
    "annotations": labels,
    "attach": flag,
    "blkio_config": fields({
        "weight": whole, "weight_device": items(fields({"weight": whole})), "device_read_bps": _RATES,
        "device_write_bps": _RATES, "device_read_iops": _RATES, "device_write_iops": _RATES,
    }),
    "build": build,
    "command": command,
    "configs": items(mounts.config),
    "cpu_period": whole,
    "cpu_quota": whole,
    "cpu_rt_period": _microseconds,
    "cpu_rt_runtime": _microseconds,
    "cpu_shares": whole,
    "cpus": number,
    "depends_on": depends_on,
    "deploy": fields({
        "replicas": whole, "labels": labels, "restart_policy": fields({"max_attempts": whole}),
        "resources": fields({"limits": _cpus_text(_LIMITS), "reservations": _cpus_text(_RESERVATIONS)}),
    }),
    "develop": fields({"watch": items(_watch)}),
    "devices": items(mounts.device),
    "dns": words,
    "dns_search": words,
    "entrypoint": command,
    "env_file": _env_file,
    "environment": variables,
    "extends": _extends,
    "expose": items(ports.exposed),
    "extra_hosts": extra_hosts,
    "gpus": gpus,
    "group_add": forms.numerals,
    "healthcheck": healthcheck,
    "init": flag,
    "label_file": forms.paths,
    "labels": labels,
    "logging": fields({"options": forms.options}),
    "mem_limit": size,
    "mem_reservation": size,
    "mem_swappiness": whole,
    "memswap_limit": size,
    "networks": networks,
    "oom_kill_disable": flag,
    "oom_score_adj": whole,
    "pids_limit": whole,
    "ports": items(ports.port),
    "post_start": items(hook),
    "pre_stop": items(hook),
    "privileged": flag,
    "pull_policy": _policy,
    "pull_refresh_after": duration,
    "read_only": flag,
    "scale": whole,
    "secrets": items(mounts.secret),
    "shm_size": size,
    "stdin_open": flag,
    "stop_grace_period": duration,
    "storage_opt": forms.options,
    "sysctls": labels,
    "tmpfs": words,
    "tty": flag,
    "ulimits": members(ulimit),
    "stop_signal": numeral,
    "user": numeral,
    "volumes": items(mounts.volume),
}  # fmt: skip


service = fields(FORMS, keep=frozenset(("command", "entrypoint")))
"""A service's canonical form."""
