"""A file with every key, in the shortest form that it has, beside its canonical form: every change of that is seen."""

from __future__ import annotations

import json
from pathlib import Path

from oci_spec import validate
from ocipipe.compose import canonical, check, load
from ocipipe.compose.positions import Source

FULL = Path(__file__).with_name("full.yaml")
GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "compose.json"


def test_the_golden_document() -> None:
    (document,) = load.documents(FULL.read_bytes(), "full.yaml")
    made = canonical.document(document, Source("/srv/shop", "/home/me"))
    check.check(made)
    assert made == json.loads(GOLDEN.read_text())


def test_it_is_its_own_canonical_form() -> None:
    """The model is a compose file, too, and means the same when it is read again."""
    (document,) = load.documents(GOLDEN.read_bytes(), "compose.json")
    made = canonical.document(document, Source("/elsewhere", "/home/other"))
    assert made == json.loads(GOLDEN.read_text())
    assert validate.check("compose", made, "compose") is made
