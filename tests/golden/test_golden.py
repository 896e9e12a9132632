"""What milters hear from us, and what becomes of the mail, is what Postfix was recorded to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.golden.groups import GROUPS
from tests.golden.replay import replay
from tests.milters.fixtures import peers

if TYPE_CHECKING:
    from tests.milters.peer import Peers

__all__ = ["peers"]

RECORDINGS = Path(__file__).with_name("recordings")

CASES = [(group, name) for group, cases in GROUPS.items() for name in cases]


def recording(group: str) -> Any:
    return json.loads((RECORDINGS / f"{group}.json").read_text())


RECORDED = {group: recording(group) for group in GROUPS}


def refusals(replies: list[str]) -> list[str]:
    """Return *replies* with those that let the client go on left empty, as ours are."""
    return [reply if reply[:1] in ("4", "5", "-", "c") else "" for reply in replies]


@pytest.mark.parametrize(("group", "name"), CASES, ids=map(": ".join, CASES))
def test_as_postfix(peers: Peers, group: str, name: str) -> None:
    recorded = RECORDED[group]["cases"][name]
    ours = replay(peers, GROUPS[group][name], recorded, RECORDED[group]["postfix"])
    theirs = dict(recorded)
    if not GROUPS[group][name].submitted:
        theirs["replies"] = refusals(recorded["replies"])
    assert ours["sessions"] == theirs["sessions"]
    assert ours == theirs


def test_every_recording_has_its_case() -> None:
    recorded = [(group, name) for group in RECORDED for name in RECORDED[group]["cases"]]
    assert recorded == CASES
    assert {path.stem for path in RECORDINGS.iterdir()} == set(GROUPS)
