"""Pull and push against real registries that ask who we are, and reg-login, reg-logout, reg-tags."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Commands
from images import Image
from registry import DockerRegistry
from token_server import IDENTITY, PASSWORD, USER, TokenServer


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """TLS with a CA of its own, and one user."""
    with DockerRegistry(tmp_path_factory.mktemp("secure"), tls=True, users={USER: PASSWORD}) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with TokenServer(tmp_path_factory.mktemp("tokens")) as server:
        yield server


@pytest.fixture(scope="module")
def bearer(tmp_path_factory: pytest.TempPathFactory, tokens: TokenServer) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("bearer"), token=tokens.settings) as running:
        yield running


@pytest.fixture
def stored(run: Commands, store_root: Path, busybox_image: Image) -> str:
    busybox_image.into_store(store_root, "docker.io/library/box:1")
    return "box:1"


def login(run: Commands, registry: str, *options: str, password: str = PASSWORD, status: int = 0) -> bytes:
    done = run("reg-login", "-u", USER, "--password-stdin", *options, registry, input=password.encode(), status=status)
    return bytes(done.err if status else done.out)


def config(run: Commands) -> Path:
    return Path(run.env["HOME"], ".docker/config.json")


def test_basic_over_tls_with_an_own_ca(run: Commands, secure: DockerRegistry, stored: str) -> None:
    ca = ("--cert-dir", str(secure.ca))
    target = f"{secure.address}/private/box:1"
    denied = run("img-push", *ca, stored, target, status=1).err
    assert b"reg-login" in denied
    document = json.loads(login(run, secure.address, *ca))
    assert document == {
        "registry": secure.address, "username": USER, "status": "logged-in", "store": str(config(run)),
    }  # fmt: skip
    assert stat.S_IMODE(config(run).stat().st_mode) == 0o600
    pushed = run("img-push", *ca, stored, target).documents[0]
    run("img-rm", stored)
    pulled = run("img-pull", *ca, target).documents[0]
    assert pulled["digest"] == pushed["digest"]
    assert run("reg-tags", *ca, f"{secure.address}/private/box").documents == [{"name": "private/box", "tags": ["1"]}]
    subprocess.run(
        ["skopeo", "inspect", f"--cert-dir={secure.ca}", f"--creds={USER}:{PASSWORD}", f"docker://{target}"],
        check=True, capture_output=True,
    )  # fmt: skip
    run("reg-logout", secure.address)
    assert b"reg-login" in run("img-pull", *ca, target, status=1).err
    assert b"not logged in" in run("reg-logout", secure.address, status=1).err


def test_a_certificate_nobody_vouches_for_is_refused(run: Commands, secure: DockerRegistry) -> None:
    done = run("img-pull", f"{secure.address}/private/box:1", status=1).err.decode()
    assert "certificate" in done
    assert "--cert-dir" in done
    login(run, secure.address, "--tls-verify=false")


def test_a_wrong_password_is_not_kept(run: Commands, secure: DockerRegistry) -> None:
    said = login(run, secure.address, "--cert-dir", str(secure.ca), password="wrong", status=1)
    assert b"user name or password is wrong" in said
    assert b"wrong" not in said.replace(b"is wrong", b"")
    assert not config(run).exists()


@pytest.mark.parametrize("name", ["registry.lab/x", "https://registry.lab", "a b", "registry.lab:99999", "-x", "@"])
def test_a_login_to_what_is_no_registry_is_a_usage_error(run: Commands, name: str) -> None:
    said = login(run, name, "--", status=2)
    assert f"{name}: is no registry (name host[:port] only)" in json.loads(said)["errors"][0]["message"]
    assert not config(run).exists()


def test_login_keeps_what_it_does_not_know(run: Commands, secure: DockerRegistry) -> None:
    config(run).parent.mkdir()
    config(run).write_text(json.dumps({"psFormat": "x", "auths": {"other.example": {"auth": "eDp5"}}}))
    login(run, secure.address, "--cert-dir", str(secure.ca))
    found = json.loads(config(run).read_text())
    assert found["psFormat"] == "x"
    assert set(found["auths"]) == {"other.example", secure.address}
    assert base64.b64decode(found["auths"][secure.address]["auth"]).decode() == f"{USER}:{PASSWORD}"


def test_a_credential_helper_keeps_and_gives(
    run: Commands, secure: DockerRegistry, tmp_path: Path, stored: str
) -> None:
    helper = tmp_path / "bin" / "docker-credential-test"
    helper.parent.mkdir()
    helper.write_text(
        f"#!/bin/sh\ncase $1 in store) cat >{tmp_path}/kept ;; get) cat >/dev/null; [ -e {tmp_path}/kept ] && "
        f"cat {tmp_path}/kept || {{ echo credentials not found in native keychain; exit 1; }} ;; "
        f"erase) rm {tmp_path}/kept ;; esac\n"
    )
    helper.chmod(0o755)
    with_helper = run.on(PATH=f"{helper.parent}:{run.env['PATH']}")
    config(run).parent.mkdir()
    config(run).write_text(json.dumps({"credsStore": "test"}))
    ca = ("--cert-dir", str(secure.ca))
    login(with_helper, secure.address, *ca)
    assert json.loads(config(run).read_text()) == {"credsStore": "test"}
    assert json.loads((tmp_path / "kept").read_text())["ServerURL"] == secure.address
    with_helper("img-push", *ca, stored, f"{secure.address}/helped/box:1")
    with_helper("reg-logout", secure.address)
    with_helper("img-push", *ca, stored, f"{secure.address}/helped/box:2", status=1)


def test_an_anonymous_token_pulls_what_is_open(
    run: Commands, bearer: DockerRegistry, tokens: TokenServer, stored: str
) -> None:
    login(run, bearer.address)
    run("img-push", stored, f"{bearer.address}/open/box:1")
    run("img-push", stored, f"{bearer.address}/closed/box:1")
    run("reg-logout", bearer.address)
    run("img-rm", stored)
    tokens.requests.clear()
    run("img-pull", f"{bearer.address}/open/box:1")
    assert tokens.requests == [("GET", ["repository:open/box:pull"], "")]
    said = run("img-pull", f"{bearer.address}/closed/box:1", status=1).err
    assert b"reg-login" in said


def test_a_mount_asks_for_both_repositories(
    run: Commands, bearer: DockerRegistry, tokens: TokenServer, stored: str
) -> None:
    login(run, bearer.address)
    run("img-push", stored, f"{bearer.address}/open/source:1")
    tokens.requests.clear()
    done = run.shell(
        f"img-pull {bearer.address}/open/source:1 | img-push --progress plain {bearer.address}/open/mounted:1"
    )
    assert b"mounted" in done.err
    scopes = [scopes for _, scopes, _ in tokens.requests]
    assert ["repository:open/mounted:pull,push", "repository:open/source:pull"] in scopes


def test_an_identity_token_is_exchanged(
    run: Commands, bearer: DockerRegistry, tokens: TokenServer, stored: str
) -> None:
    config(run).parent.mkdir()
    auth = base64.b64encode(b"someone:").decode()
    config(run).write_text(json.dumps({"auths": {bearer.address: {"auth": auth, "identitytoken": IDENTITY}}}))
    tokens.requests.clear()
    run("img-push", stored, f"{bearer.address}/closed/identity:1")
    assert {method for method, _, _ in tokens.requests} == {"POST"}


def test_podman_s_credentials_are_found(run: Commands, secure: DockerRegistry, stored: str, tmp_path: Path) -> None:
    runtime = tmp_path / "runtime" / "containers"
    runtime.mkdir(parents=True)
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (runtime / "auth.json").write_text(json.dumps({"auths": {f"{secure.address}/scoped": {"auth": auth}}}))
    ours = run.on(XDG_RUNTIME_DIR=str(tmp_path / "runtime"))
    ca = ("--cert-dir", str(secure.ca))
    ours("img-push", *ca, stored, f"{secure.address}/scoped/box:1")
    ours("img-push", *ca, stored, f"{secure.address}/elsewhere/box:1", status=1)


def test_no_credential_is_ever_shown(run: Commands, secure: DockerRegistry, stored: str) -> None:
    ca = ("--cert-dir", str(secure.ca))
    login(run, secure.address, *ca)
    debug = run.on(OCIPIPE_DEBUG="1")
    done = debug("img-push", *ca, stored, f"{secure.address}/shown/box:1")
    failed = debug("img-pull", *ca, f"{secure.address}/shown/nope:1", status=1)
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode())
    for output in (done.out, done.err, failed.err):
        assert PASSWORD.encode() not in output
        assert secret not in output
    assert os.listdir(config(run).parent) == ["config.json"]
