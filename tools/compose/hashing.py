"""What a service's container is made of, and its hash: a container whose hash has not changed is kept.

The material is the finished service without what says when and how many containers are made, not what they are: build,
depends_on, deploy (but for what has no key elsewhere: the times of its restart_policy, devices), develop, profiles,
scale, attach, pull_policy, pull_refresh_after, post_start, pre_stop, `x-` keys.
(pre_start is in it: steps that have changed are to be done again.) With it goes what the service is given by reference:
the definitions of its secrets and configs (of a value from the environment its digest, never the value), the names of
its networks and volumes. The image's digest is not in it: whether that has changed is the plan's to ask. Neither are
the contents of files that are mounted.
"""

from __future__ import annotations

from oci_spec import digest, jsondoc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping as Variables
    from typing import Any

    from .positions import Mapping

_NOT_THE_CONTAINER = frozenset(
    "attach build depends_on deploy develop post_start pre_stop profiles pull_policy pull_refresh_after scale".split()
)


def material(model: Mapping, name: str, variables: Variables[str, str]) -> dict[str, Any]:
    """{service, networks, volumes, secrets, configs}: what the hash of a service is of. A difference between two of
    them, by field, is why a container is made anew."""
    service = model["services"][name]
    kept = {key: value for key, value in service.items() if key not in _NOT_THE_CONTAINER and key[:2] != "x-"}
    if own := _of_deploy(service.get("deploy") or {}):
        kept["deploy"] = own
    found: dict[str, Any] = {"service": kept}
    used = {
        "networks": list(service.get("networks") or ()),
        "volumes": [
            one["source"] for one in service.get("volumes") or () if one["type"] == "volume" and "source" in one
        ],
    }
    for section, keys in used.items():
        if keys:
            found[section] = {key: model[section][key]["name"] for key in keys}
    for section in ("secrets", "configs"):
        given = {
            one["source"]: _definition(model[section][one["source"]], variables) for one in service.get(section) or ()
        }
        if given:
            found[section] = given
    return found


def _of_deploy(deploy: Any) -> dict[str, Any]:
    policy, reserved = deploy.get("restart_policy") or {}, (deploy.get("resources") or {}).get("reservations") or {}
    found: dict[str, Any] = {}
    if times := {key: policy[key] for key in ("delay", "window") if key in policy}:
        found["restart_policy"] = times
    if reserved.get("devices"):
        found["resources"] = {"reservations": {"devices": reserved["devices"]}}
    return found


def _definition(value: Mapping, variables: Variables[str, str]) -> dict[str, Any]:
    found = dict(value)
    if "environment" in found:
        found["digest"] = digest.of_bytes(variables.get(found["environment"], "").encode("utf-8", "surrogateescape"))
    return found


def config_hash(model: Mapping, name: str, variables: Variables[str, str]) -> str:
    """64 hexadecimal digits: SHA-256 of the material as JSON with sorted keys."""
    return _hash(material(model, name, variables))


def resource_hash(model: Mapping, section: str, key: str) -> str:
    """As `config_hash`, of what is declared in `networks` or `volumes`."""
    return _hash(model[section][key])


def _hash(value: object) -> str:
    return digest.of_bytes(jsondoc.dumps(value, sort_keys=True)).partition(":")[2]
