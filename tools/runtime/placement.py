"""What is mounted where in a container: the system's own file systems, our files in /etc, and what the user asked for.

Pure; the order is the order of mounting.
"""

from __future__ import annotations

import os

from .namespaces import SHM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from .inputs import Host, Options

INIT = "/run/ocipipe-init"
"""Where --init's program is seen in the container."""
BINDS = "binds"
"""In the container's directory: where directories and files of the host are mounted for users of its own, by number."""
IMAGES = "images"
"""In the container's directory: where images are mounted on the host, by number, to be seen in the container."""
FILES = ("hosts", "hostname", "resolv.conf")
"""What we mount over the image's files of these names in /etc."""
_HARDENED = ("nosuid", "noexec", "nodev")


def mounts(options: Options, host: Host, files: str) -> list[Document]:
    """runtime-spec's `mounts`. `files` is the directory with the container's FILES, '' for none.

    What the user mounts at a place of ours takes the place.
    """
    taken = {mount.destination.rstrip("/") for mount in options.mounts}
    ours = [*_system(options, host, files), *_etc(files)]
    return [*(mount for mount in ours if mount["destination"] not in taken), *_asked_for(options, files)]


def _system(options: Options, host: Host, files: str) -> list[Document]:
    read_only = [] if options.privileged else ["ro"]
    found: list[Document] = [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": [*_HARDENED]},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        *_shm(options, files),
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": [*_HARDENED]},
        # Never the host's by a bind mount, whatever the network: what is mounted in it would come along, writable.
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*_HARDENED, *read_only]},
    ]  # fmt: skip
    if host.cgroup_version:
        limits = [*_HARDENED, "relatime", *read_only]
        found.append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": limits})
    return found


def _shm(options: Options, directory: str) -> list[Document]:
    """/dev/shm, which goes with the IPC namespace: whoever shares the one shares the other."""
    found: Document = {"destination": "/dev/shm", "type": "bind", "options": ["bind", "rprivate", *_HARDENED]}
    if "ipc" in options.hosts:
        return [{**found, "source": "/dev/shm"}]
    if "ipc" in options.joins:
        return [{**found, "source": f"{os.path.dirname(directory)}/{options.joins['ipc']}/{SHM}"}]
    if options.shm == "shareable":
        return [{**found, "source": f"{directory}/{SHM}"}]
    tmpfs: Document = {
        "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
        "options": [*_HARDENED, "mode=1777", f"size={options.shm_size}"],
    }  # fmt: skip
    return [] if options.shm == "none" else [tmpfs]


def _etc(directory: str) -> list[Document]:
    bound = ["rbind", "rprivate"]
    return [
        {"destination": f"/etc/{name}", "type": "bind", "source": f"{directory}/{name}", "options": bound}
        for name in (FILES if directory else ())
    ]


def image_source(number: int, subpath: str) -> str:
    """Where in the container's directory an image is that is mounted in it, or the part of it that is."""
    return f"{IMAGES}/{number}{'.part' if subpath else ''}"


def _asked_for(options: Options, directory: str) -> list[Document]:
    """Outer ones first, so that none hides another."""
    images = [mount for mount in options.mounts if mount.kind == "image"]
    mapped = [mount for mount in options.mounts if mount.mapped]
    ordered = sorted(options.mounts, key=lambda mount: mount.destination.rstrip("/").count("/"))
    found = [mount.document() for mount in ordered]
    for mount, document in zip(ordered, found, strict=True):
        if mount.kind == "image":
            document["source"] = f"{directory}/{image_source(images.index(mount), mount.subpath)}"
        elif mount.mapped:
            document["source"] = f"{directory}/{BINDS}/{mapped.index(mount)}"
    found += sorted(options.given_mounts, key=lambda mount: str(mount["destination"]).rstrip("/").count("/"))
    if options.init:
        bound = ["bind", "rprivate", "ro", "nosuid"]
        found.append({"destination": INIT, "type": "bind", "source": options.init, "options": bound})
    return found
