"""Reading a chain test's report in the tests of the filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.milter.protocol import ACTIONS, STEPS, names

if TYPE_CHECKING:
    from actions.chain.report import ChainReport, MilterResult
    from actions.milter.codec import Chosen


def edits(result: MilterResult) -> list[tuple[str, str, str]]:
    """Return the edits of one milter: kind, name and value on one line."""
    return [(edit.kind, edit.name, " ".join(edit.value.split())) for edit in result.edits]


def chosen(result: MilterResult) -> Chosen:
    """Return what the milter chose in the negotiation."""
    assert result.opened is not None
    assert result.opened.chosen is not None
    return result.opened.chosen


def actions_of(result: MilterResult) -> set[str]:
    """Return what the milter may do to a message, in words."""
    return set(names(chosen(result).actions, ACTIONS))


def steps_of(result: MilterResult) -> set[str]:
    """Return which steps the milter chose to go without, in words."""
    return set(names(chosen(result).steps, STEPS))


def headers_after(report: ChainReport, name: str) -> list[str]:
    """Return the values of header *name* in the message as the chain leaves it, each on a line."""
    from email import message_from_bytes

    found = message_from_bytes(report.message_after).get_all(name, [])
    return [" ".join(str(value).split()) for value in found]
