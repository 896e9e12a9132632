"""What ``chain.test`` prints and writes: the message, the trace, every event."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.actions.chain.command import chain_test

if TYPE_CHECKING:
    from pathlib import Path

    from tests.milters.running import Milters, Running

MESSAGE = b"From: file@example.net\nSubject: from a file\nX-Fold: one\n\ttwo\n\nbody of the file\n"


@pytest.fixture(scope="module")
def recorder(lasting: Milters) -> Running:
    """One milter for all these tests; it continues through everything."""
    return lasting.start()


@pytest.fixture(scope="module")
def editor(lasting: Milters) -> Running:
    """A milter that adds a header."""
    return lasting.start(edits=[["addheader", "X-New", "value", -1]])


def test_the_message_is_printed_as_the_chain_leaves_it(editor: Running) -> None:
    done = chain_test("-s", editor.spec, "--output-message", "-m", "-", stdin=MESSAGE)
    lines = done.stdout.decode().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("Received: "))
    assert lines[start + 3 :] == [
        *MESSAGE.decode().partition("\n\n")[0].splitlines(),
        "X-New: value",
        "",
        "body of the file",
    ]


def test_brief_with_it_prints_both(editor: Running) -> None:
    done = chain_test("-s", editor.spec, "--output-message", "--brief")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "status: pass"
    assert "X-New: value" in lines


def test_it_is_saved(editor: Running, tmp_path: Path) -> None:
    file = tmp_path / "out.eml"
    done = chain_test("-s", editor.spec, "--save-message", str(file), "-m", "-", stdin=MESSAGE)
    saved = file.read_bytes()
    assert done.returncode == 0
    assert str(file) in done.stdout.decode()
    assert saved.endswith(b"X-Fold: one\r\n\ttwo\r\nX-New: value\r\n\r\nbody of the file\r\n")
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_is_not_saved_through_a_link(editor: Running, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"kept")
    (tmp_path / "link").symlink_to(target)
    done = chain_test("-s", editor.spec, "--save-message", str(tmp_path / "link"))
    assert done.returncode == 2
    assert target.read_bytes() == b"kept"


def test_nothing_is_saved_of_a_session_that_ended_before(milters: Milters, tmp_path: Path) -> None:
    file = tmp_path / "out.eml"
    spec = milters.start(replies={"mail": "reject"}).spec
    done = chain_test("-s", spec, "--save-message", str(file))
    assert b"was not written" in done.stdout
    assert not file.exists()


def test_the_trace_shows_every_packet(recorder: Running) -> None:
    done = chain_test("-s", recorder.spec, "--trace").stdout.decode()
    assert "> 00 00 00 0d 4f 00 00 00 06 00 00 01 ff 00 1f ff ff" in done
    assert "< 00 00 00 0d 4f 00 00 00 06" in done
    packets = [line for line in done.splitlines() if re.search(r" [<>]( [0-9a-f]{2})+$", line)]
    assert packets[-1].endswith("> 00 00 00 01 51")


def test_everything_about_each_milter_is_told(recorder: Running) -> None:
    told = chain_test("-s", recorder.spec).stdout.decode()
    assert f" · {recorder.spec}\n   version  6, of 6 offered · negotiated in " in told
    assert re.search(r"^   may      add headers, change body, ", told, re.MULTILINE)
    assert re.search(r"^   protocol ", told, re.MULTILINE)
    assert re.search(r"^   connect  ● continue +\d.* ms  mail.example.net\[203", told, re.MULTILINE)
    assert "{daemon_addr}=192.0.2.1  v=Postfix" in told
    assert re.search(r"header   ● continue +[\d.]+ ms  \d+ events: From, To, ", told)
    assert re.search(r"end      ● continue +[\d.]+ ms$", told, re.MULTILINE)
    assert told.count("{daemon_addr}=") == 1


def test_verbose_gives_every_event_and_macro_a_line(recorder: Running) -> None:
    for option in ("-v", "--verbose"):
        told = chain_test("-s", recorder.spec, option).stdout.decode()
        assert re.search(r"^ {12}\{daemon_addr\}=192.0.2.1$", told, re.MULTILINE)
        assert re.search(r"header   ● continue +[\d.]+ ms  Subject$", told, re.MULTILINE)
        assert len(re.findall(r"^ {12}i=", told, re.MULTILINE)) > 5


def test_what_a_milter_refuses_is_told_with_its_words_beside_the_event(milters: Milters) -> None:
    spec = milters.start(replies={"rcpt": ["550", "5.7.1", "no \x1b[31m entry"]}).spec
    told = chain_test("-s", spec).stdout.decode()
    assert re.search(r"^   rcpt     ✗ reject .*<recipient@example.org>$", told, re.MULTILINE)
    assert "            550 5.7.1 no " in told
    assert "\x1b" not in told


def test_what_the_chain_changed_is_told_as_a_diff(milters: Milters) -> None:
    adds, changes = milters.start_all(
        {"edits": [["addheader", "X-New", "value", -1]]},
        {"edits": [["chgheader", "Subject", 1, "other"], ["replacebody", "new\n"]]},
    )
    done = chain_test("-s", adds.spec, "-s", changes.spec, "-m", "-", stdin=MESSAGE)
    told = done.stdout.decode()
    whole = told[told.index(" The message, before and after the chain") :]
    assert [line for line in whole.splitlines() if line[:5].strip() in ("+", "-")] == [
        *("   - Subject: from a file", "   + Subject: other", "   + X-New: value"),
        *("   - body of the file", "   + new"),
        *("   - Subject: from a file", "   + Subject: other"),
        *("   - body of the file", "   + new"),
    ]
    assert " The part of " in whole
    assert re.search(r"body, 18 bytes before, \d+ now", whole)


def test_the_version_is_printed() -> None:
    done = chain_test("--version")
    assert re.fullmatch(rb"milter-console \d+\.\d+\.\d+\n", done.stdout)


def test_a_message_that_nobody_is_left_to_get_is_not_delivered(milters: Milters) -> None:
    spec = milters.start(edits=[["delrcpt", "<recipient@example.org>"]]).spec
    done = chain_test("-s", spec)
    assert done.returncode == 1
    assert b"no recipient is left" in done.stdout


def test_what_postfix_would_do_is_not_guessed_for_a_milter_given_by_hand() -> None:
    done = chain_test("-s", "unix:/nonexistent/socket")
    assert done.returncode == 6
    assert b"its milter_default_action" in done.stdout
    assert b"451" not in done.stdout


def test_a_file_that_cannot_be_written_is_refused_before_the_test(
    milters: Milters, tmp_path: Path
) -> None:
    running = milters.start()
    done = chain_test("-s", running.spec, "--save-message", str(tmp_path))
    assert done.returncode == 2
    assert running.events() == []
