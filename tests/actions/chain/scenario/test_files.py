"""Suites that are wrong: every mistake is named with its scenario and its key, and nothing runs."""

from __future__ import annotations

import os
import re
import time
import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.chain.scenario.file import SIZE_LIMIT, load, shipped_names
from actions.chain.scenario.read import read_suite
from actions.chain.scenario.table import MOST_PROBLEMS, Problems
from tests.actions.chain.scenario.suites import run_files
from tests.milters.running import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.actions.chain.scenario.suites import Suites
    from tests.milters.running import Milters

GOOD = '[[scenario]]\nname = "one"\nexpect.verdict = "delivered"\n'
HERE = 'scenario 1 "one"'

MISTAKES = [
    ('sampel = "gtube"', "sampel: unknown key: did you mean sample?"),
    ("sample = 3", "sample: is a whole number; wanted is a text"),
    ('sample = "virus"', 'sample: "virus" is not known: known are: '),
    ('sample = "clean"\nraw = "X: 1"', "raw: there is sample too; a message has one source"),
    ('raw = "X: 1"\nbody = "x"', "body: there is raw too, which has a body already"),
    ('raw = ""', "raw: is empty"),
    ('file = "missing.eml"', "file: "),
    ('sender = "a b@example.net"', "sender: "),
    ("recipients = []", "recipients: is empty"),
    ("recipients = [1]", "recipients[1].address: is a whole number; wanted is a text"),
    ('recipients = [{ adress = "a@b" }]', "recipients[1].adress: unknown key: did you mean addr"),
    (
        'recipients = [{ address = "a@b", refused = "no" }]',
        "recipients[1].refused: is no reply; write one such as",
    ),
    ('client = "outsid"', 'client: "outsid" is not known: did you mean outside?'),
    ('client.adress = "1.2.3.4"', "client.adress: unknown key: did you mean address?"),
    ('client.address = "1.2.3"', 'client.address: "1.2.3" is no IP address, nor "unknown"'),
    ("client.port = 70000", "client.port: is a number from 1 to 65535"),
    ('client.auth.nam = "joe"', "client.auth.nam: unknown key: did you mean name?"),
    ('client.helo = "two words"', 'client.helo: "two words" has a space or a control'),
    ('macros.rcptt.x = "1"', "macros.rcptt: unknown key: did you mean rcpt?"),
    ("macros.rcpt.x = 1", "macros.rcpt.x: is a whole number; wanted is a text"),
    ('headers."no name" = "1"', 'headers."no name": is no name of a header'),
    ("headers.X-A = [1]", "headers.X-A: is a text or a list of texts"),
    ("unknown = [1]", "unknown: is a list of texts, none of them empty"),
    ("why = true", "why: is true or false; wanted is a text"),
    ('message = [{ expect.verdict = "pass" }]', "expect: stands in each [[scenario.message]]"),
    ("rset = true", "rset: stands in a message"),
    ('milters = ["a", "a"]', "milters: names one twice"),
    ("sender = 2024-01-01", "sender: is a date or time; wanted is a text"),
]

EXPECTATIONS = [
    ("", "expect: nothing is expected: such a test can't fail"),
    ('verdikt = "pass"', "expect.verdikt: unknown key: did you mean verdict?"),
    ('verdict = "deliverd"', 'expect.verdict: "deliverd" is not known: did you mean delivered?'),
    ("verdict = []", "expect.verdict: is empty"),
    ('stage = "eom"', 'expect.stage: "eom" is not known: did you mean end?'),
    ('reply = "no"', "expect.reply: is no reply; write one such as"),
    ("reply = {}", "expect.reply: is empty; it takes code, status, text or matches"),
    ("reply.code = 250", "expect.reply.code: is a number from 400 to 599"),
    ('reply.code = "550"', "expect.reply.code: is a text; wanted is a whole number"),
    ('reply.status = "5.7"', "expect.reply.status: is no enhanced status code; write one"),
    ('reply.matches = "("', "expect.reply.matches: is no regular expression: "),
    ('reply.regex = "x"', "expect.reply.regex: unknown key: known are: code, status, text"),
    ("reply.text = false", "expect.reply.text: is false; leave it out instead"),
    ('recipients.x = "taken"', 'expect.recipients.x: "taken" is not known'),
    (
        'recipients."a@b" = { accepted = true, by = "x" }',
        'expect.recipients."a@b".accepted: is true; a recipient that is accepted has no reply',
    ),
    ("milters.a = {}", "expect.milters.a: expects nothing"),
    ("milters.a.add = 1", "expect.milters.a.add: unknown key: did you mean adds?"),
    ("milters.a.adds = {}", "expect.milters.a.adds: is empty"),
    ("milters.a.adds.X = 1", "expect.milters.a.adds.X: is a whole number; wanted is a text or"),
    ('milters.a.adds.X.match = "x"', "expect.milters.a.adds.X.match: unknown key: did you mean"),
    ("milters.a.no_edits = false", "expect.milters.a.no_edits: is false; leave it out instead"),
    ('milters.a.body = "same"', 'expect.milters.a.body: "same" is not known'),
    ('milters.a.asked = "eom"', 'expect.milters.a.asked: "eom" is not known'),
    ("message = {}", "expect.message: expects nothing"),
    ('message.header.X = "1"', "expect.message.header: unknown key: did you mean headers?"),
    ('within = "2 hours"', 'expect.within: is no time; write one such as "2s" or "500ms"'),
    ("within = 0", "expect.within: is no time"),
    ("within = nan", "expect.within: is no time"),
    ("within = true", "expect.within: is true or false; wanted is a text or a whole number"),
]

TOPS = [
    ("", "scenario: there is no scenario: begin one with [[scenario]]"),
    ("[scenario]\nname = 'one'", "scenario: is a table; wanted is a list"),
    ("scenarios = 1\n" + GOOD, "scenarios: unknown key: did you mean scenario?"),
    (GOOD + GOOD, f"{HERE.replace('1', '2', 1)}: name: scenario 1 has the same name"),
    ("[[scenario]]\nexpect.verdict = 'pass'", "scenario 1: name: a scenario needs a name"),
    ("[defaults]\nname = 'x'\n" + GOOD, "defaults.name: unknown key: did you mean sample?"),
    ("[[scenario]]\nname = 'one'\nmessage = []", f"{HERE}: message: is empty"),
    ("[[scenario]]\nname = 'one'\nmessage = [1]", f"{HERE}: message[1]: is a whole number"),
    ("[defaults]\nrset = true\n" + GOOD, "defaults.rset: unknown key"),
    ("[[milter]]\nspec = 'unix:/x'\n" + GOOD, "milter[1].name: a milter needs a name"),
    ("[[milter]]\nname = 'a'\nspec = 'x'\n" + GOOD, "milter[1].spec: 'x': a milter is given as"),
    ("[[milter]]\nname='a'\n[[milter]]\nname='a'\n" + GOOD, "milter[2].name: another milter is"),
    (
        "[[milter]]\nname='a'\ndefault_action='deny'\n" + GOOD,
        'milter[1].default_action: "deny" is not known',
    ),
    (
        "[[milter]]\nname='clamav'\n" + GOOD + "expect.by = 'clamv'",
        f"{HERE}: expect.by: clamv is no milter of this scenario: did you mean clamav?",
    ),
    (
        "[[milter]]\nname='a'\n[[milter]]\nname='b'\n" + GOOD + "milters='b'\nexpect.by='a'",
        f"{HERE}: expect.by: a is no milter of this scenario",
    ),
    (
        "[[milter]]\nname='a'\n" + GOOD + "expect.recipients.'x@y'.by = 'c'",
        f'{HERE}: expect.recipients."x@y".by: c is no milter of this scenario',
    ),
]


@pytest.mark.parametrize(("line", "said"), MISTAKES)
def test_a_mistake_in_a_scenario(suites: Suites, line: str, said: str) -> None:
    wrong = suites.wrong(GOOD + line)
    assert len(wrong) == 1
    assert wrong[0].startswith(f"{HERE}: {said}")


@pytest.mark.parametrize(("line", "said"), EXPECTATIONS)
def test_a_mistake_in_what_is_expected(suites: Suites, line: str, said: str) -> None:
    wrong = suites.wrong(f'[[scenario]]\nname = "one"\n[scenario.expect]\n{line}')
    assert len(wrong) == 1
    assert wrong[0].startswith(f"{HERE}: {said}")


@pytest.mark.parametrize(("text", "said"), TOPS)
def test_a_mistake_in_the_file(suites: Suites, text: str, said: str) -> None:
    wrong = suites.wrong(text)
    assert len(wrong) == 1
    assert wrong[0].startswith(said)


def test_every_mistake_is_told_once_and_where_it_stands(suites: Suites) -> None:
    wrong = suites.wrong(f"""
        [defaults]
        sender = "a b"
        {GOOD}
        sampel = "x"
        {GOOD.replace("one", "two")}
        [[scenario.message]]
        within = 3
        expect.stage = "x"
    """)
    keys = [": ".join(one.split(": ")[:-1])[:60] for one in wrong]
    assert [key.split(": ")[0] for key in keys] == [
        "defaults.sender",
        HERE,
        'scenario 2 "two"',
        'scenario 2 "two"',
        'scenario 2 "two"',
    ]
    assert any('scenario 2 "two": message[1].within: unknown key' in one for one in wrong)
    assert any('"two": message[1].expect.stage: "x" is not known' in one for one in wrong)


def test_mistakes_are_told_in_the_order_of_the_file(suites: Suites) -> None:
    assert suites.wrong("""
        about = 3
        [[milter]]
        nam = "x"
        [[milter]]
        name = "clamav-milter"
        [[milter]]
        name = "clamav-milter"
        [[scenario]]
        name = "one"
        milters = ["clam"]
        expect.stage = "EOD"
        [[scenario]]
        expect.by = "x"
        expect.milters.clamav-milter.asked = ["from", "end of message", "end_of_headers"]
    """) == [
        "about: is a whole number; wanted is a text",
        "milter[1].nam: unknown key: did you mean name?",
        "milter[3].name: another milter is called clamav-milter",
        'scenario 1 "one": milters: "clam" is not known: known are: clamav-milter',
        'scenario 1 "one": expect.stage: "EOD" is not known: did you mean end?',
        "scenario 2: name: a scenario needs a name",
        "scenario 2: expect.by: x is no milter of this scenario: known are: clamav-milter",
        *(
            f'scenario 2: expect.milters.clamav-milter.asked: "{word}" is not known: '
            f"did you mean {meant}?"
            for word, meant in (
                ("from", "mail"),
                ("end of message", "end"),
                ("end_of_headers", "eoh"),
            )
        ),
    ]


def test_nothing_runs_where_one_of_several_files_is_wrong(suites: Suites, milters: Milters) -> None:
    running = milters.start()
    good, bad = suites.write(GOOD, "good"), suites.write(GOOD + "x = 1", "bad")
    report = run_files(good, bad, milter=(f"a={running.spec}",))
    assert report.exit_code == 2
    assert [(one.file, one.key) for one in report.problems] == [(bad, "x")]
    assert running.seen() == []


def test_the_number_of_mistakes_told_is_limited(suites: Suites) -> None:
    many = "\n".join(f"k{number} = 1" for number in range(1000))
    assert len(suites.wrong(GOOD + many)) == MOST_PROBLEMS


class TestHostile:
    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"\xff\xfe[", "is not UTF-8 (line 1)"),
            (b'about = "x"\nwhy = "\xe4"', "is not UTF-8 (line 2)"),
            (b"[[scenario", "is no TOML: "),
            (b"a = 1\na = 2", "is no TOML: "),
            (b"a = " + b"[" * 100_000, "its tables or lists are nested too deep"),
            (b"a = " + b"{a=" * 5_000, "its tables or lists are nested too deep"),
            (b"a" + b".a" * 60_000 + b" = 1", "has a key of more than 100 parts"),
            (b"[" + b'"a" . ' * 20_000 + b"a]", "has a key of more than 100 parts"),
            (b"a = " + b"9" * 10_000, "is no TOML: "),
            (b"#" * (SIZE_LIMIT + 1), "larger than 128 KiB"),
            (b'"x y".' * 20_000 + b"a = 1", "has a key of more than 100 parts"),
            (b"'x y' . " * 15_000 + b"a = 1", "has a key of more than 100 parts"),
            (b"x = { " + b"a." * 60_000 + b"a = 1 }", "has a key of more than 100 parts"),
            (b"x = [[{a=1}, {" + b"a." * 60_000 + b"a = 1 }]]", "has a key of more than 100 p"),
            (b'x = """#"""\n' + b"a." * 60_000 + b"a = 1", "has a key of more than 100 parts"),
            (b'x = "\\"#"\n' + b"a." * 60_000 + b"a = 1", "has a key of more than 100 parts"),
        ],
    )
    def test_a_file_that_is_no_suite(self, tmp_path: Path, data: bytes, said: str) -> None:
        path = tmp_path / "x.toml"
        path.write_bytes(data)
        started = time.monotonic()
        suite, (problem,) = load(str(path))
        assert suite is None
        assert problem.text.startswith(said)
        assert time.monotonic() - started < 5

    def test_dots_in_strings_and_comments_join_no_keys(self, suites: Suites) -> None:
        dots = "." * 300
        suite = suites.read(f"""
            about = "{dots}" # {dots}
            [[scenario]]
            name = 'a{dots}'
            why = \'\'\'"{dots}\'\'\'
            raw = \"\"\"X: '\\\\"{dots}\"\"\"
            expect.verdict = "pass"
        """)
        assert suite.about == dots

    @pytest.mark.parametrize("start", ['"""', "'''", '"', "'", '"\\\\', '"""\\\\'])
    def test_a_torn_string_takes_no_time(self, tmp_path: Path, start: str) -> None:
        path = tmp_path / "x.toml"
        for piece in (start, f"{start}\n", f"{start}\\"):
            path.write_text(piece * ((SIZE_LIMIT - 10) // len(piece)))
            started = time.monotonic()
            assert load(str(path))[0] is None
            assert time.monotonic() - started < 5

    @pytest.mark.parametrize("inner", ["[[scenario]]\nname='{}'", "[[scenario.message]]#{}"])
    def test_what_holds_for_many_messages_is_not_read_for_ever(
        self, suites: Suites, inner: str
    ) -> None:
        headers = "headers={" + ",".join(f"h{number}='1'" for number in range(5000)) + "}\n"
        head = "[[scenario]]\nname='x'\n" if "message" in inner else "[defaults]\n"
        messages = (f"{inner.format(number)}\nexpect.verdict='pass'\n" for number in range(900))
        started = time.monotonic()
        (problem,) = suites.wrong(head + headers + "".join(messages))
        assert "too many messages for as much as holds for all of them" in problem
        assert time.monotonic() - started < 5

    @pytest.mark.parametrize("kind", ["folder", "pipe", "device", "missing", "nul"])
    def test_what_is_no_file(self, tmp_path: Path, kind: str) -> None:
        path = {"folder": str(tmp_path), "device": "/dev/zero", "nul": "a\0b"}.get(
            kind, str(tmp_path / kind)
        )
        if kind == "pipe":
            os.mkfifo(path)
        suite, (problem,) = load(path)
        assert suite is None
        words = {"missing": "no such file", "nul": "embedded null byte"}
        assert words.get(kind, "is no regular file") in problem.text

    def test_a_name_that_nobody_knows_is_told_the_suites_of_the_program(self) -> None:
        _, (problem,) = load("clamav")
        assert "clamav-milter" in problem.next_step


SCALARS = st.one_of(
    st.text(max_size=5),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.sampled_from(["pass", "refused", "a@b", "2s", "550 x", "unchanged", "end", "clean", "("]),
)
KEYS = st.sampled_from(
    [
        *("name", "message", "client", "macros", "expect", "verdict", "reply", "code", "text"),
        *("matches", "is", "recipients", "milters", "a", "adds", "body", "headers", "address"),
        *("refused", "rset", "sample", "raw", "within", "asked", "helo", "auth", "rcpt"),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(KEYS, VALUES), st.dictionaries(KEYS, VALUES))
def test_whatever_stands_in_a_file_is_read_or_objected_to(
    scenario: dict[str, object], defaults: dict[str, object]
) -> None:
    problems = Problems("x.toml")
    suite = read_suite({"scenario": [scenario], "defaults": defaults}, "x", problems, "/nowhere")
    if not problems.found:
        (read,) = suite.scenarios
        assert read.name == scenario["name"]
        assert all(message.expect.paths or message.rset for message in read.messages)


def test_every_shipped_suite_is_right_and_says_what_it_is_about() -> None:
    assert shipped_names() == (
        "clamav-milter",
        "milter-greylist",
        "milter-manager",
        "spamass-milter",
    )
    for name in shipped_names():
        suite, problems = load(name)
        assert problems == ()
        assert suite is not None
        assert suite.about
        assert suite.milters


def test_the_guide_shows_nothing_that_is_wrong() -> None:
    guide = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        head = "" if "[[scenario]]" in block else '[[scenario]]\nname = "one"\n'
        problems = Problems("guide")
        suite = read_suite(tomllib.loads(head + block), "guide", problems, "/nowhere")
        assert suite.scenarios
        told = {problem.text for problem in problems.found}
        assert told <= {"nothing is expected: such a test can't fail"}
