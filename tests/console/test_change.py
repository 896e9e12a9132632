"""How the script face changes a host: shown, confirmed, applied, undone; or refused."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.host.endpoint import parse_endpoint
from console.change import own_command
from console.lab.lab import running_lab
from tests.console.test_run import MAIN, console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab with a socket to mend."""
    with running_lab(("socket-unwritable",)) as made:
        yield made


def fix(lab: Lab) -> tuple[str, ...]:
    return ("run", "sockets.fix", "--lab", lab.root, "--milter", lab.milters[0])


def is_open(lab: Lab) -> bool:
    try:
        lab.host.connect_as("postfix", parse_endpoint(lab.milters[0]), 5.0).close()
    except PermissionError:
        return False
    return True


def test_a_dry_run_shows_the_plan_and_changes_nothing(lab: Lab) -> None:
    told = console(*fix(lab), "--dry-run")
    assert told.returncode == 0
    assert '- SOCKET_GROUP="milter-manager"' in told.stdout
    assert '+ SOCKET_GROUP="' in told.stdout
    assert "systemctl restart milter-manager" in told.stdout
    assert not is_open(lab)
    assert "Nothing was changed" in console("run", "journal.list", "--lab", lab.root).stdout


def test_without_a_terminal_a_plan_wants_yes(lab: Lab) -> None:
    told = console(*fix(lab))
    assert told.returncode == 4
    assert "--yes" in told.stderr
    assert not is_open(lab)


def test_read_only_refuses_even_with_yes(lab: Lab) -> None:
    told = console(*fix(lab), "--yes", "--read-only")
    assert told.returncode == 3
    assert not is_open(lab)


def test_a_digest_of_another_plan_is_refused(lab: Lab) -> None:
    told = console(*fix(lab), "--yes", "--confirm-digest", "0" * 64)
    assert told.returncode == 4
    assert not is_open(lab)


def test_a_confirmed_plan_that_is_empty_now_is_another_plan(lab: Lab) -> None:
    assert console(*fix(lab), "--yes").returncode == 0
    told = console(*fix(lab), "--yes", "--confirm-digest", "0" * 64)
    assert told.returncode == 4


def test_the_program_starts_itself_again_whatever_the_current_folder_holds(
    tmp_path: Path,
) -> None:
    (tmp_path / "console").mkdir()
    (tmp_path / "console" / "cli.py").write_text("raise SystemExit('hijacked')")
    command = [*own_command(), "--version"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("milter-console ")


def test_yes_applies_and_the_journal_takes_it_back(lab: Lab) -> None:
    told = console(*fix(lab), "--yes", "--json")
    document = json.loads(told.stdout)
    assert (told.returncode, document["status"]) == (0, "applied")
    assert document["proof"]["status"] == "proved"
    assert is_open(lab)

    again = console(*fix(lab), "--yes")
    assert again.returncode == 0
    assert "nothing to do" in again.stdout

    listed = json.loads(console("run", "journal.list", "--lab", lab.root, "--json").stdout)
    assert document["entry"] in json.dumps(listed)
    undone = console(
        "run", "journal.undo", "--lab", lab.root, "--entry", document["entry"], "--yes"
    )
    assert undone.returncode == 0, undone.stderr
    assert not is_open(lab)


def answered(words: tuple[str, ...], answer: str) -> tuple[int, str]:
    """Run the console on a terminal, type *answer* at its question; return code and screen."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", MAIN, *words])
    shown = b""
    until = time.monotonic() + 30
    typed = False
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        shown += piece
        if not typed and b"[y/N]" in shown:
            os.write(terminal, answer.encode())
            typed = True
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), shown.decode()


@pytest.mark.parametrize(("answer", "code", "opened"), [("n\n", 4, False), ("y\n", 0, True)])
def test_on_a_terminal_it_asks(lab: Lab, answer: str, code: int, opened: bool) -> None:
    got, shown = answered(fix(lab), answer)
    assert got == code, shown
    assert "Let postfix open milter-manager's socket" in shown
    assert is_open(lab) is opened


def test_a_name_with_shell_characters_is_only_a_name(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = "unix:/nonexistent/$(touch victim);`touch victim`"
    told = console("run", "sockets.fix", "--lab", lab.root, "--milter", spec, "--yes")
    assert told.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_the_plan_view_of_a_script_names_the_undo(lab: Lab) -> None:
    told = console(*fix(lab), "--yes")
    assert "journal.undo --entry" in told.stdout


def test_two_operators_do_not_apply_at_once(lab: Lab) -> None:
    lock = Path(lab.host.state_folder, "lock")
    program = (
        "import sys, time; from actions.journal.lock import held\n"
        f"with held({str(lab.host.state_folder)!r}, 'alice', 'something slow'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert lock.exists()
        told = console(*fix(lab), "--yes")
        assert told.returncode == 1
        assert "alice" in told.stderr
        assert "something slow" in told.stderr
        assert not is_open(lab)
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()
    assert console(*fix(lab), "--yes").returncode == 0


def test_read_only_refuses_a_report_that_does_more_than_look(lab: Lab) -> None:
    told = console(
        *("run", "chain.send", "--lab", lab.root, "--recipient", "alice@example.org"),
        "--read-only",
    )
    assert told.returncode == 3
    assert "chain.send sends a mail, and this is --read-only" in told.stderr
    assert not list(Path(lab.root, "var/mail/alice").rglob("new/*"))
