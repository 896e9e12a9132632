"""The mail log from now on: every format, rotation, and a log that is closed to us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.host.commands import SystemCommands
from actions.host.errors import HostError, NotPermitted
from actions.host.ports import Completed
from actions.host.system import SystemHost
from actions.mailhost.logline import LONGEST, LogLine, read_journal_entry, read_line
from actions.mailhost.maillog import FILES_KEPT, Journal, LogFile, open_log
from tests.postfix_ports import TablePostfix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TEXT = "3F2B520CB52: removed"
SAID = b"mx postfix/qmgr[7]: " + TEXT.encode()


class TestLine:
    @pytest.mark.parametrize(
        ("line", "time"),
        [
            (b"Nov 22 09:12:01 " + SAID, "Nov 22 09:12:01"),
            (b"Nov  2 09:12:01 " + SAID, "Nov  2 09:12:01"),
            (b"2026-11-22T09:12:01.660632+00:00 " + SAID, "2026-11-22T09:12:01.660632+00:00"),
            (b"2026-11-22T09:12:01Z " + SAID + b"\r", "2026-11-22T09:12:01Z"),
            (
                b"<22>1 2026-11-22T09:12:01.660632+00:00 mx postfix/qmgr 7 - -  " + TEXT.encode(),
                "2026-11-22T09:12:01.660632+00:00",
            ),
            (
                b'<22>1 2026-11-22T09:12:01Z mx postfix/qmgr 7 - [a@1 b="c"] ' + TEXT.encode(),
                "2026-11-22T09:12:01Z",
            ),
        ],
    )
    def test_every_format(self, line: bytes, time: str) -> None:
        assert read_line(line) == LogLine(time, "postfix/qmgr", 7, TEXT)

    @pytest.mark.parametrize(
        ("tag", "daemon"),
        [("postfix/submission/smtpd[12]", "smtpd"), ("dovecot", "dovecot"), ("lmtp(a)", "lmtp(a)")],
    )
    def test_the_daemon_in_the_tag(self, tag: str, daemon: str) -> None:
        line = read_line(f"Nov 22 09:12:01 mx {tag}: hello: there".encode())
        assert line is not None
        assert (line.daemon, line.text, line.clock) == (daemon, "hello: there", "09:12:01")

    @pytest.mark.parametrize("line", [b"", b"nonsense", b"Nov 22 09:12:01 mx no colon", b"\xff\0"])
    def test_what_is_no_line(self, line: bytes) -> None:
        assert read_line(line) is None

    @pytest.mark.parametrize("pid", ["9" * 5000, "²"])
    def test_a_process_that_is_no_number(self, pid: str) -> None:
        read_line(f"Nov 22 09:12:01 mx postfix/qmgr[{pid}]: x".encode())
        for name in ("SYSLOG_PID", "_PID"):
            entry = {"__REALTIME_TIMESTAMP": "1", "MESSAGE": "x", name: pid}
            line = read_journal_entry(json.dumps(entry))
            assert line is not None
            assert line.pid == 0

    def test_a_long_line_is_cut(self) -> None:
        line = read_line(b"Nov 22 09:12:01 mx a[1]: " + b"x" * 20_000)
        assert line is not None
        assert len(line.text) < LONGEST
        entry = {"__REALTIME_TIMESTAMP": "1", "MESSAGE": "x" * 20_000}
        line = read_journal_entry(json.dumps(entry))
        assert line is not None
        assert len(line.text) == LONGEST

    def test_who_may_speak_as_postfix(self) -> None:
        entry = {
            "__REALTIME_TIMESTAMP": "1",
            "SYSLOG_IDENTIFIER": "postfix/smtp",
            "MESSAGE": TEXT,
            "_UID": "1000",
        }
        authors = frozenset({"0", "89"})
        assert read_journal_entry(json.dumps(entry), authors) is None
        assert read_journal_entry(json.dumps({**entry, "_UID": "89"}), authors) is not None
        other = {**entry, "SYSLOG_IDENTIFIER": "opendkim"}
        assert read_journal_entry(json.dumps(other), authors) is not None

    @given(st.binary(max_size=200))
    def test_no_line_is_too_odd(self, data: bytes) -> None:
        read_line(data)
        read_line(b"Nov 22 09:12:01 mx " + data)
        read_line(b"<22>1 2026-11-22T09:12:01Z mx " + data)

    @given(
        st.dictionaries(
            st.sampled_from(
                ["MESSAGE", "__REALTIME_TIMESTAMP", "SYSLOG_IDENTIFIER", "SYSLOG_PID", "_UID"]
            ),
            st.one_of(
                st.none(),
                st.text(max_size=9),
                st.integers(),
                st.floats(),
                st.lists(st.integers(-1, 300), max_size=3),
            ),
        )
    )
    def test_no_entry_is_too_odd(self, entry: dict[str, object]) -> None:
        read_journal_entry(json.dumps(entry), frozenset({"0"}))

    def test_odd_bytes_are_written_out(self) -> None:
        line = read_line(b"Nov 22 09:12:01 mx a[1]: \xff \x1b[31m")
        assert line is not None
        assert line.text == "\\xff \x1b[31m"

    def test_a_journal_entry(self) -> None:
        entry = {
            "__CURSOR": "s=1",
            "__REALTIME_TIMESTAMP": "1795381381000001",
            "SYSLOG_IDENTIFIER": "postfix/qmgr",
            "SYSLOG_PID": "7",
            "_PID": "8",
            "MESSAGE": TEXT,
        }
        line = read_journal_entry(json.dumps(entry))
        assert line is not None
        assert line[1:] == ("postfix/qmgr", 7, TEXT)
        assert line.time.startswith("2026-11-2")
        numbers = {**entry, "MESSAGE": list(b"a\xffb")}
        line = read_journal_entry(json.dumps(numbers))
        assert line is not None
        assert line.text == "a\\xffb"

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"MESSAGE": null}', "-- No entries --"])
    def test_what_is_no_entry(self, text: str) -> None:
        assert read_journal_entry(text) is None


def say(number: int) -> bytes:
    return f"Nov 22 09:12:01 mx test[1]: line {number}\n".encode()


def numbers(lines: list[LogLine]) -> list[int]:
    return [int(line.text.removeprefix("line ")) for line in lines]


class TestFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "mail.log"
        path.write_bytes(say(0))
        return path

    @pytest.fixture
    def log(self, path: Path) -> Iterator[LogFile]:
        opened = LogFile(SystemHost(), str(path))
        yield opened
        opened.close()

    @pytest.fixture
    def open_folder(self) -> Iterator[Path]:
        """A folder that everybody may enter."""
        with tempfile.TemporaryDirectory() as name:
            os.chmod(name, 0o755)
            yield Path(name)

    def test_only_what_is_new(self, path: Path, log: LogFile) -> None:
        assert log.read() == []
        with path.open("ab") as file:
            file.write(say(1) + say(2))
        assert numbers(log.read()) == [1, 2]
        assert log.read() == []

    def test_half_a_line_waits_for_its_end(self, path: Path, log: LogFile) -> None:
        with path.open("ab", buffering=0) as file:
            file.write(say(1)[:20])
            assert log.read() == []
            file.write(say(1)[20:])
            assert numbers(log.read()) == [1]

    def test_a_renamed_file_is_read_on_beside_the_new_one(self, path: Path, log: LogFile) -> None:
        with path.open("ab", buffering=0) as old:
            old.write(say(1))
            path.rename(path.with_name("mail.log.1"))
            old.write(say(2))
            assert numbers(log.read()) == [1, 2]
            path.write_bytes(say(3))
            old.write(say(4))
            assert sorted(numbers(log.read())) == [3, 4]
            old.write(say(5))
            assert numbers(log.read()) == [5]

    def test_a_truncated_file_is_read_from_its_beginning(self, path: Path, log: LogFile) -> None:
        path.write_bytes(b"")
        assert log.read() == []
        path.write_bytes(say(1))
        assert numbers(log.read()) == [1]

    def test_a_line_without_an_end_is_not_kept(self, path: Path, log: LogFile) -> None:
        with path.open("ab", buffering=0) as file:
            file.write(b"x" * 200_000)
            assert log.read() == []
            assert log._rest == {path.stat().st_ino: b""}
            file.write(b"\n" + say(1))
            assert numbers(log.read()) == [1]

    def test_files_of_long_ago_are_let_go(self, path: Path, log: LogFile) -> None:
        before = len(os.listdir("/proc/self/fd"))
        for number in range(20):
            path.rename(path.with_name(f"mail.log.{number}"))
            path.write_bytes(say(number))
            assert numbers(log.read()) == [number]
        assert len(os.listdir("/proc/self/fd")) <= before + FILES_KEPT

    def test_a_flood_is_read_in_parts(self, path: Path, log: LogFile) -> None:
        with path.open("ab") as file:
            file.write(say(1) * 100_000)
        first = len(log.read())
        assert 0 < first < 100_000
        total = first
        while more := len(log.read()):
            total += more
        assert total == 100_000

    def test_a_folder_is_no_log(self, tmp_path: Path) -> None:
        with pytest.raises(HostError, match="no regular file"):
            LogFile(SystemHost(), str(tmp_path))

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
    def test_a_closed_log_names_the_group_that_may(self, open_folder: Path) -> None:
        path = open_folder / "mail.log"
        path.touch(mode=0o640)
        os.chown(path, 0, SystemHost().accounts.group_id("adm"))
        asking = (
            "import os, sys; from actions.host.system import SystemHost\n"
            "from actions.mailhost.maillog import LogFile\n"
            "host = SystemHost(); host.accounts.group_name(0)\n"
            "import actions.host.errors\n"
            "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "try: LogFile(host, sys.argv[1])\n"
            "except actions.host.errors.NotPermitted as error: print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", asking, str(path)], capture_output=True, text=True, check=True
        )
        assert done.stdout == f"{path} may not be read: run it as root, or join group adm\n"


class Elsewhere(SystemHost):
    """A host whose files are below a folder."""

    def __init__(self, root: Path, **settings: str) -> None:
        self._root = root
        self.postfix = TablePostfix({"queue_directory": f"{root}/queue", **settings})
        self.commands = Told((1, "", "No journal files were found."))

    def at(self, path: str) -> str:
        return f"{self._root}{path}"


class TestWhichLog:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "var/log").mkdir(parents=True)
        (tmp_path / "queue/pid").mkdir(parents=True)
        (tmp_path / "queue/pid/master.pid").touch()
        return tmp_path

    @pytest.mark.parametrize("name", ["/var/log/mail.log", "/var/log/maillog"])
    def test_what_syslog_writes(self, root: Path, name: str) -> None:
        Path(f"{root}{name}").touch()
        log = open_log(Elsewhere(root))
        assert log.name == f"{root}{name}"
        log.close()

    def test_postfixs_own_file_goes_first(self, root: Path) -> None:
        for name in ("/var/log/mail.log", "/var/log/postfix.log"):
            Path(f"{root}{name}").touch()
        log = open_log(Elsewhere(root, maillog_file="/var/log/postfix.log"))
        assert log.name == f"{root}/var/log/postfix.log"
        log.close()

    def test_a_file_from_before_postfixs_start_is_not_in_use(self, root: Path) -> None:
        old = root / "var/log/mail.log"
        old.touch()
        os.utime(old, (1e9, 1e9))
        with pytest.raises(HostError, match="No journal files"):
            open_log(Elsewhere(root))
        (root / "var/log/maillog").touch()
        log = open_log(Elsewhere(root))
        assert log.name == f"{root}/var/log/maillog"
        log.close()

    @pytest.mark.parametrize(
        "settings", [{}, {"maillog_file": ""}, {"maillog_file": "/dev/stdout"}]
    )
    def test_the_journal_where_there_is_no_file(self, root: Path, settings: dict[str, str]) -> None:
        host = Elsewhere(root, **settings)
        host.commands = Told((0, f"{entry(0)}\n-- cursor: s=1;i=2\n", ""))
        assert open_log(host).name == "journal"


class Told(SystemCommands):
    """Answers as journalctl does; there is no journal where tests run."""

    def __init__(self, *answers: tuple[int, str, str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, ...]] = []

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        self.asked.append(tuple(argv))
        return Completed(tuple(argv), *self._answers.pop(0))


def entry(number: int) -> str:
    facts = {"__REALTIME_TIMESTAMP": "1", "SYSLOG_IDENTIFIER": "test", "MESSAGE": f"line {number}"}
    return json.dumps(facts)


class TestJournal:
    def test_entries_after_the_cursor(self) -> None:
        commands = Told(
            (0, f"{entry(0)}\n-- cursor: s=1;i=2\n", ""),
            (0, "", ""),
            (0, f"{entry(1)}\n{entry(2)}\n-- cursor: s=1;i=4\n", ""),
            (0, "", ""),
        )
        journal = Journal(commands)
        assert journal.read() == []
        assert numbers(journal.read()) == [1, 2]
        journal.read()
        after = [one for asked in commands.asked for one in asked if "after" in one]
        assert after == ["--after-cursor=s=1;i=2"] * 2 + ["--after-cursor=s=1;i=4"]

    def test_a_line_that_unicode_ends_is_one_document(self) -> None:
        said = json.dumps(
            {"__REALTIME_TIMESTAMP": "1", "MESSAGE": "a\u2028b\u0085c"}, ensure_ascii=False
        )
        answers = (0, "-- cursor: s=1;i=2\n", ""), (0, f"{said}\n-- cursor: s=1;i=3\n", "")
        assert [line.text for line in Journal(Told(*answers)).read()] == ["a\u2028b\u0085c"]

    def test_a_journal_of_which_only_a_part_is_shown(self) -> None:
        hint = (
            "Hint: You are currently not seeing messages from other users and the system.\n"
            "      Users in groups 'adm', 'systemd-journal' can see all messages.\n"
        )
        with pytest.raises(NotPermitted, match="join group systemd-journal"):
            Journal(Told((0, "", hint)))

    def test_no_journal(self) -> None:
        with pytest.raises(HostError, match="no log file, and the journal can't be read"):
            Journal(Told((1, "", "No journal files were found.\n")))
