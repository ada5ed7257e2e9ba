"""What the whole model has beyond its files: what services refer to is there, what they leave out is said."""

from __future__ import annotations

from oci_spec.jsondoc import FormatError

from . import dotenv, files, names
from .order import JOBS
from .positions import ComposeError, Mapping, Place, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as Variables
    from typing import Any

NAMESPACES = ("network_mode", "ipc", "pid", "uts", "cgroup")
_SERVICE = "service:"
_RESOURCES = ("networks", "volumes", "secrets", "configs")
_CONDITIONS = {"none": "no", "any": "always", "on-failure": "on-failure"}
_SAME = (
    ("cpus", "limits", "cpus"), ("mem_limit", "limits", "memory"), ("pids_limit", "limits", "pids"),
    ("mem_reservation", "reservations", "memory"),
)  # fmt: skip
"""Two ways to say the same: a service's key, and one of its deploy.resources."""


def finish(
    model: Mapping, name: str, directory: str, variables: Variables[str, str], missing: Callable[[str, Place], None]
) -> Mapping:
    """The finished model of a project called `name`, from its merged files. Raises ComposeError."""
    return _Finish(model, name, directory, variables, missing).model()


class _Finish:
    def __init__(
        self, files: Mapping, name: str, directory: str, variables: Variables[str, str],
        missing: Callable[[str, Place], None],
    ) -> None:  # fmt: skip
        self.files = files
        self.name = name
        self.directory = directory
        self.variables = variables
        self.missing = missing

    def model(self) -> Mapping:
        new = Mapping(self.files.place)
        new.put("name", self.name, self.files.place_of("name"))
        for section in ("services", *_RESOURCES):
            new.put(section, self.files.get(section) or Mapping(self.files.place), self.files.place_of(section))
        for key, value in self.files.items():
            if key.startswith("x-"):
                new.put(key, value, self.files.place_of(key))
        self.new = new
        if not new["services"]:
            raise ComposeError(Place(self.files.place.file, 0), (), "has no services", "write at least one")
        for name, service in new["services"].items():
            self.service(name, service, ["services", name])
        self.container_names()
        for section in _RESOURCES:
            for key, value in new[section].items():
                self.resource(section, key, value)
        return new

    # Services.

    def service(self, name: str, service: Mapping, path: list[str | int]) -> None:
        for key in ("command", "entrypoint"):
            if key in service and service[key] is None:
                service.drop(key)
        if "image" not in service and "build" not in service:
            raise ComposeError(self.new["services"].place_of(name), path, "has neither an image nor a build")
        health = service.get("healthcheck")
        if isinstance(health, Mapping) and health.get("test", [""])[0] == "NONE":
            health["disable"] = True
            health.drop("test")
        self.image(service, path)
        self.build(service, path)
        self.variables_of(service, path)
        self.attachments(service, path)
        self.dependencies(name, service, path)
        self.amounts(service, path)
        for section in ("secrets", "configs"):
            self.granted(service, section, path)
            if "build" in service and section == "secrets":
                self.granted(service["build"], section, [*path, "build"])
        for number, mount in enumerate(service.get("volumes") or ()):
            source = mount.get("source")
            if mount.get("type") == "volume" and source is not None and source not in self.new["volumes"]:
                place = service["volumes"].place_of(number)
                raise ComposeError(
                    place, [*path, "volumes", number], f"the volume {source} is not under volumes",
                    f"declare it, or write ./{source} for a directory",
                )  # fmt: skip

    def image(self, service: Mapping, path: list[str | int]) -> None:
        from oci_spec import reference

        if "image" in service:
            try:
                reference.parse(service["image"])
            except FormatError as error:
                if _is_id(service["image"]):
                    return
                problem = f"{service['image']!r} is no image: {error.problem}"
                raise ComposeError(service.place_of("image"), [*path, "image"], problem) from None

    def build(self, service: Mapping, path: list[str | int]) -> None:
        build = service.get("build")
        if build is None:
            return
        build.setdefault("context", self.directory)
        if "dockerfile" in build and "dockerfile_inline" in build:
            raise ComposeError(
                build.place_of("dockerfile_inline"), [*path, "build"], "has both dockerfile and dockerfile_inline",
                "leave one of them",
            )  # fmt: skip
        if "dockerfile_inline" not in build:
            build.setdefault("dockerfile", "Dockerfile")

    def variables_of(self, service: Mapping, path: list[str | int]) -> None:
        """The environment and labels, with those of env_file and label_file."""
        own = service.get("environment")
        found = Mapping(service.place_of("env_file"))
        for number, entry in enumerate(service.get("env_file") or ()):
            place = service["env_file"].place_of(number)
            data = self.optional(entry, place, [*path, "env_file", number])
            shown = files.shown(entry["path"])
            if data is None:
                continue
            if entry.get("format") == "raw":
                values = dotenv.raw(data, shown)
            else:
                values = dotenv.parse(data, shown, {**found, **self.variables}, self.missing)
            for key, value in values.items():
                found.put(key, value, place)
        _beneath(service, "environment", found, own)
        service.drop("env_file")
        found = Mapping(service.place_of("label_file"))
        for number, file in enumerate(service.get("label_file") or ()):
            place = service["label_file"].place_of(number)
            data = files.read_for(file, place, [*path, "label_file", number])
            for key, value in dotenv.parse(data, files.shown(file), self.variables, self.missing).items():
                found.put(key, value, place)
        _beneath(service, "labels", found, service.get("labels"))
        service.drop("label_file")

    def optional(self, entry: Mapping, place: Place, path: list[str | int]) -> bytes | None:
        import os

        if not entry["required"] and not os.path.exists(entry["path"]):
            return None
        return files.read_for(entry["path"], place, path)

    def attachments(self, service: Mapping, path: list[str | int]) -> None:
        """The networks: of a service that names none, the default one, which then is declared. Raises ComposeError."""
        networks = service.get("networks")
        if service.get("network_mode") is not None:
            if networks:
                raise ComposeError(
                    service.place_of("network_mode"), [*path, "network_mode"], "stands beside networks",
                    "leave one of them",
                )  # fmt: skip
            service.drop("networks")
            return
        if not networks:
            networks = Mapping(service.place)
            networks["default"] = Mapping(service.place)
            service.put("networks", networks, service.place_of("networks"))
        for key in networks:
            if key in self.new["networks"]:
                continue
            if key != "default":
                raise ComposeError(
                    networks.place_of(key), [*path, "networks", key], "is not under networks", "declare it there"
                )
            self.new["networks"].put(key, Mapping(service.place), service.place)

    def dependencies(self, name: str, service: Mapping, path: list[str | int]) -> None:
        """depends_on, with what other keys imply. Raises ComposeError."""
        found: list[tuple[str, str, Place, bool]] = []
        for number, link in enumerate(service.get("links") or ()):
            found.append((link.partition(":")[0], f"links[{number}]", service["links"].place_of(number), True))
        for key in NAMESPACES:
            value = service.get(key)
            if isinstance(value, str) and value.startswith(_SERVICE):
                found.append((value[len(_SERVICE) :], key, service.place_of(key), True))
        for number, value in enumerate(service.get("volumes_from") or ()):
            if not value.startswith("container:"):
                place = service["volumes_from"].place_of(number)
                found.append((value.partition(":")[0], f"volumes_from[{number}]", place, False))
        depends: Mapping | None = service.get("depends_on")
        for other in list(depends) if depends is not None else ():
            assert depends is not None
            place = depends.place_of(other)
            if other == name:
                raise ComposeError(place, [*path, "depends_on"], "a service cannot depend on itself")
            if other in self.new["services"]:
                continue
            if depends[other].get("required", True):
                raise ComposeError(place, [*path, "depends_on"], f"there is no service {other}")
            depends.drop(other)
        for other, key, place, restart in found:
            if other not in self.new["services"] or other == name:
                raise ComposeError(place, [*path, key], f"there is no {'other ' * (other == name)}service {other}")
            if depends is None:
                depends = Mapping(place)
                service.put("depends_on", depends, place)
            if other not in depends:
                how = Mapping(place)
                how.update({"condition": "service_started", "required": True})
                if restart:
                    how["restart"] = True
                depends.put(other, how, place)

    def amounts(self, service: Mapping, path: list[str | int]) -> None:
        """What deploy can say, too, is moved to the service's own keys. Raises ComposeError where the two differ."""
        deploy: Any = service.get("deploy") or {}
        resources = deploy.get("resources") or {}
        for key, part, other in _SAME:
            theirs = (resources.get(part) or {}).get(other)
            if theirs is None:
                continue
            value: Any = float(theirs) if key == "cpus" else int(theirs)
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            self.same(service, key, value, path, f"deploy.resources.{part}.{other}")
        if "replicas" in deploy:
            self.same(service, "scale", deploy["replicas"], path, "deploy.replicas")
        mode = deploy.get("mode", "replicated")
        if mode.startswith("global") and service.get("scale", 1) > 1:
            raise ComposeError(
                deploy.place_of("mode"), [*path, "deploy", "mode"],
                f"is one container to a host, and scale or replicas says {service['scale']}", "leave one of them",
            )  # fmt: skip
        policy = deploy.get("restart_policy")
        if policy is not None and "restart" not in service:
            restart = _CONDITIONS[policy.get("condition", "on-failure" if mode in JOBS else "any")]
            most = policy.get("max_attempts")
            if most is not None and restart != "on-failure":
                raise ComposeError(
                    policy.place_of("max_attempts"), [*path, "deploy", "restart_policy", "max_attempts"],
                    "counts only restarts on-failure", "write condition: on-failure",
                )  # fmt: skip
            service["restart"] = f"{restart}:{most}" if most else restart
        if mode in JOBS and service.setdefault("restart", "on-failure") in ("always", "unless-stopped"):
            said = ["restart"] if policy is None or "restart" in service.places else ["deploy", "restart_policy"]
            raise ComposeError(
                place_at(service, said), [*path, *said],
                f"starts again what has ended well, and deploy.mode says {mode}", "on-failure or none",
            )  # fmt: skip
        if "container_name" in service and service.get("scale", 1) > 1:
            raise ComposeError(
                service.place_of("container_name"), [*path, "container_name"],
                f"one name cannot be that of {service['scale']} containers", "leave it out",
            )  # fmt: skip

    def container_names(self) -> None:
        found: dict[str, str] = {}
        for name, service in self.new["services"].items():
            wanted = service.get("container_name")
            if wanted is not None and found.setdefault(wanted, name) != name:
                raise ComposeError(
                    service.place_of("container_name"), ["services", name, "container_name"],
                    f"is that of {found[wanted]} too", "two containers cannot have one name",
                )  # fmt: skip

    def same(self, service: Mapping, key: str, value: Any, path: list[str | int], other: str) -> None:
        if service.get(key, value) != value:
            raise ComposeError(
                service.place_of(key), [*path, key], f"says {service[key]} and {other} {value}", "leave one of them"
            )
        service[key] = value

    def granted(self, holder: Mapping, section: str, path: list[str | int]) -> None:
        for number, entry in enumerate(holder.get(section) or ()):
            if entry["source"] not in self.new[section]:
                place = holder[section].place_of(number)
                raise ComposeError(
                    place, [*path, section, number], f"{entry['source']} is not under {section}", "declare it there"
                )

    # What is declared beside services.

    def resource(self, section: str, key: str, value: Mapping) -> None:
        path = [section, key]
        external = value.get("external")
        if external is False:
            value.drop("external")
        if "name" not in value:
            value["name"] = key if external else names.resource(self.name, key)
        if section in ("networks", "volumes"):
            others = [one for one in value if one not in ("name", "external", "labels") and not one.startswith("x-")]
            if external and others:
                raise ComposeError(
                    value.place_of(others[0]), [*path, others[0]], "stands at what is external", "take it away"
                )
            return
        kinds = [one for one in ("file", "environment", "content", "external") if value.get(one) not in (None, False)]
        if len(kinds) != 1:
            choice = (
                "file, environment or external" if section == "secrets" else "file, environment, content or external"
            )
            problem = f"has both {' and '.join(kinds)}" if kinds else "does not say where its content is"
            raise ComposeError(self.new[section].place_of(key), path, problem, f"write one of {choice}")


def _is_id(text: str) -> bool:
    """Whether an image is named by its digest alone."""
    digits = text.removeprefix("sha256:")
    return len(digits) == 64 and set(digits) <= set("0123456789abcdef")


def _beneath(service: Mapping, key: str, found: Mapping, own: Mapping | None) -> None:
    """Lays a service's own values over those of its files."""
    if not found:
        return
    for name, value in (own or {}).items():
        found.put(name, value, own.place_of(name) if own is not None else found.place)
    service.put(key, found, service.place_of(key) if own is not None else found.place)
