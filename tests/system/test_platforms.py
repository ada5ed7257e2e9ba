"""--platform and --all-platforms: pulls one after the other, under every policy, and pushes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import layout
import pytest
from commands import Commands
from faulty_registry import FaultyRegistry
from images import HERE, Image, Layer, image, index, layer_path, platform
from tars import Tar

OTHER = "linux/s390x"
POLICIES = ("always", "missing", "newer", "never")


def made_for(on: str) -> Image:
    return image([Layer(Tar().file("for", on.encode()).bytes())], on=on)


OURS, THEIRS = made_for(HERE), made_for(OTHER)
BOTH = index(OURS, THEIRS)


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as running:
        yield running


def fault_away(request: Any) -> bool:
    request.reply(503, b"", {"Retry-After": "9999"})
    return True


def names(run: Commands) -> dict[str, str]:
    """What each name stands for."""
    found = [(one.get("annotations", {}).get("org.opencontainers.image.ref.name"), one["digest"])
             for one in run("img-ls").documents]  # fmt: skip
    return {name: digest for name, digest in found if name}


def unpacked(store_root: Path, made: Image) -> bool:
    return layer_path(store_root, made).exists()


def test_one_image_of_another_platform_is_taken_with_a_warning(
    run: Commands, registry: FaultyRegistry, store_root: Path
) -> None:
    reference = registry.hold(THEIRS)
    for policy in POLICIES:  # after the first, it is here
        done = run("img-pull", "--policy", policy, reference)
        assert done.documents[0]["digest"] == THEIRS.digest
        assert f"is an image for {OTHER}, this host is {HERE}" in done.err.decode()
        assert not unpacked(store_root, THEIRS)
    done = run("img-pull", "--platform", OTHER, reference)
    assert done.err == b""
    assert unpacked(store_root, THEIRS)


@pytest.mark.parametrize("unpack", [(), ("--no-unpack",)], ids=["unpack", "no-unpack"])
def test_one_image_of_another_platform_than_was_named_is_refused_before_its_layers(
    run: Commands, registry: FaultyRegistry, store_root: Path, unpack: tuple[str, ...]
) -> None:
    reference = registry.hold(OURS)
    (error,) = run("img-pull", *unpack, "--platform", OTHER, reference, status=1).errors
    assert error["message"] == f"{reference}: is an image for {HERE}, not {OTHER} (leave out --platform)"
    assert not registry.asked("GET", OURS.document["layers"][0]["digest"])
    assert names(run) == {}
    assert layout.problems(store_root) == []
    run("img-pull", reference)  # that it is here changes nothing
    for policy in POLICIES:
        (error,) = run("img-pull", *unpack, "--policy", policy, "--platform", OTHER, reference, status=1).errors
        assert (f"is not in the store for {OTHER}" if policy == "never" else "is an image for") in error["message"]
    assert names(run) == {reference: OURS.digest}
    (whole,) = run("img-pull", "--all-platforms", "--platform", OTHER, reference).documents
    assert whole["digest"] == OURS.digest


@pytest.mark.parametrize("policy", POLICIES)
def test_all_platforms_and_then_one(run: Commands, registry: FaultyRegistry, store_root: Path, policy: str) -> None:
    """What is in the whole index is here; nothing is fetched, and the name stays with the index."""
    reference = registry.hold(BOTH)
    run("img-pull", "--all-platforms", reference)
    assert (unpacked(store_root, OURS), unpacked(store_root, THEIRS)) == (True, False)
    registry.requests.clear()
    (theirs,) = run("img-pull", "--policy", policy, "--platform", OTHER, reference).documents
    assert (theirs["digest"], theirs["platform"]) == (THEIRS.digest, platform(OTHER))
    assert theirs["annotations"]["org.opencontainers.image.ref.name"] == reference
    assert unpacked(store_root, THEIRS)
    assert registry.asked("GET", "/blobs/") == []
    (ours,) = run("img-pull", "--policy", policy, reference).documents
    (whole,) = run("img-pull", "--policy", policy, "--all-platforms", reference).documents
    assert ours["digest"] == whole["digest"] == BOTH.digest
    assert names(run) == {reference: BOTH.digest}
    if policy in ("missing", "never"):
        assert registry.requests == []


@pytest.mark.parametrize("policy", ["missing", "newer", "never"])
@pytest.mark.parametrize("options", [(), ("--platform", OTHER), ("--all-platforms",)], ids=["ours", "other", "all"])
def test_what_is_here_will_do_when_the_registry_is_away(
    run: Commands, registry: FaultyRegistry, policy: str, options: tuple[str, ...]
) -> None:
    reference = registry.hold(BOTH)
    run("img-pull", "--no-unpack", "--all-platforms", reference)
    registry.fault = fault_away
    done = run("img-pull", "--no-unpack", "--policy", policy, *options, reference)
    assert done.documents[0]["digest"] == (THEIRS if OTHER in options else BOTH).digest
    assert (b"using the image that is here" in done.err) == (policy == "newer")
    run("img-pull", "--no-unpack", *options, reference, status=1)


@pytest.mark.parametrize("policy", POLICIES)
def test_one_platform_and_then_all(run: Commands, registry: FaultyRegistry, store_root: Path, policy: str) -> None:
    reference = registry.hold(BOTH)
    run("img-pull", reference)
    registry.requests.clear()
    if policy == "never":
        (error,) = run("img-pull", "--policy", policy, "--all-platforms", reference, status=1).errors
        assert error["message"].startswith(f"{reference}: is not in the store for all platforms, and the policy is")
        assert registry.requests == []
        return
    (whole,) = run("img-pull", "--policy", policy, "--all-platforms", reference).documents
    assert whole["digest"] == BOTH.digest
    assert names(run) == {reference: BOTH.digest}
    assert registry.asked("GET", OURS.document["layers"][0]["digest"]) == []
    assert len(registry.asked("GET", THEIRS.document["layers"][0]["digest"])) == 1
    assert layout.problems(store_root) == []


@pytest.mark.parametrize("policy", POLICIES)
def test_one_platform_and_then_another(run: Commands, registry: FaultyRegistry, store_root: Path, policy: str) -> None:
    """The name stands for what was pulled last."""
    reference = registry.hold(BOTH)
    run("img-pull", reference)
    if policy == "never":
        (error,) = run("img-pull", "--policy", policy, "--platform", OTHER, reference, status=1).errors
        assert error["message"].startswith(f"{reference}: is not in the store for {OTHER}, and the policy is never")
        return
    (theirs,) = run("img-pull", "--policy", policy, "--platform", OTHER, reference).documents
    assert theirs["digest"] == THEIRS.digest
    assert names(run) == {reference: THEIRS.digest}
    registry.requests.clear()
    (again,) = run("img-pull", "--policy", policy, "--platform", OTHER, reference).documents
    assert again == theirs
    assert registry.asked("GET", "") == [] if policy == "missing" else len(registry.asked("HEAD", "/manifests/")) == 1


def test_all_platforms_of_an_image_that_is_no_index(run: Commands, registry: FaultyRegistry) -> None:
    reference = registry.hold(OURS)
    run("img-pull", "--all-platforms", reference)
    registry.fault = fault_away
    for policy in ("missing", "never"):
        (whole,) = run("img-pull", "--all-platforms", "--policy", policy, reference).documents
        assert whole["digest"] == OURS.digest


def test_an_index_without_this_platform(run: Commands, registry: FaultyRegistry) -> None:
    foreign = index(THEIRS)
    reference = registry.hold(foreign)
    for _ in range(2):
        assert run("img-pull", "--all-platforms", reference).documents[0]["digest"] == foreign.digest
    for policy in POLICIES[:3]:
        (error,) = run("img-pull", "--policy", policy, reference, status=1).errors
        assert error["message"] == f"{reference}: has no image for {HERE} (choose with --platform: {OTHER})"
    run("img-pull", "--policy", "never", reference, status=1)
    assert names(run) == {reference: foreign.digest}


@pytest.mark.parametrize("policy", POLICIES)
def test_an_older_variant_will_do_where_there_is_no_better(
    run: Commands, registry: FaultyRegistry, policy: str
) -> None:
    """arm/v6 runs on arm/v7: it is used, but does not count as what is missing where the registry has the very one."""
    older, exact = made_for("linux/arm/v6"), made_for("linux/arm/v7")
    arm7 = ("--platform", "linux/arm/v7", "--no-unpack")
    reference = registry.hold(index(older, OURS))
    assert run("img-pull", *arm7, reference).documents[0]["digest"] == older.digest
    assert run("img-pull", *arm7, "--policy", policy, reference).documents[0]["digest"] == older.digest
    reference = registry.hold(index(older, exact), "2")
    run("img-pull", "--no-unpack", "--platform", "linux/arm/v6", reference)
    found = run("img-pull", *arm7, "--policy", policy, reference).documents[0]["digest"]
    assert found == (older if policy == "never" else exact).digest


def test_the_index_says_what_a_config_leaves_out(run: Commands, registry: FaultyRegistry) -> None:
    """Many arm/v6 images have no variant in their config, which means v7 there."""
    older = made_for("linux/arm")
    older.root["platform"] = platform("linux/arm/v6")
    reference = registry.hold(index(older, made_for("linux/arm/v7")))
    for policy in POLICIES:
        (found,) = run("img-pull", "--policy", policy, "--no-unpack", "--platform", "linux/arm/v6", reference).documents
        assert (found["digest"], found["platform"]) == (older.digest, platform("linux/arm/v6"))


def test_pushes(run: Commands, registry: FaultyRegistry) -> None:
    reference = registry.hold(BOTH)
    run("img-pull", "--all-platforms", reference)

    def push(*options: str, source: str = reference, status: int = 0) -> Any:
        return run("img-push", *options, source, f"{registry.address}/faulty/image:2", status=status)

    assert push().documents[0]["digest"] == OURS.digest
    assert push("--platform", OTHER).documents[0]["digest"] == THEIRS.digest
    assert registry.tags["2"] == THEIRS.digest
    assert push("--all-platforms").documents[0]["digest"] == BOTH.digest
    assert registry.tags["2"] == BOTH.digest
    (error,) = push("--platform", "linux/riscv64", status=1).errors
    assert f"choose with --platform: {HERE}, {OTHER}" in error["message"]
    single = registry.hold(OURS, "3")
    run("img-pull", single)
    (error,) = push("--platform", OTHER, source=single, status=1).errors
    assert error["message"] == f"{single}: is an image for {HERE}, not {OTHER} (leave out --platform)"
    assert registry.tags["2"] == BOTH.digest


@pytest.mark.parametrize("command", ["img-save", "img-export", "img-history"])
def test_a_single_image_is_not_for_another_platform(run: Commands, store_root: Path, command: str) -> None:
    name = "localhost/single:1"
    OURS.into_store(store_root, name)
    done = run(command, "--platform", OTHER, name, status=1)
    assert done.out == b""
    assert done.errors[0]["message"] == f"{name}: is an image for {HERE}, not {OTHER} (leave out --platform)"


@pytest.mark.parametrize("way", ["img-load -i {}", "cat {} | img-load"])
def test_an_archive_of_a_single_image_is_not_for_another_platform(
    run: Commands, store_root: Path, tmp_path: Path, way: str
) -> None:
    OURS.into_store(store_root, "localhost/single:1")
    run("img-save", "-o", tmp_path / "a.tar", "localhost/single:1")
    other = tmp_path / "other"
    done = run.shell(f"{way.format(tmp_path / 'a.tar')} --root {other} --platform {OTHER}", status=1)
    assert f"is an image for {HERE}, not {OTHER}" in done.errors[0]["message"]
    assert list(other.glob("images/blobs/sha256/*")) == []
    assert len(run("img-load", "-i", tmp_path / "a.tar", "--root", other, "--platform", HERE).documents) == 1


@pytest.mark.parametrize("way", ["pulled", "whole"])
def test_images_in_indexes_within_an_index(run: Commands, registry: FaultyRegistry, tmp_path: Path, way: str) -> None:
    """Also beside another index, and further down."""
    nested = index(index(made_for("linux/riscv64")), index(index(OURS), index(THEIRS)))
    reference = registry.hold(nested)
    if way == "whole":
        run("img-pull", "--all-platforms", reference)
        registry.requests.clear()
    for options, wanted in (((), OURS), (("--platform", OTHER), THEIRS)):
        (found,) = run("img-pull", *options, reference).documents
        assert found["digest"] == (nested if way == "whole" and not options else wanted).digest
        copy = f"docker-archive:{tmp_path}/{len(options)}.tar:x:1"
        assert run("img-copy", *options, reference, copy).documents[0]["digest"] == wanted.digest
        assert run("img-push", *options, reference, f"{registry.address}/faulty/image:2").documents
        assert registry.tags["2"] == wanted.digest
    (error,) = run("img-pull", "--platform", "linux/mips64", reference, status=1).errors
    assert error["message"].startswith(f"{reference}: has no image for linux/mips64 (choose with --platform: ")
    assert f"{OTHER})" in error["message"]
