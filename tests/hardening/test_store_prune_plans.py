"""Plans of store-prune that are none, or lead out of the store."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import damage
from commands import Commands
from images import Image
from pruning import NOW, stored


def changed(found: dict[str, Any], **changes: object) -> bytes:
    return json.dumps({**found, **changes}).encode()


def test_plans_that_are_none(run: Commands, store_root: Path, dangling: Image, tmp_path: Path) -> None:
    """Refused whole, before anything is done, though the rest of the plan is good."""
    plan = run("store-prune", "--plan", NOW).documents
    good = "\n".join(map(json.dumps, plan)).encode() + b"\n"
    layer = next(one for one in plan if one["kind"] == "layer")
    other = run.on(OCIPIPE_ROOT=str(tmp_path / "other"))
    stored(other, tmp_path / "other", "one")
    stored(other, tmp_path / "other", "two")
    other("img-tag", "localhost/one:1", "localhost/two:1")
    bad: list[tuple[bytes, str]] = [
        (b"garbage\n", "CORRUPT"),
        (b"{", "INVALID"),
        (b"[]", "INVALID"),
        (b"\xff\xfe", "INVALID"),
        (b"{}", "INVALID"),
        (b'{"action":"delete","object":{},"reasons":[]}', "CORRUPT"),
        (json.dumps(dangling.root).encode(), "INVALID"),
        (other("store-prune", "--plan", NOW).out, "CONFLICT"),
        (changed(layer, store=""), "CONFLICT"),
        (changed(layer, action="create"), "CORRUPT"),
        (changed(layer, kind="host"), "CORRUPT"),
        (changed(layer, object={"kind": "layer", "id": "sha256:../../../../etc"}), "INVALID"),
        (changed(layer, object={"kind": "layer"}), "INVALID"),
        (changed(layer, kind="blob"), "INVALID"),
        (changed(layer, kind="container", object={"id": 1}), "INVALID"),
        (changed(layer, bytes=-1), "INVALID"),
    ]
    before = damage.times(store_root)
    for text, code in bad:
        for input in (good + text, text):
            done = run("store-prune", "--apply", "-", input=input, status=1)
            assert (done.out, [error["code"] for error in done.errors]) == (b"", [code]), text
    assert damage.times(store_root) == before
    assert run("store-prune", "--apply", "-", input=b"").documents == []
    assert run("store-prune", "--apply", tmp_path / "none", status=1).errors[0]["code"] == "NOT_FOUND"


def test_a_path_that_leads_out(run: Commands, store_root: Path, dangling: Image, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("stays")
    like = run("store-prune", "--plan", NOW).documents[0]
    plan = []
    for path in ("../victim", "leases/../../victim", "/etc/passwd", "containers/names/../../../victim"):
        found = Path(os.path.normpath(store_root / path)).stat()
        state = f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
        for kind in ("temporary", "partial", "lease", "mark"):
            plan.append(changed(like, kind=kind, object={"path": path}, state=state))
    done = run("store-prune", "--apply", "-", input=b"\n".join(plan)).documents
    assert [one["action"] for one in done] == ["skip"] * len(plan)
    assert victim.read_text() == "stays"
    assert Path("/etc/passwd").exists()
