"""Labels of what a project makes: whose it is, and what it was made from. Tools made for docker compose read them."""

from __future__ import annotations

import os

from ..errors import Conflict
from .files import STDIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from oci_spec.jsondoc import Document

    from .project import Project

_BASE = "com.docker.compose."
PROJECT = _BASE + "project"
SERVICE = _BASE + "service"
NUMBER = _BASE + "container-number"
HASH = _BASE + "config-hash"
ONE_OFF = _BASE + "oneoff"
DIRECTORY = _BASE + "project.working_dir"
FILES = _BASE + "project.config_files"
DEPENDS = _BASE + "depends_on"
REPLACES = _BASE + "replace"
"""The id of the container that this one is about to take the place of."""
STEP = "org.ocipipe.step"
"""What a container is a step of: pre_start."""
NETWORK = _BASE + "network"
VOLUME = _BASE + "volume"
DEFINITION = "org.ocipipe.definition"
"""What a network or volume was made from: its part of the model, as JSON."""


def of_project(project: Project) -> dict[str, str]:
    """What everything that a project makes has."""
    return {PROJECT: project.name, DIRECTORY: project.directory, FILES: ",".join(project.files)}


def of_container(project: Project, service: str, number: int, *, one_off: bool = False) -> dict[str, str]:
    """What a service's container has."""
    depends = project.service(service).get("depends_on") or {}
    return {
        **of_project(project),
        SERVICE: service,
        NUMBER: str(number),
        HASH: project.hash(service),
        ONE_OFF: str(one_off),
        DEPENDS: ",".join(f"{name}:{how['condition']}:{str(how.get('restart', False)).lower()}"
                          for name, how in depends.items()),
    }  # fmt: skip


def service_of(event: Document) -> str:
    """The service of the container that an event is about."""
    target: Any = event["object"]
    return str((target.get("annotations") or {}).get(SERVICE, ""))


def is_of(labels: Mapping[str, str], project: Project) -> bool:
    """Whether something belongs to this very project, and not to another one of its name: one whose directory is
    another, whose files are others, and are still there (else it has only been moved)."""
    if labels.get(PROJECT) != project.name:
        return False
    directory = labels.get(DIRECTORY, project.directory)
    files = [one for one in labels.get(FILES, "").split(",") if one]
    if directory == project.directory or set(files) & {one for one in project.files if one != STDIN}:
        return True
    return not any(os.path.exists(directory if one == STDIN else one) for one in files)


def check(labels: Mapping[str, str], project: Project, what: str) -> None:
    """Raises Conflict for what belongs to another project of this name."""
    if labels.get(PROJECT) == project.name and not is_of(labels, project):
        raise Conflict(
            what, f"belongs to another project {project.name}, of {labels.get(DIRECTORY)}",
            "give one of the two another name: with -p or name:",
        )  # fmt: skip
