"""What a project is made of, as lists: documents of the type `compose-item`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from .project import Project

    Lister = Callable[[Project, Sequence[str]], Iterator[Document]]


def services(project: Project, chosen: Sequence[str]) -> Iterator[Document]:
    """The services of `enabled`, in its order. Raises as that; so do the others."""
    for name in project.enabled(chosen):
        yield {"kind": "service", "name": name}


def hashes(project: Project, chosen: Sequence[str]) -> Iterator[Document]:
    """The services with their configuration hashes."""
    for name in project.enabled(chosen):
        yield {"kind": "service", "name": name, "hash": project.hash(name)}


def networks(project: Project, chosen: Sequence[str]) -> Iterator[Document]:
    """The networks that the services use."""
    return _resources(project, chosen, "network")


def volumes(project: Project, chosen: Sequence[str]) -> Iterator[Document]:
    """The volumes that the services use."""
    return _resources(project, chosen, "volume")


def _resources(project: Project, chosen: Sequence[str], kind: str) -> Iterator[Document]:
    for key, value in project.selected(chosen).get(f"{kind}s", {}).items():
        document = {"kind": kind, "name": key, "object": value["name"]}
        yield {**document, "external": True} if value.get("external") else document


def images(project: Project, chosen: Sequence[str]) -> Iterator[Document]:
    """The images that the services run, each once."""
    found: dict[str, list[str]] = {}
    for name in project.enabled(chosen):
        found.setdefault(project.image(name), []).append(name)
    for name, users in found.items():
        yield {"kind": "image", "name": name, "services": users}


def profiles(project: Project, chosen: Sequence[str]) -> Iterator[Document]:
    """The profiles of all services, or of those chosen, active or not."""
    found: dict[str, list[str]] = {}
    everything: dict[str, Any] = project.model["services"]
    for name in chosen or everything:
        for profile in project.service(name).get("profiles", ()):
            found.setdefault(profile, []).append(name)
    for name, users in sorted(found.items()):
        yield {"kind": "profile", "name": name, "services": users}


def environment(project: Project, chosen: Sequence[str]) -> Iterator[Document]:  # noqa: ARG001
    """The variables that values can refer to."""
    for name, value in sorted(project.environment.items()):
        yield {"kind": "variable", "name": name, "value": value}


LISTS: dict[str, Lister] = {
    "services": services, "hash": hashes, "networks": networks, "volumes": volumes, "images": images,
    "profiles": profiles, "environment": environment,
}  # fmt: skip
"""The lists by the options that ask for them."""
