"""cli/output: what -q prints of each kind of document."""

from __future__ import annotations

import pytest

from ocipipe.cli.output import bare

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"digest": DIGEST, "size": 1}, DIGEST),
        ({"id": "abc", "digest": DIGEST}, "abc"),
        ({"name": "library/debian", "tags": []}, "library/debian"),
        ({"action": "untag", "object": {"digest": DIGEST}, "reasons": []}, DIGEST),
        ({"descriptor": {"digest": DIGEST}, "manifest": {}}, DIGEST),
        ({"registry": "docker.io", "status": "logged-in"}, "docker.io"),
        ({"other": 1}, '{"other":1}'),
        (b"{}", "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        ("plain", "plain"),
    ],
)
def test_bare(document: object, text: str) -> None:
    assert bare(document) == text
