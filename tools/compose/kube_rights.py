"""What a service's process may do, as the security contexts of its pod and its container. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .kube_objects import Path, Source

_PROFILES = {"seccomp": "seccompProfile", "apparmor": "appArmorProfile"}


def of_container(source: Source) -> dict[str, Any]:
    """The container's (Kubernetes API, core/v1, SecurityContext)."""
    keys = source.keys
    made = _user(source, keys, ())
    if keys.get("read_only"):
        made["readOnlyRootFilesystem"] = True
    if keys.get("privileged"):
        made["privileged"] = True
    capabilities = {
        key: [str(one).upper().removeprefix("CAP_") for one in keys[f"cap_{key}"]]
        for key in ("add", "drop") if keys.get(f"cap_{key}")
    }  # fmt: skip
    if capabilities:
        made["capabilities"] = capabilities
    for number, text in enumerate(keys.get("security_opt") or ()):
        found = _option(str(text), privileged=bool(keys.get("privileged")))
        if found is None:
            source.warn(("security_opt", number), f"{text} has no counterpart")
        else:
            made |= found
    return made


def of_pod(source: Source, *, claims: bool) -> dict[str, Any]:
    """The pod's (Kubernetes API, core/v1, PodSecurityContext). With `claims` it has volumes that belong to root in
    the beginning: a user who is not root gets them by a group."""
    made: dict[str, Any] = {}
    user, _, group = str(source.keys.get("user") or "").partition(":")
    owner = group if group.isdigit() else user
    if claims and owner.isdigit() and int(owner):
        made["fsGroup"] = int(owner)
    groups = []
    for number, group in enumerate(source.keys.get("group_add") or ()):
        if str(group).isdigit():
            groups.append(int(group))
        else:
            source.warn(("group_add", number), f"{group} is the name of a group, of which only numbers are known")
    if groups:
        made["supplementalGroups"] = groups
    sysctls = [{"name": key, "value": str(value)} for key, value in (source.keys.get("sysctls") or {}).items()]
    if sysctls:
        made["sysctls"] = sysctls
    return made


def of_step(source: Source, step: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What a step of pre_start, which stands at `path`, has otherwise than the container."""
    return {**_user(source, step, path), **({"privileged": True} if step.get("privileged") else {})}


def _user(source: Source, keys: Mapping[str, Any], path: Path) -> dict[str, Any]:
    made: dict[str, Any] = {}
    user, _, group = str(keys.get("user") or "").partition(":")
    for key, name in (("runAsUser", user), ("runAsGroup", group)):
        if name.isdigit() or name == "root":
            made[key] = 0 if name == "root" else int(name)
        elif name:
            source.warn((*path, "user"), f"{name} is a name, of which only numbers are known", "write the number")
    return made


def _option(text: str, *, privileged: bool) -> dict[str, Any] | None:
    """A security_opt; None for what has no counterpart."""
    if text.replace("=", ":") in ("no-new-privileges", "no-new-privileges:true"):
        return None if privileged else {"allowPrivilegeEscalation": False}
    name, _, value = text.replace(":", "=", 1).partition("=")
    if name in _PROFILES and value == "unconfined":
        return {_PROFILES[name]: {"type": "Unconfined"}}
    return None
