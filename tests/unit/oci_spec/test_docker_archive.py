"""oci_spec/docker_archive: Docker's list of images, in and out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec import docker_archive
from oci_spec.jsondoc import FormatError

PATHS = st.lists(st.text(min_size=1, max_size=8).filter(str.isprintable), max_size=3)


@given(st.lists(st.tuples(st.text("abc/", min_size=1), PATHS, PATHS), max_size=3))
def test_what_is_written_is_read(images: list[tuple[str, list[str], list[str]]]) -> None:
    data = docker_archive.dump([docker_archive.Item(*image) for image in images])
    assert [(item.config, item.layers, item.tags) for item in docker_archive.parse(data)] == images


def test_go_writes_empty_lists_as_null() -> None:
    (item,) = docker_archive.parse(b'[{"Config":"c.json","RepoTags":null,"Layers":null,"LayerSources":{}}]')
    assert (item.config, item.tags, item.layers) == ("c.json", [], [])
    assert json.loads(docker_archive.dump([item])) == [{"Config": "c.json", "RepoTags": None, "Layers": []}]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "is no array of images"),
        ("[1]", "/0: is not an object"),
        ("[{}]", "/0/Config: is no path"),
        ('[{"Config":""}]', "/0/Config: is no path"),
        ('[{"Config":"c","Layers":"x"}]', "/0/Layers: is no list of strings"),
        ('[{"Config":"c","Layers":[1]}]', "/0/Layers: is no list of strings"),
        ('[{"Config":"c","RepoTags":[""]}]', "/0/RepoTags: is no list of strings"),
        ('[{"Config":"c","Config":"d"}]', "stands twice"),
        ("nonsense", "not JSON"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(FormatError, match=r"manifest\.json: ") as caught:
        docker_archive.parse(text.encode())
    assert problem in str(caught.value)
