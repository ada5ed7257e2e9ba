"""What an image's package databases say is in it: dpkg's, apk's, and the metadata of Python's distributions. Pure.

Sources: deb-control(5) for dpkg's status, Alpine's apk-tools for its installed database, PEP 566 for METADATA; package
URLs as purl-spec has them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Package:
    """`kind`: deb, apk or pypi, as in a package URL."""

    __slots__ = ("architecture", "kind", "license", "name", "supplier", "version")

    def __init__(
        self, kind: str, name: str, version: str, *, architecture: str = "", license: str = "", supplier: str = ""
    ) -> None:
        self.kind = kind
        self.name = name
        self.version = version
        self.architecture = architecture
        self.license = license
        self.supplier = supplier

    def url(self, system: Mapping[str, str]) -> str:
        """Its package URL. `system` is what os-release says."""
        from urllib.parse import quote

        version = quote(self.version, safe=":~")
        if self.kind == "pypi":
            return f"pkg:pypi/{quote(self.name.lower().replace('_', '-'))}@{version}"
        namespace = system.get("ID", "") or {"deb": "debian", "apk": "alpine"}[self.kind]
        release = system.get("VERSION_ID", "")
        more = [f"arch={quote(self.architecture)}"] if self.architecture else []
        more += [f"distro={quote(namespace)}-{quote(release)}"] if release else []
        return f"pkg:{self.kind}/{quote(namespace)}/{quote(self.name)}@{version}{'?' if more else ''}{'&'.join(more)}"


def os_release(text: str) -> dict[str, str]:
    """The variables of os-release(5)."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name] = value.strip("\"'")
    return found


def debian(text: str) -> Iterator[Package]:
    """Of dpkg's status file, or one of status.d: what is installed."""
    for fields in _stanzas(text):
        status = fields.get("Status", "install ok installed")
        name, version = fields.get("Package", ""), fields.get("Version", "")
        if name and version and status.split()[-1:] == ["installed"]:
            yield Package(
                "deb", name, version, architecture=fields.get("Architecture", ""),
                supplier=_person(fields.get("Maintainer", "")),
            )  # fmt: skip


def alpine(text: str) -> Iterator[Package]:
    """Of apk's database of what is installed."""
    for fields in _stanzas(text):
        if fields.get("P") and fields.get("V"):
            yield Package(
                "apk", fields["P"], fields["V"], architecture=fields.get("A", ""), license=fields.get("L", ""),
                supplier=_person(fields.get("m", "")),
            )  # fmt: skip


def python(text: str) -> Package | None:
    """Of one distribution's METADATA or PKG-INFO; None for what is none."""
    fields = next(_stanzas(text), {})
    name, version = fields.get("Name", ""), fields.get("Version", "")
    if not name or not version:
        return None
    return Package("pypi", name, version, license=fields.get("License-Expression", ""))


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    """`Name: value` by paragraphs; lines that go on with a value, and a name's second value, are left out."""
    fields: dict[str, str] = {}
    for line in [*text.split("\n"), ""]:
        if not line.strip():
            if fields:
                yield fields
            fields = {}
        elif line[:1] not in (" ", "\t"):
            name, colon, value = line.partition(":")
            if colon:
                fields.setdefault(name, value.strip())


def _person(text: str) -> str:
    """`Name <address>` as SPDX has it."""
    name, _, address = text.partition(" <")
    if not name:
        return ""
    return f"Organization: {name} ({address.rstrip('>')})" if address else f"Organization: {name}"
