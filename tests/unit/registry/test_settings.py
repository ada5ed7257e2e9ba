"""The configuration file, and what the command line says beside it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from oci_spec.jsondoc import FormatError
from ocipipe.errors import NotFound, UsageError
from ocipipe.registry.settings import Access, Settings, canonical, is_loopback


def write(path: Path, registries: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"registries": registries}))
    return path


def test_the_user_s_file(tmp_path: Path) -> None:
    write(tmp_path / ".config/ocipipe/registries.json", {"docker.io": {"mirrors": ["127.0.0.1:5000/hub", "b.lab"]}})
    hub = Settings({"HOME": str(tmp_path)}, Access()).registry("docker.io")
    assert (hub.name, hub.host, hub.insecure) == ("docker.io", "registry-1.docker.io", False)
    assert hub.mirrors == ["127.0.0.1:5000/hub", "b.lab"]
    write(tmp_path / "config/ocipipe/registries.json", {"x.lab": {"insecure": True}})
    moved = Settings({"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}, Access())
    assert moved.registry("docker.io").mirrors == []
    assert moved.registry("x.lab").insecure
    assert not moved.registry("y.lab").insecure


def test_a_named_file_stands_instead_of_the_others(tmp_path: Path) -> None:
    write(tmp_path / ".config/ocipipe/registries.json", {"x.lab": {"insecure": True}})
    named = write(tmp_path / "named.json", {"index.docker.io": {"mirrors": ["m.lab"]}})
    settings = Settings({"HOME": str(tmp_path), "OCIPIPE_REGISTRIES": str(named)}, Access())
    assert not settings.registry("x.lab").insecure
    assert settings.registry("docker.io").mirrors == ["m.lab"]
    named.unlink()
    with pytest.raises(NotFound, match="OCIPIPE_REGISTRIES"):
        Settings({"OCIPIPE_REGISTRIES": str(named)}, Access())


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"mirrors": "m.lab"}, "/registries/x.lab/mirrors"),
        ({"mirrors": ["https://m.lab"]}, "/registries/x.lab/mirrors/0"),
        ({"insecure": "yes"}, "/registries/x.lab/insecure"),
        ({"unsafe": True}, "/registries/x.lab/unsafe"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, entry: object, place: str) -> None:
    path = write(tmp_path / "r.json", {"x.lab": entry})
    with pytest.raises(FormatError) as caught:
        Settings({"OCIPIPE_REGISTRIES": str(path)}, Access())
    assert str(caught.value).startswith(f"{path}: {place}: ")


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("{")
    with pytest.raises(FormatError, match="not JSON"):
        Settings({"OCIPIPE_REGISTRIES": str(path)}, Access())


def test_certificate_directories(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "given").mkdir()
    path = write(tmp_path / "r.json", {"x.lab": {"certDir": str(tmp_path / "own")}, "y.lab": {"certDir": "/nowhere"}})
    env = {"OCIPIPE_REGISTRIES": str(path)}
    settings = Settings(env, Access(cert_dir=str(tmp_path / "given")))
    assert settings.registry("x.lab").cert_dirs == [str(tmp_path / "given"), str(tmp_path / "own")]
    assert Settings(env, Access()).registry("y.lab").cert_dirs == []


def test_tls_verify_false_is_for_every_registry() -> None:
    assert Settings({}, Access(tls_verify=False)).registry("x.lab").insecure


def test_access_of_arguments(tmp_path: Path) -> None:
    args = SimpleNamespace(tls_verify=False, cert_dir=str(tmp_path), authfile="a")
    access = Access.of(args)
    assert (access.tls_verify, access.cert_dir, access.authfile) == (False, str(tmp_path), "a")
    args.cert_dir = str(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no directory"):
        Access.of(args)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1", True),
        ("127.8.9.10:5000", True),
        ("[::1]", True),
        ("[::1]:5000", True),
        ("128.0.0.1", False),
        ("127.0.0.1.evil.example", False),
        ("127.evil.example.com", False),
        ("127.0.0", False),
        ("localhost.evil.example", False),
        ("[::2]", False),
        ("registry.lab", False),
        ("", False),
    ],
)
def test_is_loopback(host: str, here: bool) -> None:
    assert is_loopback(host) is here


def test_docker_hub_goes_by_several_names() -> None:
    names = ("docker.io", "index.docker.io", "registry-1.docker.io", "quay.io")
    assert [canonical(name) for name in names] == ["docker.io", "docker.io", "docker.io", "quay.io"]


def test_a_host_is_the_same_in_upper_case() -> None:
    assert [canonical(name) for name in ("Registry.Lab:5000", "Index.Docker.IO")] == ["registry.lab:5000", "docker.io"]
