"""Who listens on a socket, and whose the processes are: of real processes of this test."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from actions.host.accounts import SystemAccounts
from actions.host.endpoint import parse_endpoint
from actions.host.processes import Process, all_processes, process_of, unit_of
from actions.mailhost.roles.processes import listening, owner_of, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LISTENER = """
import socket, sys
if sys.argv[1].startswith("/"):
    link = socket.socket(socket.AF_UNIX)
    link.bind(sys.argv[1])
else:
    link = socket.socket()
    host, port = sys.argv[1].split(":")
    link.bind((host, int(port)))
link.listen()
print(link.getsockname()[1] if link.family == socket.AF_INET else 0, flush=True)
sys.stdin.read()
"""


@contextmanager
def listener(where: str) -> Iterator[tuple[int, int]]:
    """Run a process that listens; yield its number and its port."""
    command = [sys.executable, "-c", LISTENER, where]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        yield process.pid, int(process.stdout.readline())
        process.communicate()


def test_who_listens_at_a_path_with_blanks_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a b.sock"
    link = tmp_path / "link.sock"
    link.symlink_to(path)
    with listener(str(path)) as (pid, _):
        for asked in (path, link):
            found = listening(parse_endpoint(f"unix:{asked}"))
            assert found is not None
            assert found.pid == pid
            assert found.program.startswith("python")
    assert listening(parse_endpoint(f"unix:{path}")) is None, "it is a stale socket now"


def test_who_listens_at_a_port() -> None:
    with listener("127.0.0.1:0") as (pid, port), listener(f"127.0.0.2:{port}") as (other, _):
        for address, expected in (("127.0.0.1", pid), ("localhost", pid), ("127.0.0.2", other)):
            found = listening(parse_endpoint(f"inet:{address}:{port}"))
            assert found is not None
            assert found.pid == expected
        assert listening(parse_endpoint(f"inet:127.0.0.3:{port}")) is None
    assert listening(parse_endpoint(f"inet:127.0.0.1:{port}")) is None


def test_a_connection_is_no_listener(tmp_path: Path) -> None:
    path = tmp_path / "one.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        assert listening(parse_endpoint(f"unix:{path}")) is None


def test_a_script_is_found_by_its_name_and_its_owner(tmp_path: Path) -> None:
    script = tmp_path / "own-filterd"
    script.write_text("import sys\nprint(0, flush=True)\nsys.stdin.read()\n")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, str(script)], stdin=pipe, stdout=pipe) as process:
        assert process.stdout
        process.stdout.readline()
        (found,) = running(all_processes(), ("own-filter*",))
        assert found.pid == process.pid
        assert owner_of((found,), SystemAccounts()) == pwd.getpwuid(os.geteuid()).pw_name
        process.communicate()
    assert running(all_processes(), ("own-filterd",)) == ()
    assert owner_of((), SystemAccounts()) == ""


@pytest.mark.parametrize(
    ("names", "programs", "runs"),
    [
        ({"spamass-milter"}, ("spamass-milter",), True),
        ({"systemd-journal"}, ("systemd-journald",), True),
        ({"php-fpm8.2"}, ("php-fpm*",), True),
        ({"clamd"}, ("clamav-milter",), False),
        ({"spamd child"}, ("spamd",), False),
    ],
)
def test_names_that_the_kernel_cuts(names: set[str], programs: tuple[str, ...], runs: bool) -> None:
    process = Process(1, 0, frozenset(names))
    assert bool(running((process,), programs)) is runs


def test_what_runs_in_no_unit_has_none() -> None:
    here = process_of(os.getpid())
    assert here is not None
    assert unit_of(here.pid) == "" or os.path.isdir("/run/systemd/system")
    assert unit_of(2**22 + 1) == ""
