"""What a suite from somebody else can't do: read other files, choose who gets them, hang us."""

from __future__ import annotations

import os
import re
import socket
import time
from typing import TYPE_CHECKING

import pytest

from actions.chain.scenario.beside import NotBeside, message_beside
from actions.chain.scenario.pattern import PATTERN_LIMIT, TEXT_LIMIT, check_pattern, search
from tests.actions.chain.scenario.suites import run_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.actions.chain.scenario.suites import Suites
    from tests.milters.running import Milters

CANARY = b"X-Canary: kept\n\nto itself\n"
GOOD = '[[scenario]]\nname = "one"\nexpect.verdict = "delivered"\n'
NAMED = '[[milter]]\nname = "far"\nspec = "{spec}"\n' + GOOD


@pytest.fixture
def inner(tmp_path: Path) -> Path:
    """A suite's folder, with a canary outside of it."""
    (tmp_path / "canary").write_bytes(CANARY)
    folder = tmp_path / "inner"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "mail").write_bytes(b"X-Deep: 1\n")
    (folder / "out").symlink_to(tmp_path / "canary")
    (folder / "away").symlink_to(tmp_path)
    (folder / "link").symlink_to("deep/mail")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(folder / "socket"))
    return folder


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../canary", "is not below the suite's own folder"),
        ("deep/../../canary", "is not below the suite's own folder"),
        ("{outside}/canary", "is not below the suite's own folder"),
        ("/proc/self/environ", "is not below the suite's own folder"),
        ("/dev/stdin", "is not below the suite's own folder"),
        ("out", "is not below the suite's own folder"),
        ("away/canary", "is not below the suite's own folder"),
        ("../inner2/x", "is not below the suite's own folder"),
        ("missing", "no such file below "),
        ("missing/../deep", "is no regular file"),
        ("pipe", "is no regular file"),
        ("deep", "is no regular file"),
        (".", "is no regular file"),
        ("loop", "Too many levels of symbolic links"),
        ("socket", "No such device or address"),
        ("x" * 5000, "File name too long"),
        ("deep/mail/x", "Not a directory"),
    ],
)
def test_a_message_is_read_from_below_the_suites_folder_only(
    inner: Path, name: str, said: str
) -> None:
    with pytest.raises(NotBeside, match=said):
        message_beside(str(inner), name.format(outside=inner.parent))


def test_what_is_below_it_is_read_through_links_too(inner: Path) -> None:
    for name in ("deep/mail", "link", "./deep/../link", f"{inner}/deep/mail"):
        assert message_beside(str(inner), name) == b"X-Deep: 1\n"
    (inner.parent / "other").symlink_to(inner)
    assert message_beside(str(inner.parent / "other"), "link") == b"X-Deep: 1\n"


def test_a_link_put_in_the_way_after_the_look_is_not_followed(
    inner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = os.path.realpath

    def late(path: str) -> str:
        found = looked(path)
        if path.endswith("deep/canary"):
            (inner / "deep").rename(inner / "moved")
            (inner / "deep").symlink_to(inner.parent)
        return found

    monkeypatch.setattr(os.path, "realpath", late)
    with pytest.raises(NotBeside, match="deep/canary: Not a directory"):
        message_beside(str(inner), "deep/canary")


def test_a_file_elsewhere_is_a_mistake_of_the_suite_and_nobody_gets_it(
    suites: Suites, milters: Milters, tmp_path: Path
) -> None:
    canary = tmp_path.parent / f"{tmp_path.name}-canary"
    canary.write_bytes(CANARY)
    running = milters.start()
    for name in (str(canary), f"../{canary.name}"):
        report = suites.run(GOOD + f'file = "{name}"', running)
        (problem,) = report.problems
        assert (problem.place, problem.key) == ('scenario 1 "one"', "file")
        assert problem.text == f"{name}: is not below the suite's own folder"
        assert problem.next_step == "messages stand in files beside the suite"
    assert running.seen() == []


@pytest.mark.parametrize(
    "spec",
    [
        "inet:192.0.2.1:10025",
        "inet:mail.example.com:10025",
        "inet:127.attacker.example:10025",
        "inet:localhost.attacker.example:10025",
        "inet6:10025@[2001:db8::1]",
        "inet:0.0.0.0:10025",
    ],
)
def test_a_suite_does_not_choose_a_milter_elsewhere(suites: Suites, spec: str) -> None:
    (problem,) = suites.wrong(NAMED.format(spec=spec))
    assert problem == (
        f"milter[1].spec: {spec} is neither a unix socket nor a loopback address: "
        f"to ask it all the same, run it with --milter far={spec}"
    )


@pytest.mark.parametrize(
    "spec", ["unix:/x", "/x", "inet:127.0.0.2:1", "inet:localhost:1", "inet6:1@[::1]", "inet:1"]
)
def test_a_suite_says_where_a_milter_of_this_host_listens(suites: Suites, spec: str) -> None:
    assert suites.read(NAMED.format(spec=spec)).milters[0].spec == spec


def test_the_operator_says_where_it_is_and_goes_before_the_file(
    suites: Suites, milters: Milters
) -> None:
    running = milters.start()
    path = suites.write(NAMED.format(spec="inet:192.0.2.1:10025"))
    report = run_files(path, milter=(f"far={running.spec}",))
    assert report.exit_code == 0
    assert report.suites[0].milters[0].endpoint == running.spec
    other = suites.write(GOOD, "other")
    (problem,) = run_files(path, other, milter=(f"near={running.spec}",)).problems
    assert problem.key == "milter[1].spec"


NESTED = "repeats without a limit what itself repeats or has alternatives"
LONG = "could take very long on a long text"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a+)+$", NESTED),
        ("(a|aa)*$", NESTED),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", NESTED),
        ("(?:x(?:a?))*y", NESTED),
        ("(?:(?:a{1,9}){1,9}){1,9}y", LONG),
        ("(?:a?){30}a{30}", LONG),
        (".*.*.*x", LONG),
        (".*a.*b.*$", LONG),
        ("(?i)[a-z]+A[a-z]+A[a-z]+x", LONG),
        (r"(.*)(.*)\1x", LONG),
        ("(?=.*a.*b.*c)x", LONG),
        (".*.*.*(?!())", LONG),
        ("a" * (PATTERN_LIMIT + 1), f"is longer than {PATTERN_LIMIT} characters"),
    ],
)
def test_a_regular_expression_that_may_take_long_is_a_mistake(
    suites: Suites, pattern: str, said: str
) -> None:
    started = time.monotonic()
    (problem,) = suites.wrong(GOOD + f"expect.reply.matches = {pattern!r}")
    assert f"expect.reply.matches: {said}: say how often a part may repeat" in problem
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "pattern",
    [
        r"^550 5\.7\.1 ",
        r"^550 5\.\d+\.\d+ .*",
        "Infected.*FOUND",
        r"^clamav-milter .* at .*$",
        r"score=\d+\.\d+ required=\d+\.\d+ tests=.*",
        r"(?:\d{1,3}\.){3}\d{1,3}",
        r"\S+@\S+",
        "(?i)spam|virus|malware",
        "^(?:foo|bar){1,5}$",
        "Dear .{0,60} you .{0,60} dollars",
    ],
)
def test_what_operators_write_is_fine(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        ".*a$x",
        ".*[ab]x",
        r".*?[ab]\bx",
        r"(?:\w)*\bx",
        r"^\w+\w+?\bx",
        "a{0,20}a{0,20}a{0,10}[xy]",
        "a{2,4}.{1,12}.{1,12}(a){0,9}$x",
        r"\w?[ab]{1,12}(a){0,60}(a)?\bx",
    ],
)
def test_the_slowest_that_is_let_through_ends_soon(pattern: str) -> None:
    check_pattern(pattern)
    for text in ("a" * TEXT_LIMIT * 100, "ab" * TEXT_LIMIT):
        started = time.monotonic()
        assert not search(pattern, text)
        assert time.monotonic() - started < 5


def test_the_reckoning_takes_no_repeat_for_certain_that_is_not() -> None:
    # Each overlaps with what follows it, so that giving back characters matches again.
    for part in (".*a", r"\w*a", "[^b]*a", r"[^\d]*a", r"\S*a", "[a-f]*a", r"\D*a"):
        with pytest.raises(ValueError, match=LONG):
            check_pattern(f"{part}{part}{part}x")
    # None of these does.
    for part in ("b*a", r"\d*a", "[^a]*a", r"[^\w]*a", r"\s*a", "[g-z]*a", r"\W*a"):
        check_pattern(f"{part}{part}{part}x")
    with pytest.raises(re.error):
        check_pattern("(")
