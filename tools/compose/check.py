"""Whether a document is what the specification knows and one host can do, told with the file, line and key that is
wrong. The shape is the schema's (oci_spec/schema/compose.json): a key that it does not have is refused, with the reason
where it is one of Compose's that cannot be honoured here."""

from __future__ import annotations

from oci_spec import validate
from oci_spec.jsondoc import FormatError

from .positions import ComposeError, Mapping, Sequence, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NO_KEY = "is not allowed here"
"""What the schema says of a key that it does not have."""
_SWARM = "needs a cluster: compose-kube writes manifests for one"
_WINDOWS = "is of Windows containers"
UNSUPPORTED = {
    "services.*.credential_spec": _WINDOWS,
    "services.*.cpu_count": _WINDOWS + ": use cpus",
    "services.*.cpu_percent": _WINDOWS + ": use cpus",
    "services.*.models": "needs a runner of models: run one as a service",
    "models": "needs a runner of models: run one as a service",
    "services.*.provider": "is done by a plugin of another tool: run it before compose-up",
    "services.*.use_api_socket": "means docker's daemon, and there is none",
    "services.*.storage_opt": "needs quotas, which the store does not have",
    "services.*.deploy.placement": _SWARM,
    "services.*.deploy.update_config": _SWARM,
    "services.*.deploy.rollback_config": _SWARM,
    "services.*.deploy.labels": "is of a cluster's service: use labels",
    "services.*.deploy.resources.reservations.generic_resources": _SWARM,
    "secrets.*.driver": _SWARM,
    "secrets.*.driver_opts": _SWARM,
    "secrets.*.template_driver": _SWARM,
    "configs.*.template_driver": _SWARM,
}
"""Keys of the specification that one host without a daemon cannot honour, with the reason."""


def check(document: Mapping, *, literal: bool = False) -> None:
    """Raises ComposeError for the first thing that is wrong. With `literal`, what is written with a variable is not
    judged."""
    if literal:
        for violation in validate.violations("compose", document):
            path = _path(document, violation.pointer)
            if violation.message == _NO_KEY or not _unknown(_at(document, path)):
                raise _refusal(document, path, violation.message)
        return
    try:
        validate.check("compose", document, "compose")
    except FormatError as error:
        raise _refusal(document, _path(document, error.pointer), error.problem) from None


def _path(document: Any, pointer: str) -> list[str | int]:
    """A JSON pointer (RFC 6901) as a path."""
    path: list[str | int] = []
    for part in pointer.split("/")[1:]:
        if isinstance(document, Sequence):
            path.append(int(part))
            document = document[int(part)]
        else:
            key = part.replace("~1", "/").replace("~0", "~")
            path.append(key)
            document = document.get(key) if isinstance(document, Mapping) else None
    return path


def _at(document: Any, path: list[str | int]) -> Any:
    for part in path:
        document = document[part]
    return document


def _unknown(value: Any) -> bool:
    if isinstance(value, str):
        return "$" in value
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_unknown, members))


def _refusal(document: Mapping, path: list[str | int], problem: str) -> ComposeError:
    place = place_at(document, path)
    if problem != _NO_KEY or not path:
        return ComposeError(place, path, problem)
    pattern = ".".join("*" if number == 1 and len(path) > 2 else str(part) for number, part in enumerate(path))
    reason = UNSUPPORTED.get(pattern)
    if reason is not None:
        return ComposeError(place, path, f"is not supported: it {reason}", "take it away")
    from difflib import get_close_matches

    known = _known(path)
    near = get_close_matches(str(path[-1]), known, 1)
    return ComposeError(
        place, path, "is no key of Compose here", f"did you mean {near[0]}?" if near else "see compose-spec"
    )


def _known(path: list[str | int]) -> list[str]:
    """The keys that the schema has where the last of `path` stands."""
    root = validate.schema("compose")
    rules = [root]
    for part in path[:-1]:
        found = []
        for rule in rules:
            if isinstance(part, int):
                found.append(rule.get("items", {}))
            elif part in rule.get("properties", {}):
                found.append(rule["properties"][part])
            elif isinstance(rule.get("additionalProperties"), dict):
                found.append(rule["additionalProperties"])
        rules = [resolved for rule in found for resolved in _resolved(root, rule)]
    return [key for rule in rules for key in rule.get("properties", ())]


def _resolved(root: dict[str, Any], rule: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in rule:
        rule = root["$defs"][rule["$ref"].rpartition("/")[2]]
    return [rule, *(inner for one in rule.get("anyOf", ()) for inner in _resolved(root, one))]
