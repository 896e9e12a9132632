"""The journal on the disk."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from actions.changes import Command
from actions.host.errors import HostError
from actions.journal.entry import Position
from actions.journal.store import KEPT_DAYS, Journal, NoEntry
from actions.plan import Plan, Proof

if TYPE_CHECKING:
    from pathlib import Path

PLAN = Plan(
    "Do",
    "test.do",
    {"name": "x", "several": ("a", "b"), "count": 2},
    "because",
    (Command(("true",)), Command(("false",), undo_argv=("true",))),
    Proof("it is done", "test.look", {"endpoints": ("a",)}),
    lasting=False,
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(str(tmp_path / "state"))


def test_an_entry_is_read_as_it_was_written(journal: Journal) -> None:
    assert journal.ids() == ()
    begun = journal.begin(PLAN, "alice", "mx1")
    assert journal.entry(begun.id) == begun
    assert begun.plan == PLAN
    assert (begun.who, begun.host_name) == ("alice", "mx1")
    assert abs(begun.begun - time.time()) < 5
    assert journal.open_entry() == begun
    journal.note(begun.id, "applied")
    assert journal.open_entry() is None


def test_entries_of_one_second_have_names_in_order(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.5)
    names = [journal.begin(PLAN, "a", "h").id for _ in range(12)]
    assert names[:3] == ["20231114-221320", "20231114-221320-2", "20231114-221320-3"]
    assert journal.ids() == tuple(names)


def test_events_tell_how_far_each_change_has_come(journal: Journal) -> None:
    name = journal.begin(PLAN, "a", "h").id
    positions = [journal.entry(name).positions]
    for kind, change, back in (
        ("intent", 0, False),
        ("done", 0, False),
        ("intent", 1, False),
        ("failed", 1, False),
        ("intent", 0, True),
        ("done", 0, True),
    ):
        journal.note(name, kind, change=change, back=back)  # type: ignore[arg-type]
        positions.append(journal.entry(name).positions)
    new, begun, done, returning, returned = (
        Position.NOT_BEGUN,
        Position.BEGUN,
        Position.DONE,
        Position.RETURNING,
        Position.RETURNED,
    )
    assert positions == [
        (new, new),
        (begun, new),
        (done, new),
        (done, begun),
        (done, begun),
        (returning, begun),
        (returned, begun),
    ]


def test_a_torn_last_line_is_dropped(journal: Journal) -> None:
    name = journal.begin(PLAN, "a", "h").id
    journal.note(name, "intent", change=0)
    path = os.path.join(journal.folder, name, "events")
    with open(path, "ab") as file:
        file.write(b'{"kind":"done","at":17')
    assert journal.entry(name).positions[0] is Position.BEGUN
    assert journal.open_entry() is not None
    journal.note(name, "done", change=0, text="zwölf\nlines")
    entry = journal.entry(name)
    assert entry.positions[0] is Position.DONE
    assert entry.events[-1].text == "zwölf\nlines"
    with open(path, "rb") as file:
        assert file.read().count(b"\n") == 3


def test_what_is_damaged_is_told_and_does_not_stop_others(journal: Journal) -> None:
    good, bad = (journal.begin(PLAN, "a", "h").id for _ in range(2))
    with open(os.path.join(journal.folder, bad, "record.json"), "w", encoding="utf-8") as file:
        file.write('{"schema": "journal/0"}')
    assert [entry.id for entry in journal.entries()] == [good]
    assert journal.unreadable() == (bad,)
    with pytest.raises(HostError, match="damaged"):
        journal.entry(bad)
    found = journal.open_entry()
    assert found is not None
    assert found.id == good


@pytest.mark.parametrize("name", ["20200101-000000", "../x", "", "."])
def test_no_such_entry(journal: Journal, name: str) -> None:
    journal.begin(PLAN, "a", "h")
    with pytest.raises(NoEntry, match=r"journal\.list shows all"):
        journal.entry(name)


def test_old_entries_go_and_open_ones_stay(journal: Journal) -> None:
    names = [journal.begin(PLAN, "a", "h").id for _ in range(4)]
    for name in names[:3]:
        journal.note(name, "applied")
    old = time.time() - (KEPT_DAYS + 1) * 86400
    for name in (names[0], names[3]):
        os.utime(os.path.join(journal.folder, name, "events"), (old, old))
    recent = time.time() - (KEPT_DAYS - 1) * 86400
    os.utime(os.path.join(journal.folder, names[1], "events"), (recent, recent))
    journal.tidy()
    assert list(journal.ids()) == names[1:]


def test_what_a_kill_left_goes(journal: Journal) -> None:
    kept = journal.begin(PLAN, "a", "h").id
    for name in (".new-20200101-000000", ".old-20200101-000000"):
        os.mkdir(os.path.join(journal.folder, name))
        with open(os.path.join(journal.folder, name, "record.json"), "wb"):
            pass
    assert journal.ids() == (kept,)
    journal.tidy()
    assert os.listdir(journal.folder) == [kept]


def test_the_folder_is_private(journal: Journal) -> None:
    os.makedirs(journal.folder, 0o755)
    os.chmod(journal.folder, 0o755)
    journal.begin(PLAN, "a", "h")
    for folder in (journal.folder, os.path.dirname(journal.folder)):
        assert os.stat(folder).st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(journal: Journal) -> None:
    os.makedirs(journal.folder)
    os.chown(journal.folder, 12001, 12001)
    with pytest.raises(HostError, match="not this user's own folder"):
        journal.begin(PLAN, "a", "h")
