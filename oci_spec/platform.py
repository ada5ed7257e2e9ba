"""Platforms (image-spec 1.1.1, image-index.md): names, normal forms, and which manifest suits which host."""

from __future__ import annotations

from .jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .jsondoc import Document

_MACHINES = {
    "x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "armel": "arm", "i386": "386",
    "i486": "386", "i586": "386", "i686": "386", "loongarch64": "loong64",
}  # fmt: skip
_DEFAULT_VARIANT = {"arm64": "v8", "arm": "v7"}


class Platform:
    """os/architecture[/variant] in normal form: `x86_64` is amd64, `armhf` arm/v7, arm64's v8 is left out."""

    __slots__ = ("architecture", "os", "os_version", "variant")

    def __init__(self, os: str, architecture: str, variant: str = "", os_version: str = "") -> None:
        architecture = architecture.lower()
        variant = variant.lower()
        if architecture == "armel" and not variant:
            variant = "v6"
        elif architecture in ("armv6l", "armv7l"):
            architecture, variant = "arm", variant or architecture[3:5]
        architecture = _MACHINES.get(architecture, architecture)
        if variant and variant.isdigit():
            variant = "v" + variant
        if variant == _DEFAULT_VARIANT.get(architecture) and architecture == "arm64":
            variant = ""
        if architecture == "arm" and not variant:
            variant = "v7"
        if architecture == "amd64" and variant == "v1":
            variant = ""
        self.os = os.lower()
        self.architecture = architecture
        self.variant = variant
        self.os_version = os_version

    @classmethod
    def parse(cls, value: object, subject: str = "platform") -> Platform:
        """From `os/arch[/variant]` or from a descriptor's platform object; FormatError for anything else."""
        if isinstance(value, str):
            parts = value.split("/")
            if not 2 <= len(parts) <= 3 or not all(
                part and part.replace("_", "").replace("-", "").replace(".", "").isalnum() for part in parts
            ):
                raise FormatError(subject, f"{value!r} is not os/architecture[/variant], like linux/arm64")
            return cls(*parts)
        if isinstance(value, dict):
            return cls(
                str(value.get("os") or ""),
                str(value.get("architecture") or ""),
                str(value.get("variant") or ""),
                str(value.get("os.version") or ""),
            )
        raise FormatError(subject, "a platform is os/architecture[/variant] or an object with these fields")

    @property
    def known(self) -> bool:
        """False for `unknown/unknown`, which marks attestations in an index: nothing that could run."""
        return self.os not in ("", "unknown") and self.architecture not in ("", "unknown")

    def document(self) -> Document:
        """As a descriptor's `platform` field."""
        found: Document = {"architecture": self.architecture, "os": self.os}
        if self.variant:
            found["variant"] = self.variant
        if self.os_version:
            found["os.version"] = self.os_version
        return found

    def runs(self, image: Platform) -> int:
        """How well an image for `image` suits a host of this platform: 0 not at all, higher is better.

        An arm host runs every older variant, a newer one first (v8 host: v8, v7, v6, v5); amd64 levels likewise.
        """
        if self.os != image.os:
            return 0
        if self.architecture == image.architecture:
            mine, theirs = _level(self.variant), _level(image.variant)
            return 100 + theirs if theirs <= mine or not mine else 0
        return 0

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Platform) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"Platform({self})"


def _level(variant: str) -> int:
    digits = variant[1:] if variant.startswith("v") else variant
    return int(digits) if digits.isdigit() else 0
