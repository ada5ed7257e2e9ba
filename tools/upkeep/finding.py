"""Findings: the documents that store-check writes and img-pull --repair reads (schema `finding`)."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from oci_spec.descriptor import Descriptor
    from oci_spec.jsondoc import Document

REPAIR = "store-check | img-pull --repair"
PRUNE = "store-prune"


def finding(
    code: str,
    target: Document,
    problem: str,
    *,
    garbage: bool = False,
    remedy: str = "",
    images: Iterable[str] = (),
    containers: Iterable[str] = (),
    **more: object,
) -> Document:
    """One finding about `target`, an error unless it is `garbage`; the remedy is ours for either when none is given."""
    return {
        "code": code,
        "severity": "garbage" if garbage else "error",
        "object": target,
        "problem": problem,
        "affects": {"images": list(images), "containers": list(containers)},
        "remedy": remedy or (PRUNE if garbage else REPAIR),
        **more,
    }


def place(kind: str, root: str, path: str, **more: object) -> Document:
    """The object of a finding that is no blob: what it is and where below the store's root."""
    return {"kind": kind, **more, "path": os.path.relpath(path, root)}


def bare(descriptor: Descriptor) -> Document:
    """A descriptor without what names it here or there."""
    kept = ("mediaType", "digest", "size", "urls")
    return {key: descriptor.document[key] for key in kept if key in descriptor.document}
