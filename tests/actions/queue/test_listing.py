"""The look at queues that no test can fill, and with rights that root can't be without.

postqueue is a program of the test's own here, which prints what the real one would: a queue of
tens of thousands of messages takes too long to fill, and the real one refuses a configuration
of somebody's own to everybody but root.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Cancelled, Context, Exit
from actions.host.system import SystemHost
from actions.queue.choose import Choice
from actions.queue.findings import Thresholds
from actions.queue.listing import list_queue
from actions.queue.plans import plan_operation
from actions.queue.show import show_message
from actions.runner import run_plan
from tests.actions.sandbox import needs_root

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from actions.queue.report import QueueReport

LIMITS = Thresholds(500, 0, 0.0)
NOBODY = 65534


class Settings:
    """Postfix's settings, as far as they matter here."""

    def __init__(self, folder: Path, **other: str) -> None:
        self._values = {
            "command_directory": str(folder),
            "queue_directory": str(folder / "queue"),
            "message_size_limit": "10240000",
            "queue_minfree": "0",
            "qmgr_message_active_limit": "20000",
            "maximal_queue_lifetime": "5d",
            "maximal_backoff_time": "4000s",
            **other,
        }

    def setting(self, name: str) -> str:
        return self._values[name]


def host_with(folder: Path, script: str, **settings: str) -> SystemHost:
    """Return a host whose postqueue is *script*, with an empty queue folder."""
    for name in ("deferred", "maildrop", "corrupt"):
        (folder / "queue" / name).mkdir(parents=True)
    program = folder / "postqueue"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    host = SystemHost()
    host.postfix = Settings(folder, **settings)  # type: ignore[assignment]
    return host


def lines_of(folder: Path, messages: Iterable[dict[str, object]]) -> str:
    """Put *messages* into a file and return the script that prints it."""
    path = folder / "listing"
    with path.open("w") as file:
        for message in messages:
            file.write(json.dumps(message) + "\n")
    path.chmod(0o644)
    return f"cat {path}"


def message(number: int, state: str = "deferred", age: float = 60) -> dict[str, object]:
    return {
        "queue_name": state,
        "queue_id": f"{number:010X}",
        "arrival_time": int(time.time() - age) - number % 1000,
        "message_size": 1000,
        "forced_expire": False,
        "sender": f"news-{number}@example.org",
        "recipients": [
            {
                "address": f"user{number}@{number % 50}.example",
                "delay_reason": f"connect to mx{number}.example[192.0.2.1]:25: timed out "
                + "x" * 99,
            }
        ],
    }


def listed(host: SystemHost, choice: Choice | None = None, limit: int = 20) -> QueueReport:
    return list_queue(Context(host), choice or Choice(), limit, LIMITS)


def test_a_queue_of_many_megabytes_is_read_whole(tmp_path: Path) -> None:
    number = 30_000
    host = host_with(tmp_path, lines_of(tmp_path, map(message, range(number))))
    assert (tmp_path / "listing").stat().st_size > 8 << 20
    told: list[object] = []
    started = time.monotonic()
    report = list_queue(Context(host, told.append), Choice(), 20, LIMITS)
    assert time.monotonic() - started < 30
    assert (report.total, report.matched, len(report.messages)) == (number, number, 20)
    ages = [one.arrival for one in report.messages]
    assert ages == sorted(ages)
    assert ages[0] == report.oldest
    assert told == [f"{step} messages read …" for step in range(5000, number + 1, 5000)]
    (group,) = report.reasons
    assert (group.recipients, group.other_domains) == (number, 45)
    assert [finding.name for finding in report.findings] == ["queue.deferred"]


def test_it_can_be_cancelled_amid_the_reading(tmp_path: Path) -> None:
    line = json.dumps(message(1))
    host = host_with(tmp_path, f"echo '{line}'; exec sleep 86396.5")
    cancel = threading.Event()
    cancel.set()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        list_queue(Context(host, cancel=cancel), Choice(), 20, LIMITS)
    assert time.monotonic() - started < 5


def test_it_can_be_cancelled_while_nothing_comes(tmp_path: Path) -> None:
    host = host_with(tmp_path, "exec sleep 86396.25")
    cancel = threading.Event()
    cancel.set()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        list_queue(Context(host, cancel=cancel), Choice(), 20, LIMITS)
    assert time.monotonic() - started < 5


def test_a_message_that_moves_while_it_is_listed_counts_once(tmp_path: Path) -> None:
    twice = [message(1, "active"), message(2), message(1)]
    host = host_with(tmp_path, lines_of(tmp_path, twice))
    report = listed(host)
    assert report.total == 2
    assert {one.queue_id: one.state for one in report.messages} == {
        "0000000001": "active",
        "0000000002": "deferred",
    }


def test_what_is_not_understood_is_said(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, [message(1)])
    report = listed(host_with(tmp_path, f"echo what; {lines}; echo '{{}}'; echo"))
    assert report.total == 1
    assert report.unseen == ("2 lines of postqueue -j were not understood",)


@pytest.mark.parametrize(
    ("script", "code", "next_step"),
    [
        (
            ("echo 'postqueue: fatal: Queue report unavailable - mail system is down' >&2;exit 69"),
            Exit.UNDECIDED,
            "start Postfix; while it is down, only root",
        ),
        (
            (
                "echo 'postqueue: fatal: User nobody is not allowed to view the mail queue' >&2;"
                "exit 69"
            ),
            Exit.NOT_PERMITTED,
            "authorized_mailq_users",
        ),
        ("echo 'postqueue: invalid option -- j' >&2; exit 64", Exit.UNDECIDED, "Postfix 3.1"),
    ],
)
def test_a_listing_that_fails(tmp_path: Path, script: str, code: Exit, next_step: str) -> None:
    with pytest.raises(ActionError) as told:
        listed(host_with(tmp_path, script))
    assert told.value.exit_code == code
    assert next_step in told.value.next_step


def test_a_host_without_postfix(tmp_path: Path) -> None:
    host = host_with(tmp_path, "")
    (tmp_path / "postqueue").unlink()
    with pytest.raises(ActionError, match="no such program"):
        listed(host)


@pytest.mark.parametrize(
    ("messages", "settings", "names"),
    [
        ([message(1, age=5 * 86400)], {}, []),
        ([message(1, age=6 * 86400)], {}, ["queue.age"]),
        ([message(1, age=6 * 86400)], {"maximal_queue_lifetime": "1w"}, []),
        ([message(1, age=6 * 86400)], {"maximal_queue_lifetime": "$nonsense"}, []),
        ([message(1, "hold", age=60 * 86400)], {}, ["queue.held"]),
        ([message(1, "active")], {"qmgr_message_active_limit": "1"}, ["queue.active"]),
        ([message(1, "maildrop")], {}, []),
        ([], {"queue_minfree": str(1 << 62)}, ["queue.disk"]),
    ],
)
def test_findings(
    tmp_path: Path,
    messages: list[dict[str, object]],
    settings: dict[str, str],
    names: list[str],
) -> None:
    report = listed(host_with(tmp_path, lines_of(tmp_path, messages), **settings))
    assert [finding.name for finding in report.findings] == names
    assert report.exit_code == (Exit.PROBLEM if names else Exit.FINE)


def test_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    # Between the space that Postfix needs and ten times that.
    needed = disk.f_bavail * disk.f_frsize // 5
    host = host_with(tmp_path, "", queue_minfree=str(needed))
    (finding,) = listed(host).findings
    assert finding.what.startswith("the queue's disk is nearly full")


def test_an_age_of_ones_own(tmp_path: Path) -> None:
    host = host_with(tmp_path, lines_of(tmp_path, [message(1, age=7200)]))
    report = list_queue(Context(host), Choice(), 20, Thresholds(500, 0, 3600))
    assert [finding.name for finding in report.findings] == ["queue.age"]
    report = list_queue(Context(host), Choice(), 20, Thresholds(500, 0, 86400))
    assert report.findings == ()


def test_files_that_wait_for_pickup_are_counted(tmp_path: Path) -> None:
    host = host_with(tmp_path, "")
    (tmp_path / "queue/maildrop/A1").write_text("")
    assert {one.state: one.messages for one in listed(host).states}["maildrop"] == 1


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        ("open queue file 0000000001: Permission denied", Exit.NOT_PERMITTED, "only root"),
        ("open queue file 0000000001: No such file or directory", Exit.PROBLEM, "just left"),
    ],
)
def test_a_message_that_can_not_be_read(tmp_path: Path, error: str, code: Exit, told: str) -> None:
    host = host_with(tmp_path, lines_of(tmp_path, [message(1)]))
    (tmp_path / "postcat").write_text(f"#!/bin/sh\necho 'postcat: fatal: {error}' >&2\nexit 1\n")
    (tmp_path / "postcat").chmod(0o755)
    with pytest.raises(ActionError, match=told) as refused:
        show_message(Context(host), "0000000001", body=False)
    assert refused.value.exit_code == code


@needs_root
def test_what_an_ordinary_user_can_not_see_is_unknown(tmp_path: Path) -> None:
    host = host_with(tmp_path, lines_of(tmp_path, [message(1), message(2, "maildrop")]))
    for folder in (tmp_path / "queue").iterdir():
        folder.chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o077 == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(0o711)
    report = _as_nobody(host)
    # What the listing has of maildrop is known; of corrupt nothing is.
    assert {count.state: count.messages for count in report.states} == {
        "incoming": 0,
        "active": 0,
        "deferred": 1,
        "hold": 0,
        "maildrop": 1,
        "corrupt": None,
    }
    assert report.next_retry is None
    assert [one.next_retry for one in report.messages] == [None, None]
    (unseen,) = report.unseen
    assert unseen.endswith("can't be seen without root")
    assert report.findings == ()


def _as_nobody(host: SystemHost) -> QueueReport:
    """Return the report of this process while it has no rights."""
    listed(host)  # imports what can't be read then
    os.seteuid(NOBODY)
    try:
        return listed(host)
    finally:
        os.seteuid(0)


def test_a_plan_for_thousands_shows_some_and_holds_all(tmp_path: Path) -> None:
    number = 2000
    host = host_with(tmp_path, lines_of(tmp_path, map(message, range(number))))
    choice = Choice(sender="news-*@example.org")
    plan = plan_operation(Context(host), "hold", (), choice, 0)
    (change,) = plan.changes
    assert change.target.endswith(f" and {number - 1} more")
    shown = [line.text for line in change.lines()]
    assert shown[0] == "postsuper -h -"
    assert shown[-1] == f"… and {number - 20} more"
    assert change.as_command().count("\n") == number + 1
    first = plan_operation(Context(host), "hold", (), choice, 3).changes[0]
    assert first.target.endswith(" and 2 more")


def refusing(folder: Path, postsuper: str) -> Context:
    """Return a host with two deferred messages whose postsuper is *postsuper*."""
    host = host_with(folder, lines_of(folder, [message(1), message(2)]))
    (folder / "state").mkdir(mode=0o700)
    host.state_folder = str(folder / "state")
    (folder / "postsuper").write_text(f"#!/bin/sh\n{postsuper}\n")
    (folder / "postsuper").chmod(0o755)
    return Context(host)


@needs_root
def test_a_refused_operation_is_rolled_back_and_says_why(tmp_path: Path) -> None:
    ctx = refusing(tmp_path, "echo 'postsuper: fatal: use of this command is reserved' >&2; exit 1")
    report = run_plan(ctx, plan_operation(ctx, "hold", (), Choice(state="deferred"), 0))
    assert (report.status, report.exit_code) == ("rolled back", Exit.ROLLED_BACK)
    assert "postsuper -h: postsuper: fatal: use of this command is reserved" in report.because
    assert report.left == ()


@needs_root
def test_a_hold_that_held_nothing_is_not_proved(tmp_path: Path) -> None:
    ctx = refusing(tmp_path, "")
    report = run_plan(ctx, plan_operation(ctx, "hold", (), Choice(state="deferred"), 0))
    assert report.status == "rolled back"
    assert "is in deferred, and 1 more" in report.because
