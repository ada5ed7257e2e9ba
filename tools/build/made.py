"""What a build for one platform has come to."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor

    from ..store.builds import Record
    from .execute import Build
    from .plan import Plan
    from .state import State


class Made:
    """What a build for one platform has come to: of the target its `image` and `state`, with all layers that it made as
    one where that was wanted, and the `records` of the steps that it came by."""

    __slots__ = ("build", "image", "plan", "records", "state")

    def __init__(self, build: Build, plan: Plan, image: Descriptor, state: State, records: list[Record]) -> None:
        self.build = build
        self.plan = plan
        self.image = image
        self.state = state
        self.records = records
