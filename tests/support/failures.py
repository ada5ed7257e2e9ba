"""A call that must fail in our own way: with just this kind of error."""

from __future__ import annotations

from typing import Any

import pytest

from ocipipe.errors import OcipipeError


def failure(call: Any, kind: type[OcipipeError]) -> str:
    with pytest.raises(OcipipeError) as caught:
        call()
    assert type(caught.value) is kind, caught.value
    return str(caught.value)
