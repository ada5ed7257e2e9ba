"""Finds out what an archive holds."""

from __future__ import annotations

from . import docker_archive, layout
from .tar_members import corrupt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .contract import Images, Members


def images_of(members: Members) -> Images:
    """The images of an archive's members, whichever layout they are in.

    An OCI layout is preferred where Docker's `manifest.json` stands beside it (`docker save` since version 25, and
    img-save), because it has the manifests and so the digests. Raises Corrupt when there is neither, and as they do.
    """
    if members.find(layout.INDEX) is not None and members.find(layout.HEADER) is not None:
        return layout.Layout(members)
    if members.find(docker_archive.INDEX) is not None:
        return docker_archive.DockerArchive(members)
    raise corrupt(members.name, f"holds no images: it has neither {layout.INDEX} nor {docker_archive.INDEX}")
