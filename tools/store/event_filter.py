"""Which events somebody wants to see, as the options of docker events say it, and when they were."""

from __future__ import annotations

from oci_spec import reference
from oci_spec.descriptor import REF_NAME
from oci_spec.jsondoc import FormatError

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from .journal import Journal

_KEYS = ("container", "event", "image", "label", "type")


class EventFilter:
    """Of the filters of one kind an event has to fit one, and that for every kind; of labels it has to have all."""

    __slots__ = ("_wanted",)

    def __init__(self, texts: Sequence[str]) -> None:
        """Each is `event=die`, `type=container`, `container=NAME` (or the beginning of its id), `image=REF` or
        `label=KEY[=VALUE]`. Raises UsageError for what is no filter."""
        self._wanted: dict[str, list[str]] = {}
        for text in texts:
            key, _, value = text.partition("=")
            if key not in _KEYS or not value:
                raise UsageError(
                    f"--filter {text}", "is no filter",
                    "event=ACTION, type=TYPE, container=NAME-OR-ID, image=REF or label=KEY[=VALUE]",
                )  # fmt: skip
            self._wanted.setdefault(key, []).append(_full(text, value) if key == "image" else value)

    def fits(self, event: Document) -> bool:
        """Whether the event is wanted."""
        target: Document = event["object"]  # type: ignore[assignment]
        found = target.get("annotations")
        annotations = found if isinstance(found, dict) else {}
        return all(
            (all if key == "label" else any)(_fits(key, value, event, target, annotations) for value in values)
            for key, values in self._wanted.items()
        )


def _fits(key: str, value: str, event: Document, target: Document, annotations: Mapping[str, object]) -> bool:
    if key == "type":
        return event["type"] == value
    if key == "event":  # also without what some actions say more: `health_status: healthy`
        return value in (event["action"], str(event["action"]).partition(":")[0])
    if key == "container":
        if event["type"] != "container":
            return False
        return annotations.get("org.ocipipe.name") == value or str(target.get("id")).startswith(value)
    if key == "image":
        name = str(annotations.get("org.ocipipe.image") or annotations.get(REF_NAME) or "")
        return name == value or (name.startswith(value) and name[len(value)] in ":@" and "@" not in value)
    label, equals, wanted = value.partition("=")
    return label in annotations and (not equals or annotations[label] == wanted)


def _full(text: str, value: str) -> str:
    """The reference in full; without a tag it stands for the whole repository."""
    try:
        return str(reference.parse(value, default_tag=False))
    except FormatError as error:
        raise UsageError(f"--filter {text}", error.problem, "image=REPOSITORY[:TAG]") from None


def events(journal: Journal, args: Any, now: float, cursor: str | None = None) -> Iterator[Document]:
    """The events that --since, --until, --no-follow and a cursor ask for at this time. Raises UsageError, and what
    reading the journal raises."""
    from time import monotonic

    from ..host import times

    since, until = times.asked(args.since, "--since", now), times.asked(args.until, "--until", now)
    if cursor is None:
        cursor = journal.end() if since is None and until is None and not args.no_follow else ""
    oldest = "" if since is None else times.stamp(since)
    if args.no_follow or (until is not None and until <= times.of_seconds(now)):
        found = journal.read(cursor, since=oldest)
    else:
        left = None if until is None else (until - times.of_seconds(now)) / 1e9
        found = journal.follow(cursor, None if left is None else monotonic() + left, since=oldest)
    newest = None if until is None else times.stamp(until)
    for event in found:
        if newest is None or str(event["time"]) <= newest:
            yield event
