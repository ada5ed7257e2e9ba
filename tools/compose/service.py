"""A service's keys, each with the form that its value is brought to (compose-spec, 05-services.md, build.md, deploy.md,
develop.md). What is not in the table is taken as it stands; the schema knows every key."""

from __future__ import annotations

from . import forms, mounts, ports, scalars
from .building import build, ulimit
from .forms import command, fields, items, labels, members, variables, words
from .positions import Mapping, Sequence
from .relations import depends_on, extends, extra_hosts, networks
from .scalars import duration, flag, number, numeral, size, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .forms import Form
    from .positions import Where


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


healthcheck = fields({
    "test": test, "interval": duration, "timeout": duration, "start_period": duration, "start_interval": duration,
    "retries": whole, "disable": flag,
})  # fmt: skip


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


_HOOK = {"command": command, "privileged": flag, "environment": variables, "user": numeral}


def hook(value: Any, where: Where) -> Any:
    """A command of post_start, pre_stop or a watch: {command, user, privileged, working_dir, environment}."""
    return fields(_HOOK)(value, where)


def step(value: Any, where: Where) -> Any:
    """A command of pre_start: as a hook, with {image, per_replica}."""
    return fields({**_HOOK, "per_replica": flag})(value, where)


def _watch(value: Any, where: Where) -> Any:
    return fields({"path": forms.path, "ignore": words, "include": words, "exec": hook, "initial_sync": flag})(
        value, where
    )


_LIMITS = fields({"cpus": number, "memory": scalars.size_text, "pids": whole})
_RESERVATIONS = fields({"cpus": number, "memory": scalars.size_text, "devices": _DEVICE_REQUESTS})
_RATES = items(fields({"rate": size}))


def _cpus_text(shape: Form) -> Form:
    """deploy's cpus is a string in what the specification normalises to."""

    def form(value: Any, where: Where) -> Any:
        new = shape(value, where)
        if isinstance(new, Mapping) and "cpus" in new:
            new["cpus"] = numeral(new["cpus"], where)
        return new

    return form


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
        "replicas": whole, "labels": labels,
        "restart_policy": fields({"max_attempts": whole, "delay": duration, "window": duration}),
        "resources": fields({"limits": _cpus_text(_LIMITS), "reservations": _cpus_text(_RESERVATIONS)}),
    }),
    "develop": fields({"watch": items(_watch)}),
    "devices": items(mounts.device),
    "dns": words,
    "dns_search": words,
    "entrypoint": command,
    "env_file": _env_file,
    "environment": variables,
    "extends": extends,
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
    "pre_start": items(step),
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
