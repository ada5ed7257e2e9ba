"""What package databases say, and the SPDX document of it."""

from __future__ import annotations

from oci_spec.descriptor import Descriptor
from oci_spec.platform import Platform
from ocipipe.build import packages, statements

STATUS = """Package: libstdc++6
Status: install ok installed
Maintainer: Debian GCC Maintainers <debian-gcc@lists.debian.org>
Architecture: amd64
Version: 12.2.0-14+deb12u1
Description: GNU Standard C++ Library v3
 Package: nothing of its own
 .

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: odd
Status: install ok installed
Architecture: all
Version: 1:2~rc1
"""
APK = "C:Q1\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\nm:Someone <a@example.org>\nF:lib\nR:ld\n\nP:half\n\n"
DEBIAN = {"ID": "debian", "VERSION_ID": "12"}


def test_debian() -> None:
    one, odd = packages.debian(STATUS)
    assert (one.name, one.version, one.architecture) == ("libstdc++6", "12.2.0-14+deb12u1", "amd64")
    assert one.url(DEBIAN) == "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12"
    assert one.supplier == "Organization: Debian GCC Maintainers (debian-gcc@lists.debian.org)"
    assert odd.url({}) == "pkg:deb/debian/odd@1:2~rc1?arch=all"
    assert list(packages.debian("")) == []


def test_alpine() -> None:
    (musl,) = packages.alpine(APK)
    assert musl.url({"ID": "alpine", "VERSION_ID": "3.19.1"}) == (
        "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19.1"
    )
    assert musl.license == "MIT"


def test_python() -> None:
    found = packages.python("Metadata-Version: 2.1\nName: Typing_Extensions\nVersion: 4.1\n\nName: other\n")
    assert found is not None
    assert found.url(DEBIAN) == "pkg:pypi/typing-extensions@4.1"
    assert packages.python("") is None
    assert packages.python("Name: a\n") is None


def test_os_release() -> None:
    assert packages.os_release('# c\nID=debian\nVERSION_ID="12"\nNAME=\'x y\'\n\nbad\n') == {
        "ID": "debian", "VERSION_ID": "12", "NAME": "x y",
    }  # fmt: skip


def test_spdx() -> None:
    found = [*packages.debian(STATUS), *packages.alpine(APK)]
    document = statements.spdx(found, DEBIAN, "app", "2024-01-01T00:00:00Z", "ocipipe-1")
    assert document == statements.spdx(found, DEBIAN, "app", "2024-01-01T00:00:00Z", "ocipipe-1")
    listed = document["packages"]
    assert isinstance(listed, list)
    names = [one["SPDXID"] for one in listed]
    assert len(set(names)) == len(names) == 4
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") for name in names)
    ends = [one["relatedSpdxElement"] for one in document["relationships"]]  # type: ignore[attr-defined]
    assert ends == names


def test_names_of_images() -> None:
    here = Platform("linux", "arm", "v6")
    assert statements.image_url("docker.io/library/app:1", here) == "pkg:docker/app@1?platform=linux%2Farm%2Fv6"
    assert statements.image_url("127.0.0.1:5000/a/b:x", Platform("linux", "amd64")) == (
        "pkg:docker/127.0.0.1%3A5000/a/b@x?platform=linux%2Famd64"
    )
    image = Descriptor.make("application/vnd.oci.image.manifest.v1+json", b"{}")
    told = statements.statement(statements.SPDX, [], image, here, {})
    assert told["subject"] == [{"name": "_", "digest": {"sha256": image.digest.hex}}]
