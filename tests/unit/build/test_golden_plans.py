"""Whole Dockerfiles and what they mean, in golden/: the plan, every step and the config at each stage's end.

`WRITE_GOLDEN=1 pytest tests/unit/build/test_golden_plans.py` writes them anew; read the difference then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dockerfiles import HERE, carried_out, fields

from oci_spec.platform import Platform
from ocipipe.build.dockerfile import parse
from ocipipe.build.plan import plan

GOLDEN = Path(__file__).parent / "golden"


def told(path: Path) -> dict[str, Any]:
    found = plan(parse(path.read_bytes()), platform=Platform("linux", "arm64"), build_platform=HERE)
    done = carried_out(found)
    return {
        "target": found.target.index,
        "stages": [
            {
                "index": stage.index,
                "name": stage.name,
                "base": stage.base,
                "platform": str(stage.platform),
                "needs": sorted(stage.needs),
                "steps": [
                    {"kind": type(step).__name__, "line": step.place.first}
                    | {name: value for name, value in fields(step).items() if name != "config"}
                    for step in done[stage.index][1]
                ],
                "config": done[stage.index][0].config,
                "run": done[stage.index][0].variables_of_run(),
            }
            for stage in found.stages
        ],
    }


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.dockerfile")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    golden = path.with_suffix(".json")
    found = told(path)
    if "WRITE_GOLDEN" in os.environ:
        golden.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(golden.read_text())


def test_a_good_dockerfile_takes_few_imports() -> None:
    """Regular expressions, difflib and json are for patterns, suggestions and refusals."""
    code = (
        "import sys\n"
        "from oci_spec.platform import Platform\n"
        "from ocipipe.build import dockerfile, meaning, plan\n"
        "here = Platform('linux', 'amd64')\n"
        "found = plan.plan(dockerfile.parse(sys.stdin.buffer.read()), platform=here, build_platform=here)\n"
        "scope = {}\n"
        "for stage in found.stages:\n"
        "    scope = meaning.Scope(stage, found, scope)\n"
        "    steps = [scope.step(one) for one in stage.instructions]\n"
        "print(*{'re', 'difflib', 'json', 'enum', 'typing', 'dataclasses'} & sys.modules.keys())\n"
    )
    text = (GOLDEN / "python-app.dockerfile").read_bytes()
    done = subprocess.run([sys.executable, "-I", "-c", code], input=text, capture_output=True, check=True)
    assert done.stdout == b"\n"
