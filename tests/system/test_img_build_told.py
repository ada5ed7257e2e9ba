"""What a build keeps and tells beside its image: stages as images, its packages, how it was made."""

from __future__ import annotations

import json
from typing import Any

from builds import BUSYBOX, Builds
from damage import blob
from registry import DockerRegistry

STATUS = "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n"
DOCKERFILE = """ARG TOKEN=none
FROM busybox AS base
COPY status /var/lib/dpkg/status
COPY meta /usr/lib/python3/dist-packages/thing-2.dist-info/METADATA
FROM base AS unused
RUN false
FROM base AS test
ARG TOKEN
RUN --mount=type=secret,id=key echo tested > /tested
FROM base
COPY --from=test /tested /
COPY release /etc/os-release
"""
FILES: dict[str, str | bytes] = {
    "status": STATUS, "meta": "Name: Thing\nVersion: 2\n", "release": "ID=debian\nVERSION_ID=12\n",
}  # fmt: skip


def document(builds: Builds, descriptor: dict[str, Any]) -> Any:
    return json.loads(blob(builds.root, descriptor["digest"]).read_bytes())


def test_stages(builds: Builds) -> None:
    done = builds.outcome(DOCKERFILE, FILES, "--save-stages", "-t", "app:1", "-t", "other")
    image, base, test = done.documents
    assert image["digest"] == builds(DOCKERFILE, FILES)["digest"]
    assert [one["annotations"]["org.ocipipe.build.stage"] for one in (base, test)] == ["base", "test"]
    assert builds.content(test, "tested") == b"tested\n"
    assert "tested" not in builds.tree(base)
    for name in ("app:1-stage-test", "other:latest-stage-test"):
        assert builds.run("img-inspect", name).documents[0]["descriptor"]["digest"] == test["digest"]
    chosen = """jq 'select(.annotations["org.ocipipe.build.stage"] == "test")' | ctr-run --rm - cat /tested"""
    context = builds.context
    assert builds.run.shell(f"img-build --network none --save-stages {context} | {chosen}").out == b"tested\n"
    assert len(builds.outcome(DOCKERFILE, None, "--save-stages", "--target", "base").documents) == 1


def told(builds: Builds, index: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The image's descriptor in an index, and the statements about it by their types."""
    image, about = document(builds, index)["manifests"]
    assert about["platform"] == {"architecture": "unknown", "os": "unknown"}
    assert about["annotations"] == {
        "vnd.docker.reference.digest": image["digest"], "vnd.docker.reference.type": "attestation-manifest",
    }  # fmt: skip
    manifest = document(builds, about)
    config = document(builds, manifest["config"])
    assert config["rootfs"]["diff_ids"] == [one["digest"] for one in manifest["layers"]]
    found = {}
    for one in manifest["layers"]:
        assert one["mediaType"] == "application/vnd.in-toto+json"
        statement = document(builds, one)
        kind = one["annotations"]["in-toto.io/predicate-type"]
        assert statement["predicateType"] == kind
        (subject,) = statement["subject"]
        assert subject["digest"] == {"sha256": image["digest"].removeprefix("sha256:")}
        found[kind] = statement["predicate"]
    return image, found


def test_what_is_in_it_and_how_it_was_made(builds: Builds, registry: DockerRegistry) -> None:
    options = ["--sbom", "--provenance", "mode=max", "--build-arg", "TOKEN=given", "--secret", "id=key,env=KEY"]
    index = builds(DOCKERFILE, FILES, *options, "-t", "app", env={"KEY": "hidden"})
    image, found = told(builds, index)
    assert image["digest"] == builds(DOCKERFILE, None, *options[3:], env={"KEY": "other"})["digest"]
    assert builds(DOCKERFILE, None, *options, "-t", "app", env={"KEY": "other"}) == index

    spdx = found["https://spdx.dev/Document"]
    urls = [one["externalRefs"][0]["referenceLocator"] for one in spdx["packages"][1:]]
    assert urls == ["pkg:deb/debian/tool@1.0-1?arch=amd64&distro=debian-12", "pkg:pypi/thing@2"]
    made = found["https://slsa.dev/provenance/v1"]
    definition = made["buildDefinition"]
    (base,) = definition["resolvedDependencies"]
    assert base["uri"].startswith("pkg:docker/busybox@latest?platform=linux%2F")
    assert base["digest"] == {"sha256": builds.image.digest.removeprefix("sha256:")}
    assert definition["externalParameters"]["request"]["args"] == {"TOKEN": "given"}
    assert definition["internalParameters"]["dockerfile"] == DOCKERFILE
    assert [one["stage"] for one in definition["internalParameters"]["steps"]][:2] == ["base", "base"]
    assert "metadata" not in made["runDetails"]
    text = json.dumps(found)
    for word in ("hidden", str(builds.context), "127.0.0.1"):
        assert word not in text

    _, small = told(builds, builds(DOCKERFILE, None, "--provenance", "true", *options[3:], env={"KEY": "other"}))
    assert list(small) == ["https://slsa.dev/provenance/v1"]
    assert "given" not in json.dumps(small)
    assert "key" not in json.dumps(small["https://slsa.dev/provenance/v1"]["buildDefinition"]["externalParameters"])

    name = f"{registry.address}/told/app:1"
    access = "--tls-verify=false"
    builds.run("img-push", access, "--all-platforms", "app", name)
    builds.run("img-rm", "app")
    builds.run("store-prune", "--older-than", "0s")
    pulled = builds.run("img-pull", access, "--all-platforms", name).documents[0]
    assert pulled["digest"] == index["digest"]
    assert told(builds, pulled)[1] == found
    assert builds.run("ctr-run", "--rm", "--network", "none", name, "cat", "/tested").out == b"tested\n"


def test_times_when_they_are_asked_for(builds: Builds) -> None:
    _, found = told(builds, builds(f"FROM {BUSYBOX}\n", None, "--provenance", "true", "--timestamp", "now"))
    times = found["https://slsa.dev/provenance/v1"]["runDetails"]["metadata"]
    assert times["startedOn"] <= times["finishedOn"]


def test_what_is_refused(builds: Builds) -> None:
    assert "use mode=min, mode=max or false" in builds.refused("FROM busybox\n", None, "--provenance", "mode=most")
    long = "a" * 125
    assert "tag" in builds.refused(f"FROM busybox AS {long}\nFROM {long}\n", None, "--save-stages", "-t", "app")
