"""Build arguments: which are there before any ARG, and which of them count for what."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.platform import Platform

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
"""Given to every RUN when they are given to the build, declared or not, in capitals and in small letters."""
OF_THE_BUILD = frozenset(("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"))
"""Never a variable of a RUN."""
_PREDEFINED = "BUILDKIT_"


def of_platforms(target: Platform, build: Platform, stage: str) -> dict[str, str]:
    """The automatic ones: of the platform that is built for, and of the one that builds. `stage`: the target's name."""
    found: dict[str, str] = {}
    for prefix, platform in (("BUILD", build), ("TARGET", target)):
        found |= {
            f"{prefix}PLATFORM": str(platform),
            f"{prefix}OS": platform.os,
            f"{prefix}OSVERSION": platform.os_version,
            f"{prefix}ARCH": platform.architecture,
            f"{prefix}VARIANT": platform.variant,
        }
    return {**found, "TARGETSTAGE": stage or "default"}


def is_predefined(name: str) -> bool:
    """Whether a build may be given it though no ARG declares it."""
    return name.upper() in PROXIES or name == "SOURCE_DATE_EPOCH" or name.startswith(_PREDEFINED)


def proxies(given: Mapping[str, str]) -> dict[str, str]:
    """Those of the proxies that a build was given, both ways they are spelt. They are no part of what a step is."""
    found = {name.upper(): value for name, value in given.items() if name.upper() in PROXIES}
    return {**found, **{name.lower(): value for name, value in found.items()}}
