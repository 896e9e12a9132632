"""The journal on the disk."""

from __future__ import annotations

import errno
import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from actions.changes import Command
from actions.host.errors import HostError
from actions.journal.entry import Position
from actions.journal.store import KEPT_DAYS, KEPT_ENTRIES, Journal, NoEntry
from actions.plan import Plan, Proof

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions.journal.entry import EventKind

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


def test_names_are_numbered_whatever_the_clock_says(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_700_000_000.5] * 3 + [1_600_000_000.5] * 9
    monkeypatch.setattr(time, "time", lambda: clock[len(names)])
    names: list[str] = []
    while len(names) < 12:
        names.append(journal.begin(PLAN, "a", "h").id)
    assert names[:4] == [
        *("20231114-221320-n1", "20231114-221320-n2", "20231114-221320-n3"),
        "20200913-122640-n4",
    ]
    assert journal.ids() == tuple(names)


def test_entries_without_numbers_come_first(journal: Journal) -> None:
    first = journal.begin(PLAN, "a", "h").id
    old = ["20991114-221320", "20991114-221320-2", "20991114-221320-10"]
    for name in old:
        shutil.copytree(os.path.join(journal.folder, first), os.path.join(journal.folder, name))
    last = journal.begin(PLAN, "a", "h").id
    assert last.endswith("-n5")
    assert journal.ids() == (*old, first, last)
    assert [entry.id for entry in journal.entries()] == [*old, first, last]


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


def damage(journal: Journal, name: str) -> None:
    with open(os.path.join(journal.folder, name, "record.json"), "w", encoding="utf-8") as file:
        file.write('{"schema": "journal/0"}')


def test_what_is_damaged_and_open_stands_in_the_way(journal: Journal) -> None:
    good, bad = (journal.begin(PLAN, "a", "h").id for _ in range(2))
    damage(journal, bad)
    assert [entry.id for entry in journal.entries()] == [good]
    assert journal.unreadable() == (bad,)
    with pytest.raises(HostError, match="damaged"):
        journal.entry(bad)
    found = journal.open_entry()
    assert found is not None
    assert (found.id, found.plan.changes) == (bad, ())
    assert "not of the form journal/1" in found.damaged
    journal.note(bad, "left")
    found = journal.open_entry()
    assert found is not None
    assert found.id == good


def test_a_damaged_event_keeps_an_entry_open_until_it_is_left(journal: Journal) -> None:
    name = journal.begin(PLAN, "a", "h").id
    with open(os.path.join(journal.folder, name, "events"), "ab") as file:
        file.write(b"\xff{\n[]\n")
    found = journal.open_entry()
    assert found is not None
    assert found.damaged
    journal.note(name, "left")
    assert journal.open_entry() is None


def test_strays_are_told_and_in_nobodys_way(journal: Journal) -> None:
    kept = journal.begin(PLAN, "a", "h").id
    journal.note(kept, "applied")
    for name in ("lost+found", "20200101-000000", ".new-x"):
        os.makedirs(os.path.join(journal.folder, name, "below"))
    for name in ("notes.txt", "20200101-000001"):
        with open(os.path.join(journal.folder, name), "wb"):
            pass
    journal.tidy()
    assert journal.open_entry() is None
    assert [entry.id for entry in journal.entries()] == [kept]
    assert journal.unreadable() == (
        *("20200101-000000", "20200101-000001", "lost+found", "notes.txt"),
    )
    assert journal.begin(PLAN, "a", "h").id in journal.ids()


def test_a_full_disk_is_told_and_a_short_write_goes_on(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = journal.begin(PLAN, "a", "h").id
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda held, data: write(held, bytes(data)[:7]))
        journal.note(name, "intent", change=0, text="x" * 50)
    assert journal.entry(name).events[-1].text == "x" * 50

    def full(held: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", refused)
        return write(held, bytes(data)[:7])

    def refused(held: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(HostError, match="the file system is full"):
        journal.note(name, "done", change=0)
    monkeypatch.setattr(os, "write", write)
    journal.note(name, "failed", change=0)
    assert [event.kind for event in journal.entry(name).events] == ["taken up", "intent", "failed"]


@pytest.mark.parametrize("after", ["taking back", "stuck"])
def test_what_follows_the_end_opens_an_entry_again(journal: Journal, after: EventKind) -> None:
    name = journal.begin(PLAN, "a", "h").id
    journal.note(name, "applied")
    journal.note(name, after)
    found = journal.open_entry()
    assert found is not None
    assert found.closed is None
    journal.note(name, "rolled back")
    assert journal.open_entry() is None


@pytest.mark.parametrize("name", ["20200101-000000", "../x", "", "."])
def test_no_such_entry(journal: Journal, name: str) -> None:
    journal.begin(PLAN, "a", "h")
    with pytest.raises(NoEntry, match=r"journal\.list shows all"):
        journal.entry(name)


def test_old_entries_go_and_open_ones_stay(journal: Journal) -> None:
    names = [journal.begin(PLAN, "a", "h").id for _ in range(4 + KEPT_ENTRIES)]
    for name in (*names[:3], *names[4:]):
        journal.note(name, "applied")
    old = time.time() - (KEPT_DAYS + 1) * 86400
    for name in (names[0], *names[3:]):
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


WAYS_IN: dict[str, Callable[[Journal], object]] = {
    "ids": Journal.ids,
    "entries": Journal.entries,
    "unreadable": Journal.unreadable,
    "entry": lambda journal: journal.entry("20200101-000000"),
    "open_entry": Journal.open_entry,
    "tidy": Journal.tidy,
    "note": lambda journal: journal.note("20200101-000000", "applied"),
    "begin": lambda journal: journal.begin(PLAN, "a", "h"),
}


def _planted(folder: str) -> None:
    """Put what `Journal.tidy` would remove, and an entry, into *folder*."""
    for name in ("20200101-000000", ".old-20200101-000001"):
        os.makedirs(os.path.join(folder, name))
        for file in ("record.json", "events"):
            with open(os.path.join(folder, name, file), "wb") as content:
                content.write(b"torn")


@pytest.mark.parametrize("way", WAYS_IN)
@pytest.mark.parametrize("which", ["state", "journal"])
@pytest.mark.parametrize("fault", ["owner", "mode", "link"])
def test_what_others_could_write_is_not_believed(
    journal: Journal, tmp_path: Path, way: str, which: str, fault: str
) -> None:
    os.makedirs(journal.folder, 0o700)
    _planted(journal.folder)
    folder = journal.folder if which == "journal" else os.path.dirname(journal.folder)
    if fault == "owner":
        if os.geteuid() != 0:
            pytest.skip("only root can give a folder away")
        os.chown(folder, 12001, 12001)
    elif fault == "mode":
        os.chmod(folder, 0o770)
    else:
        os.rename(folder, tmp_path / "elsewhere")
        os.symlink(tmp_path / "elsewhere", folder)
    with pytest.raises(HostError, match="not believed; look"):
        WAYS_IN[way](journal)
    assert sorted(os.listdir(journal.folder)) == [".old-20200101-000001", "20200101-000000"]
    with open(os.path.join(journal.folder, "20200101-000000/events"), "rb") as file:
        assert file.read() == b"torn"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another")
def test_the_journal_of_root_is_read_by_root(journal: Journal) -> None:
    journal.begin(PLAN, "a", "h")
    os.chmod(os.path.dirname(journal.folder), 0o755)
    os.seteuid(12001)
    try:
        with pytest.raises(HostError, match="run as root or with sudo"):
            journal.entries()
    finally:
        os.seteuid(0)
