"""The recordings are what the Postfix that is installed does, where it is of their version."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.golden.groups import GROUPS
from tests.golden.record import different, record, running
from tests.golden.test_golden import RECORDED
from tests.programs import needs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.golden.postfix import Postfix

CHOSEN = {
    "messages": ("clean", "two in a row", "spaces and folds", "body of three chunks"),
    "envelopes": ("null sender", "refused second recipient told"),
    "sessions": ("rset after rcpt, then a message", "unknown client", "helo twice"),
    "steps": ("no reply to anything",),
    "macros": ("every macro at every stage",),
    "versions": ("version 4, chosen 2",),
    "skips": ("skip at every R",),
    "replies-connect": ("reject at connect",),
    "replies-end-of-message": ("450 in two lines at end-of-message", "discard at end-of-message"),
    "edits": ("everything", "replace body, interrupted", "insert at 1"),
    "submitted": ("clean", "reject at mail", "first recipient refused", "edit: everything"),
    "clients": ("IPv6", "logged in"),
    "tls": ("trusted client", "logged in, for another"),
    "trouble": ("quarantine where the second closes at mail", "reject where nobody listens"),
    "settings": ("macro defaults", "protocol of its own", "a mbox line"),
}
"""A case or two of each kind; ``python -m tests.golden.record --check`` plays them all."""


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    """A private Postfix of the version of the recordings."""
    needs("postfix", "postconf", "sendmail", "openssl")
    if os.geteuid() != 0:
        pytest.skip("only root can start a Postfix")
    cases = [GROUPS[group][name] for group, names in CHOSEN.items() for name in names]
    with running(cases) as started:
        ours, theirs = started.version(), RECORDED["messages"]["postfix"]
        if ours.split(".")[:2] != theirs.split(".")[:2]:
            pytest.skip(f"the recordings are of Postfix {theirs}, this is {ours}")
        yield started


@pytest.mark.parametrize("group", CHOSEN)
def test_postfix_does_as_recorded(postfix: Postfix, group: str) -> None:
    assert differing(postfix, group, differing(postfix, group, CHOSEN[group])) == {}


def differing(postfix: Postfix, group: str, names: Iterable[str]) -> dict[str, list[str]]:
    """Return which cases differ from their recordings, and in what.

    One that does is played again: where anvil or tlsmgr are slow to start, as on a busy machine,
    an smtpd goes on without them.
    """
    cases = {name: record(postfix, GROUPS[group][name]) for name in names}
    return different(RECORDED[group], postfix.version(), cases)


def test_a_difference_is_found() -> None:
    recorded = RECORDED["messages"]
    case = {**recorded["cases"]["clean"], "replies": ["554 no"]}
    assert list(different(recorded, "3.7.99", {"clean": case})) == ["clean"]


def test_the_version_in_a_macro_is_no_difference() -> None:
    recorded = RECORDED["messages"]
    text = json.dumps(recorded["cases"]["clean"]).replace(recorded["postfix"], "3.7.99")
    assert "3.7.99" in text
    assert different(recorded, "3.7.99", {"clean": json.loads(text)}) == {}
