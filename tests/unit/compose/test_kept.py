"""External secrets and configs: files of the machine, under their names."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import context

from ocipipe.compose import granted, project
from ocipipe.compose.positions import ComposeError


def content(here: Path, section: str, external: str = "{external: true}", **env: str) -> str:
    (here / "compose.yaml").write_text(f"services:\n  a: {{image: b}}\n{section}:\n  token: {external}\n")
    world = context(here / "root")
    world.env = {name: str(here / value) for name, value in env.items()}
    return granted.content(world, project.load(world, ["compose.yaml"]), section, "token").decode()


@pytest.fixture(autouse=True)
def _directories(here: Path) -> None:
    for directory, name in (("systemd", "token"), ("etc", "token"), ("etc", "other"), ("configs", "token")):
        (here / directory).mkdir(exist_ok=True)
        (here / directory / name).write_text(f"{directory}/{name}")
    (here / "etc" / "directory").mkdir()


def test_where_they_are(here: Path) -> None:
    both = {"CREDENTIALS_DIRECTORY": "systemd", "OCIPIPE_SECRETS": "etc"}
    assert content(here, "secrets", **both) == "systemd/token"
    assert content(here, "secrets", "{external: true, name: other}", **both) == "etc/other"
    assert content(here, "secrets", "{external: {name: other}}", OCIPIPE_SECRETS="etc") == "etc/other"
    assert content(here, "configs", CREDENTIALS_DIRECTORY="systemd", OCIPIPE_CONFIGS="configs") == "configs/token"


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/passwd", "..", "."])
def test_names_that_lead_elsewhere(here: Path, name: str) -> None:
    with pytest.raises(ComposeError, match="is no name of a file"):
        content(here, "secrets", f"{{external: true, name: '{name}'}}", OCIPIPE_SECRETS="etc")


def test_what_nobody_keeps(here: Path) -> None:
    gone = "{external: true, name: gone}"
    with pytest.raises(ComposeError) as caught:
        content(here, "secrets", gone, CREDENTIALS_DIRECTORY="systemd", OCIPIPE_SECRETS="etc")
    assert str(caught.value) == (
        "compose.yaml:4: secrets.token.external: this machine keeps no secret gone: there is no "
        f"{here}/systemd/gone and no {here}/etc/gone (write that file)"
    )
    with pytest.raises(ComposeError, match="no /etc/ocipipe/configs/gone "):
        content(here, "configs", gone)
    with pytest.raises(ComposeError, match="etc/directory: is no regular file"):
        content(here, "secrets", "{external: true, name: directory}", OCIPIPE_SECRETS="etc")
