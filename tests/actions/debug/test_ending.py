"""The commands by which a debug mode ends, run as the host runs them: without this program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.debug.edits import file_at, given_back, kept_aside, written
from actions.debug.ending import copy_of, restored, timer_of
from actions.debug.smtpd import verbose_in
from actions.host.ports import Timer
from actions.host.system import SystemHost
from tests.programs import needs

if TYPE_CHECKING:
    from actions.debug.edits import File

BEFORE, AFTER = b"a = 1\nb = 2\n", "a = 1\nb = 2\ndebug = yes\n"
HOST = SystemHost()


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """A file with a debug mode on, and its copy beside it."""
    path = tmp_path / "some file.conf"
    path.write_bytes(BEFORE)
    path.chmod(0o640)
    file = file_at(HOST, str(path), None)
    for change in (*kept_aside(file), *written(file, AFTER)):
        change.apply(HOST, "test")
    return path


def end(path: Path) -> None:
    subprocess.run(restored(str(path), AFTER.encode()), check=True)


def look(path: Path) -> File:
    timer = Timer("x", 0.0, (restored(str(path), AFTER.encode()),), lasting=True)
    return file_at(HOST, str(path), timer)


def test_a_file_that_nobody_changed_is_given_back_as_it_was(edited: Path) -> None:
    assert edited.read_text() == AFTER
    os.link(copy_of(str(edited)), f"{edited}.same")
    end(edited)
    assert edited.read_bytes() == BEFORE
    assert edited.stat().st_mode & 0o777 == 0o640
    # The very file that was kept aside.
    assert edited.samefile(f"{edited}.same")
    assert not os.path.lexists(copy_of(str(edited)))
    # Once more, as a timer that was missed twice: nothing happens.
    end(edited)
    assert edited.read_bytes() == BEFORE


def test_a_file_that_somebody_changed_since_is_left_as_it_is(edited: Path) -> None:
    edited.write_text(AFTER + "c = 3\n")
    end(edited)
    assert edited.read_text() == AFTER + "c = 3\n"
    assert os.path.lexists(copy_of(str(edited)))


def test_an_edit_that_was_never_made_leaves_no_copy(edited: Path) -> None:
    edited.write_bytes(BEFORE)
    end(edited)
    assert edited.read_bytes() == BEFORE
    assert not os.path.lexists(copy_of(str(edited)))


def test_no_link_in_the_folders_place_is_followed(edited: Path, tmp_path: Path) -> None:
    """Who owns the folder may exchange it for a link before the time is over."""
    folder = tmp_path / "web"
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in (edited, Path(copy_of(str(edited)))):
        path.rename(elsewhere / path.name)
    folder.rmdir()
    folder.symlink_to(elsewhere)
    end(folder / edited.name)
    assert (elsewhere / edited.name).read_text() == AFTER
    assert os.path.lexists(copy_of(str(elsewhere / edited.name)))


def test_what_is_no_file_any_more_keeps_nobody_waiting(edited: Path) -> None:
    edited.unlink()
    os.mkfifo(edited)
    subprocess.run(restored(str(edited), AFTER.encode()), check=True, timeout=10)
    assert edited.is_fifo()


def test_the_copy_of_a_php_file_is_one_that_a_web_server_does_not_show() -> None:
    assert copy_of("/var/www/a.inc.php") == "/var/www/.a.inc.php.milter-console-debug.php"
    assert copy_of("/etc/a.conf") == "/etc/.a.conf.milter-console-debug"


def test_switched_off_it_is_given_back_by_the_same_rule(edited: Path) -> None:
    def without(text: str) -> str:
        return text.replace("debug = yes\n", "")

    same = look(edited)
    assert same.untouched
    assert [change.kind for change in given_back(same, without)] == ["edit", "remove"]
    edited.write_text(AFTER + "c = 3\n")
    changed = look(edited)
    assert not changed.untouched
    for change in given_back(changed, without):
        change.apply(HOST, "test")
    assert edited.read_text() == "a = 1\nb = 2\nc = 3\n"
    assert not os.path.lexists(copy_of(str(edited)))


def test_a_second_mode_in_one_file_keeps_the_first_copy(edited: Path) -> None:
    file = look(edited)
    assert tuple(kept_aside(file)) == ()
    assert file.original.encode() == BEFORE
    # Without a timer the copy is an old one, of which nobody knows what it is worth.
    old = file_at(HOST, str(edited), None)
    assert old.original == AFTER
    assert [change.kind for change in kept_aside(old)] == ["edit"]


MAIN = "compatibility_level = 3.6\n"
MASTER = """\
smtp inet n - n - - smtpd{}
submission inet n - n - - smtpd{}
    -o syslog_name=postfix/submission
"""


@pytest.fixture
def postfix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of Postfix that its own tools read in place of this machine's."""
    needs("postconf")
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path))
    (tmp_path / "main.cf").write_text(MAIN)
    (tmp_path / "master.cf").write_text(MASTER.format(" -v", ""))
    return tmp_path


def test_of_a_changed_master_cf_postconf_takes_one_word_out(postfix: Path) -> None:
    from actions.debug.ending import quieted

    for _ in range(2):
        for argv in quieted(HOST, "smtp/inet"):
            subprocess.run(argv, check=True)
        assert verbose_in((postfix / "master.cf").read_text()) == ()
    # What somebody else has made of it is not undone.
    (postfix / "master.cf").write_text(MASTER.format(" -o x=y -v", ""))
    for argv in quieted(HOST, "smtp/inet"):
        subprocess.run(argv, check=True)
    assert verbose_in((postfix / "master.cf").read_text()) == ("smtp/inet",)


@pytest.mark.parametrize(("before", "left"), [("", None), ("10.0.0.1", "10.0.0.1")])
def test_of_a_changed_main_cf_postconf_sets_the_list_back(
    postfix: Path, before: str, left: str | None
) -> None:
    from actions.debug.ending import unlisted

    listed = f"{before}, 192.0.2.1".removeprefix(", ")
    for value, expected in ((listed, left), ("somebody.example", "somebody.example")):
        (postfix / "main.cf").write_text(f"{MAIN}debug_peer_list = {value}\n# more\n")
        for argv in unlisted(HOST, listed, before):
            subprocess.run(argv, check=True)
        text = (postfix / "main.cf").read_text()
        assert "# more" in text
        found = [line.partition("= ")[2] for line in text.splitlines() if "peer" in line]
        assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("service", "name"),
    [("clamd", "milter-console-debug-clamd"), ("clamd@b", "milter-console-debug-clamd-b")],
)
def test_a_timer_is_called_as_its_service(service: str, name: str) -> None:
    assert timer_of(service) == name
