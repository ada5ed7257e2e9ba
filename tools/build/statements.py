"""What is told of an image beside it: its packages (SPDX 2.3) and how it was made (SLSA provenance 1), as in-toto
statements (attestation framework, v0.1, which readers of BuildKit's attestations expect). Pure.

Nothing in them is a name of this host, and nothing a time but the image's own, unless one is asked for.
"""

from __future__ import annotations

from oci_spec import digest, jsondoc, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oci_spec.descriptor import Descriptor
    from oci_spec.jsondoc import Document
    from oci_spec.platform import Platform

    from .packages import Package

SPDX, SLSA = "https://spdx.dev/Document", "https://slsa.dev/provenance/v1"
"""Types of predicates."""
_STATEMENT = "https://in-toto.io/Statement/v0.1"
_BUILD_TYPE = "https://ocipipe.org/buildtypes/dockerfile/v1"
_BUILDER = "https://ocipipe.org/img-build"
_NOTHING = "NOASSERTION"


def statement(kind: str, names: Sequence[str], image: Descriptor, platform: Platform, predicate: Document) -> Document:
    """The statement that `predicate` holds for an image, under its names."""
    algorithm, _, value = str(image.digest).partition(":")
    subjects = [image_url(name, platform) for name in names] or ["_"]
    return {
        "_type": _STATEMENT,
        "predicateType": kind,
        "subject": [{"name": one, "digest": {algorithm: value}} for one in subjects],
        "predicate": predicate,
    }


def image_url(name: str, platform: Platform) -> str:
    """The package URL of an image (purl-spec, docker)."""
    from urllib.parse import quote

    known = reference.parse(name)
    place = "/".join(quote(part, safe="") for part in reference.Reference(
        known.registry, known.repository, None, None
    ).familiar.split("/"))  # fmt: skip
    version = f"@{quote(known.tag)}" if known.tag else ""
    more = [f"digest={known.digest}"] if known.digest else []
    more.append(f"platform={quote(str(platform), safe='')}")
    return f"pkg:docker/{place}{version}?{'&'.join(more)}"


def spdx(
    packages: Sequence[Package], system: Mapping[str, str], name: str, created: str, tool: str
) -> Document:
    """The SPDX document of an image's packages."""
    root: Document = {**_package("SPDXRef-Image", name), "primaryPackagePurpose": "CONTAINER"}
    entries: list[Document] = []
    for one in packages:
        url = one.url(system)
        identity = f"SPDXRef-Package-{one.kind}-{digest.of_bytes(url.encode()).hex[:16]}"
        entry = _package(identity, one.name) | {"versionInfo": one.version}
        if one.supplier:
            entry["supplier"] = one.supplier
        entry["externalRefs"] = [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}
        ]
        if one.license:
            entry["licenseComments"] = f"declared as {one.license}"
        entries.append(entry)
    identity = digest.of_bytes(jsondoc.dumps({"name": name, "packages": entries})).hex
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://ocipipe.org/spdx/{identity}",
        "creationInfo": {"created": created, "creators": [f"Tool: {tool}"]},
        "packages": [root, *entries],
        "relationships": [
            _relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image"),
            *(_relation("SPDXRef-Image", "CONTAINS", str(one["SPDXID"])) for one in entries),
        ],
    }


def _package(identity: str, name: str) -> Document:
    return {
        "SPDXID": identity, "name": name, "downloadLocation": _NOTHING, "filesAnalyzed": False,
        "licenseConcluded": _NOTHING, "licenseDeclared": _NOTHING, "copyrightText": _NOTHING,
    }  # fmt: skip


def _relation(one: str, kind: str, other: str) -> Document:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def provenance(
    parameters: Document, details: Document, materials: Mapping[str, str], version: str, times: tuple[str, str] | None
) -> Document:
    """How an image was made. `parameters`: what the command line asked for; `details`: what is told beyond that;
    `materials`: what came from outside, with digests ('' for none); `times`: when it began and ended, where asked."""
    return {
        "buildDefinition": {
            "buildType": _BUILD_TYPE,
            "externalParameters": parameters,
            "internalParameters": details,
            "resolvedDependencies": [_material(name, found) for name, found in sorted(materials.items())],
        },
        "runDetails": {
            "builder": {"id": _BUILDER, "version": {"ocipipe": version}},
            **({"metadata": {"startedOn": times[0], "finishedOn": times[1]}} if times else {}),
        },
    }


def _material(name: str, found: str) -> Document:
    algorithm, _, value = found.partition(":")
    return {"uri": name, **({"digest": {algorithm: value}} if found else {})}
