"""One more process for a running container: its `process` of the runtime-spec, from the container's own. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

    from oci_spec.jsondoc import Document

    from .users import User


def process(
    own: Document,
    args: list[str],
    env: list[str],
    cwd: str | None,
    *,
    user: User | None = None,
    home: str = "",
    terminal: bool = False,
    size: os.terminal_size | None = None,
    privileged: list[str] | None = None,
) -> Document:
    """`own`, the process that the container was made for, with another command and what else is said.

    `env` is the whole environment. With `user`, it is that user's: the home directory too, where the environment has
    the one of the container's user, `home`. `privileged`: the capabilities that it has then, whoever it is.
    """
    found: dict[str, Any] = {key: value for key, value in own.items() if key != "consoleSize"}
    found |= {"args": args, "terminal": terminal, "cwd": cwd or own["cwd"]}
    if size is not None and size.lines:  # else the process may see it too late
        found["consoleSize"] = {"height": size.lines, "width": size.columns}
    if user is not None:
        found["user"] = {
            **(found.get("user") or {}),
            "uid": user.uid, "gid": user.gid, "additionalGids": [user.gid, *user.additional],
        }  # fmt: skip
        env = [f"HOME={user.home}" if one == f"HOME={home}" else one for one in env]
        found["capabilities"] = _of_user(found.get("capabilities") or {}, user)
    if privileged is not None:
        found["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), privileged)
    if terminal and not any(one.startswith("TERM=") for one in env):
        env = [*env, "TERM=xterm"]
    found["env"] = env
    return found


def _of_user(own: dict[str, Any], user: User) -> Document:
    """The container's capabilities as another user has them: all that can be had as user 0, else none."""
    bounding = own.get("bounding") or []
    effective = bounding if user.uid == 0 else []
    return {"bounding": bounding, "effective": effective, "permitted": effective}
