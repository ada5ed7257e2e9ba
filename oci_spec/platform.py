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
_BASELINE = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
"""What an architecture means without a variant."""
_PART = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")


class Platform:
    """os/architecture[/variant] in normal form: `x86_64` is amd64, `armhf` arm/v7, amd64's v1, arm64's v8 left out."""

    __slots__ = ("architecture", "os", "os_version", "variant")

    def __init__(self, os: str, architecture: str, variant: str = "", os_version: str = "") -> None:
        architecture = architecture.lower()
        variant = variant.lower()
        if architecture == "armel" and not variant:
            variant = "v6"
        elif architecture in ("armv6l", "armv7l"):
            architecture, variant = "arm", variant or architecture[3:5]
        architecture = _MACHINES.get(architecture, architecture)
        if variant.isdigit():
            variant = "v" + variant
        if architecture == "arm":  # the one that is written with its variant: v6 and v7 are both common
            variant = variant or _BASELINE["arm"]
        elif variant == _BASELINE.get(architecture):
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
            if len(parts) not in (2, 3) or not all(part and _PART.issuperset(part) for part in parts):
                raise FormatError(subject, f"{value[:80]!r} is not os/architecture[/variant], like linux/arm64")
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

        The host's own variant suits best, then the newest of the older ones (arm/v7: v7, v6, v5), then, where variants
        have no order, an image for the architecture as such.
        """
        if (self.os, self.architecture) != (image.os, image.architecture):
            return 0
        if self.variant == image.variant:
            return 1000
        baseline = _BASELINE.get(self.architecture, "")
        mine, theirs = _level(self.variant or baseline), _level(image.variant or baseline)
        if mine and theirs:
            return 100 + theirs if theirs <= mine else 0
        return 0 if image.variant else 1

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Platform) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"Platform({self})"


def _level(variant: str) -> int:
    """The number of a variant that has one (v7: 7), which the older ones have lower; 0 for any other."""
    return int(variant[1:]) if variant[:1] == "v" and variant[1:].isdecimal() else 0
