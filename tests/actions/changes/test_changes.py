"""Every kind of change: shown, as a command, on record, and back."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions.changes import (
    AccessList,
    BadRecord,
    Command,
    FileEdit,
    Folder,
    Membership,
    Owned,
    Ownership,
    QueueOperation,
    Reread,
    UnitOperation,
    from_record,
)
from actions.changes.queue import Chosen
from actions.changes.shell import text_of
from actions.host.errors import HostError, UnknownAccount
from actions.host.folder_acl import Access
from actions.host.kept import Kept
from actions.plan import Standing
from tests.actions.sandbox import MENDED, MILTER, POSTFIX, SETTING, needs_root, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from actions.plan import Change
    from tests.actions.sandbox import SandboxHost

HELD = Kept(b"a\xff\n", 0o640, 1, 2, (("user.x", b"\0"),))

CHANGES: tuple[Change, ...] = (
    FileEdit("/etc/a", HELD, HELD._replace(content=b"b"), "mail waits"),
    FileEdit("/etc/a", None, HELD),
    FileEdit("/etc/a", HELD, None),
    Folder("/etc/a.d", "make", 0o755, 0, 0),
    Folder("/etc/a.d", "remove", 0o755, 0, 0),
    Ownership("/run/a", Owned(0, 0, 0o755, "root", "root"), Owned(0, 5, 0o775, "root", "x y")),
    Ownership("/run/a", Owned(0, 0, 0o755), Owned(0, 0, 0o775)),
    Membership("postfix", "milter"),
    Membership("postfix", "milter", "remove"),
    UnitOperation("start", "a.service", "inactive", "", "mail waits for about 2 s"),
    UnitOperation("stop", "a.service", "active", "i"),
    UnitOperation("restart", "a.service", "active", "i"),
    UnitOperation("restart", "a.service", "failed"),
    UnitOperation("reload", "a.service", "active", "i"),
    UnitOperation("enable", "a.service", "active", "i"),
    UnitOperation("disable", "a.service", "active", "i"),
    Reread(),
    AccessList("/run/a", Access(0o750), Access(0o750, b"\2\0", b"\3"), ("user:a b:--x",)),
    QueueOperation("hold", (Chosen("A4EFD20C350", 1), Chosen("4cZz1R0bq8z2Kn", 2)), ("A4 …",), "n"),
    QueueOperation("release", (Chosen("A4EFD20C350", 1),)),
    QueueOperation("requeue", (Chosen("A4EFD20C350", 1),)),
    QueueOperation("delete", tuple(Chosen(f"A4EFD20C35{n}", n) for n in range(9)), ("A4 …",)),
    QueueOperation("flush", ()),
    QueueOperation("flush", tuple(Chosen(f"A4EFD20C35{n}", n) for n in range(9))),
    Command(("postfix", "start"), undo_argv=("postfix", "stop")),
    Command(("rm", "a b"), "postfix", why_no_undo="it is gone"),
)


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_change_survives_its_record(change: Change) -> None:
    assert from_record(json.loads(json.dumps(change.record()))) == change


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_change_shows_itself(change: Change) -> None:
    assert change.kind
    assert change.target
    assert change.as_command()
    assert change.lines()
    assert not any("\n" in line.text for line in change.lines())
    assert change.undo_note or change.undo == "exact"


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_inverse_of_the_inverse_is_the_change(change: Change) -> None:
    inverse = change.inverse()
    if inverse is None:
        assert change.undo == "none"
        return
    back = inverse.inverse()
    assert back is not None
    assert (inverse == change) == change.settles
    if not (change.kind == "restart" and not change.settles):
        assert (back.kind, back.target, back.lines()) == (
            change.kind,
            change.target,
            change.lines(),
        )


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"change": "none"},
        {"change": "file"},
        {"change": "file", "path": 1, "before": None, "after": None, "note": ""},
        {"change": "file", "path": "/a", "before": 1, "after": None, "note": ""},
        {
            "change": "file",
            "path": "/a",
            "before": None,
            "after": {"content": "?", "mode": 1, "uid": 1, "gid": 1, "labels": {}},
            "note": "",
        },
        {"change": "unit", "operation": "explode", "unit": "", "activity": "", "invocation": ""},
        {"change": "command", "argv": [1]},
        {"change": "queue", "doing": "hold", "messages": "A4", "shown": [], "note": ""},
        {"change": "queue", "doing": "hold", "messages": [["A4"]], "shown": [], "note": ""},
        {"change": "queue", "doing": "burn", "messages": [], "shown": [], "note": ""},
    ],
    ids=str,
)
def test_a_damaged_record_is_told(record: dict[str, object]) -> None:
    with pytest.raises(BadRecord):
        from_record(record)


def test_words() -> None:
    kinds = [change.kind for change in CHANGES]
    assert kinds[:9] == [
        *("edit", "create", "remove", "create", "remove", "owner", "mode", "join", "leave")
    ]
    assert CHANGES[5].as_command() == "chown -h 'root:x y' /run/a && chmod 0775 /run/a"
    assert CHANGES[6].as_command() == "chmod 0775 /run/a"
    assert CHANGES[-1].as_command() == "runuser -u postfix -- rm 'a b'"
    assert CHANGES[-1].undo_note == "it is gone"
    assert CHANGES[-2].undo_note == "by postfix stop"


def test_a_diff_has_some_lines_around_each_change() -> None:
    old = "".join(f"line {number}\n" for number in range(1, 31))
    new = old.replace("line 5\n", "line five\n").replace("line 25\n", "")
    edit = FileEdit("/a", HELD._replace(content=old.encode()), HELD._replace(content=new.encode()))
    shown = [f"{line.sign}{line.text}" for line in edit.lines()]
    assert shown[:5] == [" line 2", " line 3", " line 4", "-line 5", "+line five"]
    assert " …" in shown
    assert "-line 25" in shown
    assert len(shown) == 8 + 1 + 7


@pytest.mark.parametrize(
    ("before", "after", "shown", "command"),
    [
        (
            b"text\n",
            b"secret\xff\n",
            ["-text", "+(8 bytes, not shown: no text)"],
            "# replace '/a b': 8 bytes, not shown: no text",
        ),
        (
            b"secret\0",
            b"text",
            ["-(7 bytes, not shown: no text)", "+text (no newline at the end)"],
            "# replace '/a b': 4 bytes, not shown: no text",
        ),
        (
            b"secret\xff",
            b"secret\xfe",
            ["-(7 bytes, not shown: no text)", "+(7 bytes, not shown: no text)"],
            "# replace '/a b': 7 bytes, not shown: no text",
        ),
        (
            None,
            b"secret\xff",
            ["+(mode 0640, owner 0:0)", "+(7 bytes, not shown: no text)"],
            "# make '/a b': 7 bytes, not shown: no text",
        ),
        (b"secret\xff", None, ["-(7 bytes, not shown: no text)"], "rm '/a b'"),
    ],
)
def test_what_is_no_text_is_not_shown(
    before: bytes | None, after: bytes | None, shown: list[str], command: str
) -> None:
    edit = FileEdit("/a b", _held(before), _held(after))
    assert [f"{line.sign}{line.text}" for line in edit.lines()] == shown
    assert edit.as_command() == command


contents = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from(["a", "b", "EOF", "é", "'\"$HOME`\\", "", "+", "-- a", "\r"]))
    .map("\n".join)
    .flatmap(lambda text: st.sampled_from([text, text + "\n"]))
    .map(str.encode),
)


@needs_root
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=st.none() | contents, after=st.none() | contents)
def test_the_command_does_the_same_as_the_change(
    tmp_path: Path, before: bytes | None, after: bytes | None
) -> None:
    if before == after:
        return
    path = tmp_path / "a file"
    path.unlink(missing_ok=True)
    if before is not None:
        path.write_bytes(before)
        path.chmod(0o640)
    command = FileEdit(str(path), _held(before), _held(after)).as_command()
    if command.startswith("#"):
        assert after is not None
        assert text_of(after) is None or text_of(before or b"") is None
        return
    subprocess.run(["sh", "-c", command], check=True, capture_output=True, cwd=tmp_path)
    assert (path.read_bytes() if path.exists() else None) == after
    if after is not None:
        assert path.stat().st_mode & 0o777 == 0o640


def _held(content: bytes | None) -> Kept | None:
    return None if content is None else Kept(content, 0o640, 0, 0)


@needs_root
def test_planned_from_what_the_host_has(sandbox: SandboxHost) -> None:
    setting = sandbox.at("/etc/milter.conf")
    edit = FileEdit.planned(sandbox, setting, MENDED)
    assert edit.before is not None
    assert edit.before[:4] == (SETTING, 0o640, 0, MILTER)
    assert edit.after == edit.before._replace(content=MENDED)
    socket = Ownership.planned(sandbox, sandbox.at("/run/milter.sock"), group="postfix", mode=0o660)
    assert socket.before == Owned(MILTER, MILTER, 0o640, "milter", "milter")
    assert socket.after == Owned(MILTER, POSTFIX, 0o660, "milter", "postfix")
    assert [str(line.text) for line in socket.lines()] == [
        "milter:milter 0640",
        "milter:postfix 0660",
    ]
    for kind in ("/etc/none", "/etc/link"):
        os.symlink("passwd", sandbox.at("/etc/link")) if kind == "/etc/link" else None
        with pytest.raises(HostError):
            Ownership.planned(sandbox, sandbox.at(kind), mode=0o600)
    with pytest.raises(UnknownAccount):
        Membership.planned(sandbox, "nobody", "milter")
    with pytest.raises(UnknownAccount):
        FileEdit.planned(sandbox, sandbox.at("/etc/new"), b"", owner="nobody")


@needs_root
@pytest.mark.parametrize(
    "make",
    [
        lambda host: FileEdit.planned(host, host.at("/etc/milter.conf"), MENDED),
        lambda host: FileEdit.planned(host, host.at("/etc/new.conf"), b"", mode=0o600),
        lambda host: FileEdit.planned(host, host.at("/etc/old.conf"), None),
        lambda host: Folder.planned(host, host.at("/etc/new.d")),
        lambda host: Ownership.planned(host, host.at("/run/milter.sock"), owner="root"),
        lambda host: Membership.planned(host, "postfix", "milter"),
        lambda host: UnitOperation.planned(host, "stop", "milter"),
    ],
    ids=["edit", "create", "remove", "folder", "owner", "join", "stop"],
)
def test_a_change_is_done_and_undone_and_stands(sandbox: SandboxHost, make: object) -> None:
    change: Change = make(sandbox)  # type: ignore[operator]
    before = snapshot(sandbox.root)
    inverse = change.inverse()
    assert inverse is not None
    assert (change.stands(sandbox), inverse.stands(sandbox)) == (Standing.BEFORE, Standing.AFTER)
    change.apply(sandbox, "t")
    assert (change.stands(sandbox), inverse.stands(sandbox)) == (Standing.AFTER, Standing.BEFORE)
    inverse.apply(sandbox, "t")
    assert change.stands(sandbox) is Standing.BEFORE
    assert snapshot(sandbox.root) == before


@needs_root
def test_an_owner_half_given_can_go_both_ways(sandbox: SandboxHost) -> None:
    path = sandbox.at("/etc/milter.conf")
    os.chmod(path, 0o4750)
    change = Ownership.planned(sandbox, path, owner="milter", mode=0o600)
    os.chown(path, MILTER, MILTER)
    assert change.stands(sandbox) is Standing.BEFORE
    assert change.inverse().stands(sandbox) is Standing.BEFORE
    change.inverse().apply(sandbox, "t")
    assert sandbox.files.state(path)[:4] == ("file", 0o4750, 0, MILTER)
    os.chown(path, POSTFIX, 0)
    assert change.stands(sandbox) is Standing.OTHER
    with pytest.raises(HostError, match="somebody changed its owner or mode"):
        change.apply(sandbox, "t")


@needs_root
def test_a_restart_can_be_told(sandbox: SandboxHost) -> None:
    change = UnitOperation.planned(sandbox, "restart", "milter")
    assert change.settles
    assert change.stands(sandbox) is Standing.BEFORE
    change.apply(sandbox, "t")
    assert change.stands(sandbox) is Standing.AFTER
    assert UnitOperation.planned(sandbox, "reload", "milter").stands(sandbox) is Standing.UNTOLD


@needs_root
def test_a_failing_command_tells_its_last_words(sandbox: SandboxHost) -> None:
    with pytest.raises(HostError, match=r"ended with 3: no such setting"):
        Command(("sh", "-c", "echo no such setting >&2; exit 3")).apply(sandbox, "t")
    assert Command(("true",)).stands(sandbox) is Standing.UNTOLD
