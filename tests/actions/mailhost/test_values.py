"""What the values of Postfix's settings say."""

from __future__ import annotations

import pytest

from actions.host.errors import HostError
from actions.mailhost.values import seconds


@pytest.mark.parametrize(
    ("value", "told"), [("30", 30), ("30s", 30), ("10m", 600), ("2H", 7200), (" 1d ", 86400)]
)
def test_a_time_is_read_with_its_unit(value: str, told: float) -> None:
    assert seconds(value) == told


@pytest.mark.parametrize("value", ["", "s", "-1", "1.5", "²", "3²s", "٣", "soon"])
def test_what_is_no_time_is_refused(value: str) -> None:
    with pytest.raises(HostError, match="no time"):
        seconds(value)
