"""Projects beside each other, and what is left of one: orphans, two directories of one name, commands killed."""

from __future__ import annotations

from projects import SLEEPS, Project

SHOP = f"""
services:
  web: {SLEEPS.replace("}", ", volumes: [/cache], depends_on: [db], environment: {A: '${A:-1}'}}")}
  db: {SLEEPS.replace("}", ", volumes: ['files:/files'], secrets: [s]}")}
volumes: {{files: }}
secrets: {{s: {{environment: PATH}}}}
"""


def test_orphans(project: Project) -> None:
    project.write(f"services: {{web: {SLEEPS}, old: {SLEEPS}}}")
    project.up()
    project.write(f"services: {{web: {SLEEPS}}}")
    done = project("compose-up", "-d")
    assert b"shop-old-1: of no service that there still is: --remove-orphans removes them" in done.err
    assert sorted(project.all()) == ["shop-old-1", "shop-web-1"]
    assert project.plan("--remove-orphans") == ["remove shop-old-1 services"]
    project("compose-down")
    assert list(project.all()) == ["shop-old-1"]
    assert project.names("net") == ["shop_default"]  # it is on it
    project("compose-down", "--remove-orphans")
    assert project.left() == []


def test_two_directories_of_one_name(project: Project) -> None:
    project.write(f"services: {{web: {SLEEPS}}}")
    other = Project(project.host, project.directory.parent / "other" / "shop", f"services: {{web: {SLEEPS}}}")
    mine = project.up()
    for argv in (["compose-up", "-d"], ["compose-down"], ["compose-ps"], ["compose-stop"], ["compose-plan"]):
        message = other.refused(*argv)
        assert f"belongs to another project shop, of {project.directory}" in message
    assert project.all() == mine
    assert list(other.up("-p", "theirs")) == ["theirs-web-1"]
    listed = {one["name"]: one["directory"] for one in project("compose-ls").documents}
    assert listed == {"shop": str(project.directory), "theirs": str(other.directory)}
    elsewhere = Project(project.host, project.directory.parent / "elsewhere")
    (seen,) = elsewhere("compose-ps", "-p", "theirs").documents  # by the files that it was made from
    assert seen["name"] == "theirs-web-1"
    assert "compose.yaml" in elsewhere.refused("compose-ps", "-p", "nobodys")
    elsewhere("compose-down", "-p", "theirs")
    assert project.all() == mine
    moved = project.directory.rename(project.directory.parent / "moved")  # then nobody else's files are there
    again = Project(project.host, moved)
    again("compose-down", "-p", "shop")
    assert project.host.run("ctr-ps", "-aq").out == b""
