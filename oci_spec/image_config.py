"""Image configs (image-spec 1.1.1, config.md), OCI's and Docker's."""

from __future__ import annotations

from . import digest, jsondoc, validate
from .jsondoc import FormatError
from .platform import Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .digest import Digest
    from .jsondoc import Document


class ImageConfig:
    """A view of one image config; `raw` is the truth, and its digest the image ID."""

    __slots__ = ("diff_ids", "document", "raw")

    def __init__(self, data: bytes, document: Document, diff_ids: list[Digest]) -> None:
        self.raw = data
        self.document = document
        self.diff_ids = diff_ids

    @classmethod
    def parse(cls, data: bytes, subject: str = "image config") -> ImageConfig:
        """The config in `data`. Raises FormatError, also for a diff ID whose algorithm we can't verify.

        A history that does not match the layers is no error here (see semantics); nothing relies on it.
        """
        document = validate.check("image-config", jsondoc.load_object(data, subject), subject)
        rootfs: Mapping[str, list[str]] = document["rootfs"]  # type: ignore[assignment]
        diff_ids = []
        for number, text in enumerate(rootfs["diff_ids"]):
            try:
                diff_ids.append(digest.parse(text, subject))
            except FormatError as error:
                raise FormatError(subject, error.problem, f"/rootfs/diff_ids/{number}") from None
        return cls(data, document, diff_ids)

    @property
    def platform(self) -> Platform:
        return Platform.parse(self.document)

    @property
    def created(self) -> str:
        """RFC 3339, '' when it is not said."""
        return str(self.document.get("created") or "")

    @property
    def chain_ids(self) -> list[Digest]:
        """Of each layer, bottom first."""
        return digest.chain_ids(self.diff_ids)

    @property
    def history(self) -> list[dict[str, object]]:
        """Longer than `diff_ids`: entries with `empty_layer` made none."""
        found: list[dict[str, object]] = self.document.get("history") or []  # type: ignore[assignment]
        return found

    @property
    def _process(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document.get("config") or {}  # type: ignore[assignment]
        return found

    @property
    def env(self) -> list[str]:
        return list(self._process.get("Env") or ())

    @property
    def entrypoint(self) -> list[str] | None:
        found: list[str] | None = self._process.get("Entrypoint")
        return found

    @property
    def cmd(self) -> list[str] | None:
        found: list[str] | None = self._process.get("Cmd")
        return found

    @property
    def user(self) -> str:
        """`user[:group]` by name or number, '' for root."""
        return str(self._process.get("User") or "")

    @property
    def working_dir(self) -> str:
        return str(self._process.get("WorkingDir") or "")

    @property
    def stop_signal(self) -> str | None:
        """`SIGTERM` or a number, as it stands."""
        value = self._process.get("StopSignal")
        return str(value) if value else None

    @property
    def labels(self) -> dict[str, str]:
        return dict(self._process.get("Labels") or {})

    @property
    def volumes(self) -> list[str]:
        """Paths in the container."""
        return list(self._process.get("Volumes") or ())

    @property
    def exposed_ports(self) -> list[str]:
        """`port/protocol`, or `port` for tcp."""
        return list(self._process.get("ExposedPorts") or ())

    @property
    def healthcheck(self) -> dict[str, object] | None:
        """Docker's extension: Test, and times in nanoseconds."""
        found: dict[str, object] | None = self._process.get("Healthcheck")
        return found
