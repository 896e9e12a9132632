"""What a faithful chain test must do, point by point, and the recordings that hold us to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.groups import GROUPS

ROOT = Path(__file__).parents[2]

RECORDED = {
    "1 negotiation": (
        "versions/version 6, chosen 6",
        "versions/version 6, chosen 2",
        "versions/version 2, chosen 2",
        "settings/protocol of its own",
        "trouble/tempfail where it wants a version too high",
        "trouble/tempfail where it wants actions not offered",
        *(f"steps/no {event}" for event in "CHMRTLNBU"),
        *(f"steps/no reply to {event}" for event in "CHMRTLNBU"),
        *(f"skips/skip at {event}" for event in "RLNB"),
        "messages/leading space kept",
        "envelopes/refused recipient told",
        "macros/all lists",
    ),
    "2 macros": (
        "messages/clean",
        "messages/two in a row",
        "envelopes/two recipients",
        "macros/every macro at every stage",
        "macros/one list",
        "macros/an empty list",
        "macros/a macro nobody knows",
        "tls/default macros",
        "tls/trusted client",
        "tls/logged in, for another",
        "settings/macros of every stage",
        "settings/macros of an unknown command",
        "settings/macro defaults",
        "settings/names of our own",
    ),
    "3 connect": (
        "sessions/unknown client",
        "clients/IPv6, default macros",
        "clients/IPv6, unknown name",
        "clients/no address, default macros",
        "clients/no port",
        "envelopes/recipient arguments",
        "envelopes/null sender",
        "messages/8bitmime and size",
    ),
    "4 headers": (
        "messages/spaces and folds",
        "messages/leading space kept",
        "messages/resent, received, return-path",
        "messages/broken header block",
        "settings/a mbox line",
        "submitted/clean",
    ),
    "5 body": (
        "messages/body of one chunk",
        "messages/body of one chunk and a byte",
        "messages/body of three chunks",
        "messages/empty body",
        "messages/no body",
    ),
    "6 end": (
        "messages/clean",
        "sessions/rset after a message",
        "sessions/two messages, rset between",
        "sessions/quit after rcpt",
        "sessions/helo twice",
        "submitted/clean",
    ),
    "7 timeouts": (
        "settings/too slow for its own command_timeout",
        "settings/too slow for its own content_timeout",
        "settings/more time asked for at mail",
        "settings/more time asked for at end-of-message",
    ),
    "8 failure": (
        *(f"trouble/{action} where nobody listens" for action in ("accept", "tempfail", "reject")),
        "trouble/quarantine where nobody listens",
        "trouble/tempfail where it is no milter",
        *(f"failures/{action} after failure at header" for action in ("accept", "quarantine")),
        "trouble/reject where it answers mail with nonsense",
        "trouble/tempfail where it closes at end-of-message",
        "shutdown/after failure at connect",
        "shutdown/after failure at end-of-message",
    ),
    "9 order": (
        *(
            f"replies-{stage}/{word} at {stage}"
            for stage in ("connect", "helo", "mail", "rcpt", "data", "header", "body")
            for word in ("accept", "reject", "tempfail")
        ),
        "replies-end-of-message/discard at end-of-message",
        "replies-mail/discard at mail",
        "edits/quarantine",
        "edits/everything",
        "skips/skip at B",
    ),
    "10 edits": (
        *(f"edits/insert at {at}" for at in (0, 1, 2, 9)),
        *(f"edits/{what} {at}" for what in ("change", "delete") for at in (0, 1, 2, 3)),
        "edits/delete 1, then 2",
        "edits/change in another case",
        "edits/delete recipient in another case",
        "edits/delete an unknown recipient",
        "edits/add a known recipient",
        "edits/replace body, interrupted",
        "replies-mail/550 at mail",
        "replies-mail/450 in two lines at mail",
    ),
    "11 rejected recipients": (
        "envelopes/refused recipient",
        "envelopes/refused recipient told",
        "envelopes/refused second recipient told",
        "envelopes/all recipients refused told",
    ),
}
"""By the number and name of the point: cases, as GROUP/CASE."""

BESIDE = {
    "3 connect": ("tests/actions/milter/test_wire.py", "test_name_family_port_and_address"),
    "7 timeouts": (
        "tests/actions/chain/test_hostile.py",
        "test_endless_progress_ends_at_the_deadline",
    ),
}
"""Tests of what no Postfix can be brought to do: unix and unknown families, our own deadline."""


@pytest.mark.parametrize("point", RECORDED)
def test_the_point_is_recorded(point: str) -> None:
    missing = [
        case for case in RECORDED[point] if case.split("/", 1)[1] not in GROUPS[case.split("/")[0]]
    ]
    assert missing == []


@pytest.mark.parametrize("point", BESIDE)
def test_the_rest_of_it_has_its_test(point: str) -> None:
    path, name = BESIDE[point]
    assert f"def {name}(" in (ROOT / path).read_text()


def test_no_point_is_left_out() -> None:
    assert [int(point.split()[0]) for point in RECORDED] == list(range(1, 12))
