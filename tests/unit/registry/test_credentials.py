"""Where credentials are found and kept (PITFALLS 17)."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from oci_spec.jsondoc import FormatError
from ocipipe.errors import Denied, NotFound, Unavailable
from ocipipe.registry.credentials import Credential, Keychain


def auth(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


class Home:
    """A user's files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.docker = path / ".docker/config.json"
        self.podman = path / "run/containers/auth.json"
        self.env = {"HOME": str(path), "XDG_RUNTIME_DIR": str(path / "run"), "PATH": f"{path}/bin:{os.environ['PATH']}"}

    def write(self, path: Path, document: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def keychain(self, authfile: str | None = None, **env: str) -> Keychain:
        return Keychain({**self.env, **env}, authfile, 4242)

    def found(self, registry: str, repository: str = "", **options: Any) -> tuple[str, str, str] | None:
        credential = self.keychain(**options).find(registry, repository)
        return credential and (credential.username, credential.password, credential.identity_token)

    def helper(self, name: str, script: str) -> None:
        """A credential helper whose verb is $1; what it is told is kept in the file of the verb's name."""
        path = self.path / "bin" / f"docker-credential-{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ncat >{self.path}/$1\n{script}\n")
        path.chmod(0o755)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_nothing_is_there(home: Home) -> None:
    assert home.found("registry.lab") is None


@pytest.mark.parametrize(
    "key", ["registry.lab", "https://registry.lab", "http://registry.lab/", "https://registry.lab/v1/", "registry.lab/"]
)
def test_docker_s_keys(home: Home, key: str) -> None:
    home.write(home.docker, {"auths": {"other.lab": auth("x", "y"), key: auth("me", "a:b")}})
    assert home.found("registry.lab") == ("me", "a:b", "")
    assert home.found("registry.lab:5000") is None


@pytest.mark.parametrize(
    "key", ["https://index.docker.io/v1/", "index.docker.io/v1", "docker.io", "index.docker.io", "registry-1.docker.io"]
)
def test_docker_hub_s_keys(home: Home, key: str) -> None:
    home.write(home.docker, {"auths": {key: auth("me", "secret")}})
    assert home.found("docker.io", "library/debian") == ("me", "secret", "")


def test_docker_config(home: Home) -> None:
    home.write(home.docker, {"auths": {"registry.lab": auth("default", "x")}})
    home.write(home.path / "moved/config.json", {"auths": {"registry.lab": auth("moved", "x")}})
    assert home.found("registry.lab", DOCKER_CONFIG=f"{home.path}/moved") == ("moved", "x", "")


def test_podman_s_file_is_asked_first_and_docker_s_next(home: Home) -> None:
    home.write(home.podman, {"auths": {"registry.lab": auth("podman", "x")}})
    home.write(home.docker, {"auths": {"registry.lab": auth("docker", "x"), "other.lab": auth("docker", "y")}})
    assert home.found("registry.lab") == ("podman", "x", "")
    assert home.found("other.lab") == ("docker", "y", "")


def test_a_named_file_stands_instead_of_all(home: Home) -> None:
    home.write(home.docker, {"auths": {"registry.lab": auth("docker", "x")}})
    home.write(home.path / "named.json", {"auths": {"x.lab": auth("named", "x")}})
    home.write(home.path / "given.json", {"auths": {"x.lab": auth("given", "x")}})
    named = {"REGISTRY_AUTH_FILE": str(home.path / "named.json")}
    assert home.found("registry.lab", **named) is None
    assert home.found("x.lab", **named) == ("named", "x", "")
    assert home.found("x.lab", authfile=str(home.path / "given.json"), **named) == ("given", "x", "")
    with pytest.raises(NotFound, match="no such file"):
        home.found("x.lab", authfile=str(home.path / "missing.json"))


def test_the_longest_path_wins(home: Home) -> None:
    keys = {
        "registry.lab": auth("all", "x"),
        "registry.lab/team": auth("team", "x"),
        "registry.lab/team/a": auth("a", "x"),
    }
    home.write(home.podman, {"auths": keys})
    for repository, user in [("team/a", "a"), ("team/a/b", "a"), ("team/b", "team"), ("teams", "all"), ("", "all")]:
        assert home.found("registry.lab", repository) == (user, "x", "")


def test_a_namespace_called_v1_is_no_api_version(home: Home) -> None:
    home.write(home.podman, {"auths": {"registry.lab/v1": auth("me", "x")}})
    assert home.found("registry.lab", "v1/image") == ("me", "x", "")
    assert home.found("registry.lab", "other") is None


def test_an_identity_token(home: Home) -> None:
    home.write(home.docker, {"auths": {"registry.lab": {**auth("me", ""), "identitytoken": "tok"}}})
    assert home.found("registry.lab") == ("me", "", "tok")


def test_user_name_and_password_apart(home: Home) -> None:
    home.write(home.docker, {"auths": {"registry.lab": {"username": "me", "password": "secret"}, "empty.lab": {}}})
    assert home.found("registry.lab") == ("me", "secret", "")
    assert home.found("empty.lab") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"auths":[]}', "/auths: must be an object"),
        ('{"credHelpers":"x"}', "/credHelpers: must be an object"),
    ],
)
def test_a_file_of_another_form(home: Home, text: str, message: str) -> None:
    home.docker.parent.mkdir()
    home.docker.write_text(text)
    with pytest.raises(FormatError) as caught:
        home.found("registry.lab")
    assert str(home.docker) in str(caught.value)
    assert message in str(caught.value)


def test_a_secret_that_cannot_be_read_is_not_shown(home: Home) -> None:
    home.write(home.docker, {"auths": {"registry.lab": {"auth": "s3cret!"}}})
    with pytest.raises(FormatError, match="base64") as caught:
        home.found("registry.lab")
    assert "s3cret" not in str(caught.value)


def test_a_credential_does_not_show_itself() -> None:
    assert "secret" not in repr(Credential("me", "secret", "secret"))


def test_helpers(home: Home) -> None:
    home.helper("all", """echo '{"ServerURL":"x","Username":"me","Secret":"kept"}'""")
    home.helper("one", """echo '{"Username":"<token>","Secret":"identity"}'""")
    home.write(home.docker, {"credsStore": "all", "credHelpers": {"one.lab": "one"}})
    assert home.found("registry.lab") == ("me", "kept", "")
    assert (home.path / "get").read_text() == "registry.lab"
    assert home.found("docker.io") == ("me", "kept", "")
    assert (home.path / "get").read_text() == "https://index.docker.io/v1/"
    assert home.found("one.lab") == ("", "", "identity")


def test_what_a_helper_does_not_have_may_be_in_the_file(home: Home) -> None:
    home.helper("all", "echo credentials not found in native keychain; exit 1")
    home.write(home.docker, {"credsStore": "all", "auths": {"registry.lab": auth("me", "x")}})
    assert home.found("registry.lab") == ("me", "x", "")
    assert home.found("other.lab") is None


@pytest.mark.parametrize(
    ("script", "message"),
    [("echo secret >&2; exit 3", "failed on get with status 3"), ("echo secret", "answer is no JSON object")],
)
def test_a_helper_that_fails(home: Home, script: str, message: str) -> None:
    home.helper("all", script)
    home.write(home.docker, {"credsStore": "all"})
    with pytest.raises(Unavailable, match=message) as caught:
        home.found("registry.lab")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere", "../../bin/sh"])
def test_a_helper_that_is_not_installed(home: Home, name: str) -> None:
    home.write(home.docker, {"credsStore": name})
    with pytest.raises(Unavailable, match="not installed"):
        home.found("registry.lab")


def test_save(home: Home) -> None:
    home.write(home.docker, {"psFormat": "x", "auths": {"other.lab": auth("x", "y")}})
    home.docker.chmod(0o644)
    assert home.keychain().save("registry.lab", Credential("me", "secret")) == str(home.docker)
    assert json.loads(home.docker.read_text()) == {
        "psFormat": "x",
        "auths": {"other.lab": auth("x", "y"), "registry.lab": auth("me", "secret")},
    }
    assert stat.S_IMODE(home.docker.stat().st_mode) == 0o600
    home.keychain().save("docker.io", Credential("hub", "", "identity"))
    assert json.loads(home.docker.read_text())["auths"]["https://index.docker.io/v1/"] == {
        **auth("hub", ""),
        "identitytoken": "identity",
    }
    assert home.found("docker.io") == ("hub", "", "identity")


def test_save_makes_a_directory_for_nobody_else(home: Home) -> None:
    home.keychain().save("registry.lab", Credential("me", "secret"))
    assert stat.S_IMODE(home.docker.parent.stat().st_mode) == 0o700
    assert os.listdir(home.docker.parent) == ["config.json"]


def test_a_link_stays_a_link(home: Home) -> None:
    home.write(home.path / "dotfiles/docker.json", {})
    home.docker.parent.mkdir()
    home.docker.symlink_to(home.path / "dotfiles/docker.json")
    home.keychain().save("registry.lab", Credential("me", "secret"))
    assert home.docker.is_symlink()
    assert home.found("registry.lab") == ("me", "secret", "")


def test_many_at_once_lose_nothing(home: Home) -> None:
    names = [f"r{number}.lab" for number in range(12)]
    threads = [threading.Thread(target=home.keychain().save, args=(name, Credential("me", name))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(json.loads(home.docker.read_text())["auths"]) == sorted(names)


def test_save_where_nothing_can_be_written(home: Home) -> None:
    home.docker.parent.write_text("a file where the directory should be")
    with pytest.raises(Denied, match="--authfile"):
        home.keychain().save("registry.lab", Credential("me", "secret"))


@pytest.mark.parametrize(
    ("credential", "kept"),
    [
        (Credential("me", "secret"), {"ServerURL": "registry.lab", "Username": "me", "Secret": "secret"}),
        (Credential("me", "", "tok"), {"ServerURL": "registry.lab", "Username": "<token>", "Secret": "tok"}),
    ],
)
def test_a_helper_keeps(home: Home, credential: Credential, kept: object) -> None:
    home.helper("all", "")
    home.write(home.docker, {"credsStore": "all"})
    assert home.keychain().save("registry.lab", credential) == "docker-credential-all"
    assert json.loads((home.path / "store").read_text()) == kept
    assert json.loads(home.docker.read_text()) == {"credsStore": "all"}


def test_erase(home: Home) -> None:
    home.write(home.podman, {"auths": {"registry.lab": auth("a", "x"), "registry.lab/team": auth("b", "x")}})
    home.write(home.docker, {"auths": {"https://registry.lab/v2/": auth("c", "x"), "other.lab": auth("d", "x")}})
    assert home.keychain().erase("registry.lab")
    assert list(json.loads(home.podman.read_text())["auths"]) == ["registry.lab/team"]
    assert list(json.loads(home.docker.read_text())["auths"]) == ["other.lab"]
    assert not home.keychain().erase("registry.lab")


def test_erase_through_a_helper(home: Home) -> None:
    home.helper("all", """case $1 in get) echo '{"Username":"me","Secret":"x"}' ;; esac""")
    home.write(home.docker, {"credsStore": "all"})
    assert home.keychain().erase("docker.io")
    assert (home.path / "erase").read_text() == "https://index.docker.io/v1/"
