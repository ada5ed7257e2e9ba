"""Whatever comes in, a parser gives a view that can be used, or says FormatError; never anything else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schema_documents import changed, documents

from oci_spec import image_layout, manifest
from oci_spec.descriptor import Descriptor
from oci_spec.image_config import ImageConfig
from oci_spec.jsondoc import FormatError
from oci_spec.platform import Platform
from oci_spec.runtime_config import Config, Features, State

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
HERE = Platform("linux", "amd64")


def read(view: Any) -> None:
    """Asks for everything that a view offers."""
    for name in dir(type(view)):
        if isinstance(getattr(type(view), name), property):
            getattr(view, name)


def use_manifest(data: bytes) -> None:
    found = manifest.parse(data, None)
    read(found)
    read(found.descriptor())
    entries = found.manifests if isinstance(found, manifest.Index) else [found.config, *found.layers]
    for entry in entries:
        read(entry)
    if isinstance(found, manifest.Index):
        found.choose(HERE)
        found.nested()


def use_config(data: bytes) -> None:
    found = Config.parse(data)
    read(found)
    found.namespace("pid")


def use_features(data: bytes) -> None:
    found = Features.parse(data)
    read(found)
    found.cgroup("v2")


USES: list[tuple[str, Callable[[bytes], None]]] = [
    ("descriptor", lambda data: read(Descriptor.parse(json.loads(data)))),
    ("image-manifest", use_manifest),
    ("image-index", use_manifest),
    ("image-index", lambda data: read(image_layout.parse_index(data))),
    ("image-config", lambda data: read(ImageConfig.parse(data))),
    ("runtime-config", use_config),
    ("runtime-state", lambda data: read(State.parse(data))),
    ("runtime-features", use_features),
]


@pytest.mark.parametrize(("type", "use"), USES)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_view_or_an_error(type: str, use: Callable[[bytes], None], data: st.DataObject) -> None:
    golden = [json.loads(path.read_text()) for path in sorted(GOLDEN.glob(f"{type}.*"))]
    originals = st.sampled_from(golden) | documents(type)
    value = data.draw(originals | changed(originals))
    with contextlib.suppress(FormatError):
        use(json.dumps(value).encode())


@pytest.mark.parametrize(("type", "use"), USES)
def test_golden_documents_can_be_used(type: str, use: Callable[[bytes], None]) -> None:
    for path in sorted(GOLDEN.glob(f"{type}.*")):
        if path.stem == "descriptor.unregistered":
            with pytest.raises(FormatError, match="unsupported digest"):
                use(path.read_bytes())
        else:
            use(path.read_bytes())
