"""What a pod mounts, and the claims that its named volumes become. Pure."""

from __future__ import annotations

from oci_spec import quantity

from .kube_container import amount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any

    from .kube_objects import Objects, Path, Source


class Claims:
    """The named volumes of a project. One that a single pod writes belongs to that pod's StatefulSet; any other is a
    claim by itself that pods share. `size` is what each asks for, bytes; `jobs` are the services that end."""

    def __init__(self, objects: Objects, jobs: Container[str], size: int) -> None:
        self.objects = objects
        self.size = size
        self.users: dict[str, list[str]] = {key: [] for key in objects.model.get("volumes") or ()}
        writers: set[str] = set()
        for service, keys in objects.model["services"].items():
            for mount in keys.get("volumes") or ():
                key = mount.get("source")
                if mount["type"] != "volume" or not key:
                    continue
                if service not in self.users[key]:
                    self.users[key].append(service)
                if not mount.get("read_only"):
                    writers.add(key)
        self.kept = {
            key: users[0] for key, users in self.users.items()
            if len(users) == 1 and key in writers and users[0] not in jobs and self._pods(key) == 1
            and not objects.model["volumes"][key].get("external")
        }  # fmt: skip
        """Volume to the service whose StatefulSet has it."""

    def manifests(self) -> list[dict[str, Any]]:
        """The claims that pods share (Kubernetes API, core/v1, PersistentVolumeClaim)."""
        made = []
        for key, one in (self.objects.model.get("volumes") or {}).items():
            self._lacking(key, one)
            if key not in self.kept and not one.get("external"):
                made.append({"apiVersion": "v1", "kind": "PersistentVolumeClaim", **self._claim(key, "")})
        return made

    def templates(self, service: str) -> list[dict[str, Any]]:
        """The claims that a service's StatefulSet makes, none for one that needs no StatefulSet."""
        return [self._claim(key, owner) for key, owner in self.kept.items() if owner == service]

    def _pods(self, key: str) -> int:
        services = self.objects.model["services"]
        return sum(max(services[user].get("scale", 1), 1) for user in self.users[key])

    def _claim(self, key: str, service: str) -> dict[str, Any]:
        shared = key not in self.kept and self._pods(key) > 1
        if shared:
            self.objects.warn(
                ("volumes", key), "is that of several pods, which needs storage that can be ReadWriteMany",
                "see the cluster's storage classes",
            )  # fmt: skip
        return {
            "metadata": self.objects.metadata(self.objects.name("volumes", key), service),
            "spec": {
                "accessModes": ["ReadWriteMany" if shared else "ReadWriteOnce"],
                "resources": {"requests": {"storage": amount(self.size)}},
            },
        }

    def _lacking(self, key: str, one: Any) -> None:
        for part in ("driver", "driver_opts", "labels"):
            if one.get(part) not in (None, "local", {}):
                self.objects.warn(("volumes", key, part), "has no counterpart: a storage class says what a claim gets")
        if one.get("external"):
            name = self.objects.name("volumes", key)
            self.objects.warn(("volumes", key, "external"), f"a PersistentVolumeClaim {name} is to be there already")


class Mounts:
    """What one pod mounts: `volumes` of the pod, `mounts` of its container."""

    def __init__(self, source: Source, claims: Claims) -> None:
        self.source = source
        self.claims = claims
        self.volumes: list[dict[str, Any]] = []
        self.mounts: list[dict[str, Any]] = []
        self._reserved = {one["metadata"]["name"] for one in claims.templates(source.service)}
        keys = source.keys
        kinds = {"volume": self._named, "tmpfs": self._memory, "image": self._image, "bind": self._bind}
        for number, one in enumerate(keys.get("volumes") or ()):
            kinds[one["type"]](one, ("volumes", number))
        for number, text in enumerate(keys.get("tmpfs") or ()):
            self._tmpfs(str(text), ("tmpfs", number))
        if keys.get("shm_size"):
            self._mount("/dev/shm", self._volume("shm", _memory(keys["shm_size"])))
        for section in ("secrets", "configs"):
            for number, one in enumerate(keys.get(section) or ()):
                self._granted(section, one, (section, number))

    @property
    def has_claims(self) -> bool:
        """Whether the pod has volumes that outlive it."""
        return bool(self._reserved) or any("persistentVolumeClaim" in one for one in self.volumes)

    def _volume(self, name: str, what: dict[str, Any]) -> str:
        """The name in the pod of a volume of this kind, the same for the same one."""
        taken = {one["name"]: one for one in self.volumes}
        free, number = name, 1
        while free in self._reserved or taken.get(free, {"name": free, **what}) != {"name": free, **what}:
            number += 1
            free = f"{name}-{number}"
        if free not in taken:
            self.volumes.append({"name": free, **what})
        return free

    def _new(self, name: str, what: dict[str, Any], target: str, *, read_only: bool = False) -> None:
        """Mounts a volume that is for this target alone."""
        taken = {one["name"] for one in self.volumes} | self._reserved
        free = next(one for number in range(len(taken) + 1) if (one := f"{name}-{number}") not in taken)
        self._mount(target, self._volume(free, what), read_only=read_only)

    def _mount(self, target: str, volume: str, subpath: str = "", *, read_only: bool = False) -> None:
        mount: dict[str, Any] = {"name": volume, "mountPath": target}
        if subpath:
            mount["subPath"] = subpath
        if read_only:
            mount["readOnly"] = True
        self.mounts.append(mount)

    def _named(self, one: Any, path: Path) -> None:
        details = one.get("volume") or {}
        key = one.get("source")
        if details.get("labels"):
            self.source.warn((*path, "volume", "labels"), "has no counterpart")
        if not key:
            self._new("scratch", {"emptyDir": {}}, one["target"], read_only=bool(one.get("read_only")))
            return
        volume = self.source.objects.name("volumes", key)
        if key not in self.claims.kept:
            volume = self._volume(volume, {"persistentVolumeClaim": {"claimName": volume}})
        self._mount(one["target"], volume, str(details.get("subpath") or ""), read_only=bool(one.get("read_only")))

    def _memory(self, one: Any, path: Path) -> None:
        details = one.get("tmpfs") or {}
        if details.get("mode"):
            self.source.warn((*path, "tmpfs", "mode"), "has no counterpart")
        self._new("tmpfs", _memory(details.get("size") or 0), one["target"], read_only=bool(one.get("read_only")))

    def _tmpfs(self, text: str, path: Path) -> None:
        target, _, options = text.partition(":")
        size = 0
        for option in filter(None, options.split(",")):
            name, _, value = option.partition("=")
            found = quantity.size(value) if name == "size" else None
            if found is None:
                self.source.warn(path, f"{option} has no counterpart")
            size = found or size
        self._new("tmpfs", _memory(size), target)

    def _image(self, one: Any, path: Path) -> None:
        self.source.warn(path, "an image that is mounted needs Kubernetes 1.33")
        subpath = str((one.get("image") or {}).get("subpath") or "")
        volume = self._volume("image", {"image": {"reference": str(one["source"])}})
        self._mount(one["target"], volume, subpath, read_only=True)

    def _bind(self, one: Any, path: Path) -> None:
        self.source.warn(
            path, f"{one['source']} of this host is not there, and left out", "make it a volume, or a file a config"
        )

    def _granted(self, section: str, one: Any, path: Path) -> None:
        key = str(one["source"])
        for right in ("uid", "gid"):
            if one.get(right):
                self.source.warn((*path, right), "has no counterpart: the file is root's")
        item: dict[str, Any] = {"key": key, "path": key}
        if one.get("mode"):
            item["mode"] = int(str(one["mode"]), 8)
        name = self.source.objects.name(section, key)
        if section == "secrets":
            volume = self._volume(f"secret-{name}", {"secret": {"secretName": name, "items": [item]}})
        else:
            volume = self._volume(f"config-{name}", {"configMap": {"name": name, "items": [item]}})
        self._mount(str(one["target"]), volume, item["path"], read_only=True)


def _memory(size: int) -> dict[str, Any]:
    """An emptyDir in memory, of at most `size` bytes; 0 is no limit."""
    return {"emptyDir": {"medium": "Memory", **({"sizeLimit": amount(size)} if size else {})}}
