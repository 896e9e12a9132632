"""Every option of milter-test-server under its own name, by what a real milter then saw."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions.registry import find
from console.options import options_of
from tests.actions.chain.command import chain_test
from tests.milters.running import free_port

if TYPE_CHECKING:
    from tests.milters.running import Milters, Running

MESSAGE = b"From: file@example.net\nSubject: from a file\nX-Fold: one\n\ttwo\n\nbody of the file\n"

SERVER_OPTIONS = """
--name -s --connection-spec --negotiate-version --connect-host --connect-address --helo-fqdn
-f --envelope-from -r --envelope-recipient --connect-macro --helo-macro --envelope-from-macro
--envelope-recipient-macro --data-macro --end-of-header-macro --end-of-message-macro
-h --header -b --body --unknown --authenticated-name --authenticated-type
--authenticated-author -m --mail-file --output-message --color --connection-timeout
--reading-timeout --writing-timeout --end-of-message-timeout --all-timeouts -t --threads
-v --verbose --version
""".split()  # noqa: SIM905
"""The options of milter-test-server 2.3.2."""

ARGUMENTS: list[tuple[list[str], str, list[list[Any]]]] = [
    (["--connect-host", "h.example"], "connect", [["h.example", 2, ["203.0.113.7", 50443]]]),
    (["--connect-host", "unknown"], "connect", [["[203.0.113.7]", 2, ["203.0.113.7", 50443]]]),
    (
        ["--connect-address", "192.0.2.9"],
        "connect",
        [["mail.example.net", 2, ["192.0.2.9", 50443]]],
    ),
    (
        ["--connect-address", "inet:1234@192.0.2.9"],
        "connect",
        [["mail.example.net", 2, ["192.0.2.9", 1234]]],
    ),
    (
        ["--connect-address", "2001:db8::9"],
        "connect",
        [["mail.example.net", 10, ["2001:db8::9", 50443, 0, 0]]],
    ),
    (
        ["--connect-address", "inet6:1234@2001:db8::9"],
        "connect",
        [["mail.example.net", 10, ["2001:db8::9", 1234, 0, 0]]],
    ),
    (["--connect-address", "unix:/run/x"], "connect", [["mail.example.net", 1, "/run/x"]]),
    (["--connect-address", "unknown"], "connect", [["mail.example.net", 0, None]]),
    (["--helo-fqdn", "helo.example"], "helo", [["helo.example"]]),
    (["--helo", "helo.example"], "helo", [["helo.example"]]),
    (["-f", "f@example.net"], "mail", [["<f@example.net>"]]),
    (["--envelope-from", "<f@example.net>"], "mail", [["<f@example.net>"]]),
    (["--envelope-from=f@example.net"], "mail", [["<f@example.net>"]]),
    (["--sender", "<>"], "mail", [["<>"]]),
    (["-r", "r@example.org"], "rcpt", [["<r@example.org>"]]),
    (
        ["--envelope-recipient", "r@example.org", "-r", "<s@x>", "--recipient", "t@x"],
        "rcpt",
        [["<r@example.org>"], ["<s@x>"], ["<t@x>"]],
    ),
    (["--unknown", "XYZZY now"], "unknown", [["XYZZY"]]),
    (["-b", "one\n", "--body", "two"], "body", [["one\r\ntwo\r\n"]]),
    (["--profile", "inside"], "connect", [["desk.example.org", 2, ["192.168.1.20", 50443]]]),
]
"""Options, an event, and the arguments of each of that name that the milter must have seen."""

MACROS: list[tuple[list[str], str, dict[str, str | None]]] = [
    (["--name", "mx1"], "connect", {"daemon_name": "mx1"}),
    (["--connect-macro", "x-given:1"], "connect", {"x-given": "1"}),
    (
        ["--connect-macro", "{x-given}:a:b", "--connect-macro", "j:me"],
        "connect",
        {"x-given": "a:b", "j": "me"},
    ),
    (["--helo-macro", "x-given:1"], "helo", {"x-given": "1"}),
    (["--envelope-from-macro", "x-given:1"], "mail", {"x-given": "1"}),
    (["--envelope-from-macro", "i:ID"], "mail", {"i": "ID"}),
    (["--envelope-recipient-macro", "x-given:1"], "rcpt", {"x-given": "1"}),
    (["--data-macro", "x-given:1"], "data", {"x-given": "1"}),
    (["--end-of-header-macro", "x-given:1"], "eoh", {"x-given": "1"}),
    (["--end-of-message-macro", "x-given:1"], "end", {"x-given": "1"}),
    (["--authenticated-name", "user"], "mail", {"auth_authen": "user"}),
    (["--authenticated-type", "CRAM-MD5"], "mail", {"auth_type": "CRAM-MD5"}),
    (["--authenticated-author", "boss@x"], "mail", {"auth_author": "boss@x"}),
    (
        ["--tls-version", "TLSv1.2", "--tls-cipher", "AES"],
        "helo",
        {"tls_version": "TLSv1.2", "cipher": "AES"},
    ),
    (["--profile", "outside"], "mail", {"auth_authen": None, "tls_version": None}),
    (
        ["--profile", "authenticated"],
        "mail",
        {"auth_type": "PLAIN", "auth_authen": "user@example.org", "tls_version": "TLSv1.3"},
    ),
    (["--connect-host", "unknown"], "connect", {"_": "unknown [203.0.113.7]"}),
]
"""Options, an event, and macros that the milter could read there; None where it must not."""

WRONG = [
    (["--milter", "nonsense"], "a milter is given as transport:endpoint"),
    (["--milter", "inet:99999"], "no port"),
    (["--negotiate-version", "5"], "no milter protocol version 5"),
    (["--negotiate-version", "x"], "--negotiate-version"),
    (["--connect-address", "nonsense"], "'nonsense' is no IP address"),
    (["--connect-address", "inet:x@192.0.2.1"], "no port"),
    (["--connect-address", "300.1.1.1"], "no IP address"),
    (["--header", "no colon"], "not NAME:VALUE"),
    (["--connect-macro", "no colon"], "not NAME:VALUE"),
    (["--connect-macro", "{}:value"], "not NAME:VALUE"),
    (["--all-timeouts", "0"], "above 0"),
    (["--reading-timeout", "-1"], "above 0"),
    (["--reading-timeout", "nan"], "above 0"),
    (["--all-timeouts", "inf"], "at most 1000000"),
    (["--deadline", "nan"], "above 0"),
    (["--deadline", "inf"], "at most 1000000"),
    (["--threads", "0"], "1 to 100"),
    (["--threads", "101"], "1 to 100"),
    (["--mail-file", "/nonexistent"], "No such file or directory"),
    (["--mail-file", "/"], "Is a directory"),
    (["--mail-file", "/dev/null"], "empty"),
    (["--sample", "nonsense"], "--sample"),
    (["--expect", "nonsense"], "--expect"),
    (["--nonsense"], "--nonsense"),
]


@pytest.fixture(scope="module")
def recorder(lasting: Milters) -> Running:
    """One milter for all these tests; it continues through everything."""
    return lasting.start()


def told(recorder: Running, *options: str, stdin: bytes = b"") -> dict[str, list[Any]]:
    """Run the command with *options*; return what the milter saw, by event."""
    recorder.forget()
    done = chain_test("--connection-spec", recorder.spec, *options, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, b""), done
    found: dict[str, list[Any]] = {}
    for seen in recorder.events():
        found.setdefault(seen.event, []).append(seen)
    return found


@pytest.mark.parametrize(("options", "event", "arguments"), ARGUMENTS)
def test_the_milter_sees_what_was_asked_for(
    recorder: Running, options: list[str], event: str, arguments: list[list[Any]]
) -> None:
    assert [seen.arguments for seen in told(recorder, *options)[event]] == arguments


@pytest.mark.parametrize(("options", "event", "macros"), MACROS)
def test_the_milter_reads_the_macros_asked_for(
    recorder: Running, options: list[str], event: str, macros: dict[str, str | None]
) -> None:
    (seen,) = told(recorder, *options)[event]
    assert {name: seen.macros.get(name) for name in macros} == macros


@pytest.mark.parametrize("stage", ["helo", "mail", "rcpt", "data", "eoh", "end"])
def test_a_macro_is_sent_at_its_own_stage_not_before(recorder: Running, stage: str) -> None:
    option = {
        "mail": "envelope-from",
        "rcpt": "envelope-recipient",
        "eoh": "end-of-header",
        "end": "end-of-message",
    }.get(stage, stage)
    events = told(recorder, f"--{option}-macro", "x-given:1")
    order = ["connect", "helo", "mail", "rcpt", "data", "eoh", "end"]
    without = order[: order.index(stage)]
    assert all("x-given" not in seen.macros for name in without for seen in events[name])


def test_the_queue_id_is_known_from_the_second_recipient_on(recorder: Running) -> None:
    events = told(recorder, "-r", "a@example.org", "-r", "b@example.org")
    first, second = (seen.macros.get("i") for seen in events["rcpt"])
    assert events["mail"][0].macros.get("i") is first is None
    assert re.fullmatch("[0-9A-F]{10}", second)
    assert {seen.macros["i"] for name in ("data", "header", "end") for seen in events[name]} == {
        second
    }


class TestConnectionSpec:
    @pytest.mark.parametrize("option", ["-s", "--connection-spec", "--milter"])
    @pytest.mark.parametrize("form", ["unix:{}", "local:{}", "{}"])
    def test_a_unix_socket(self, recorder: Running, option: str, form: str) -> None:
        recorder.forget()
        assert chain_test(option, form.format(recorder.path)).returncode == 0
        assert len(recorder.events()) > 10

    @pytest.mark.parametrize(
        "form", ["inet:{}@127.0.0.1", "inet:{}", "inet:127.0.0.1:{}", "inet:localhost:{}"]
    )
    def test_a_tcp_port(self, milters: Milters, form: str) -> None:
        port = free_port()
        milters.start(spec=f"inet:{port}@127.0.0.1")
        assert chain_test("-s", form.format(port)).returncode == 0

    def test_a_tcp_port_over_ipv6(self, milters: Milters) -> None:
        try:
            port = free_port("::1")
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        milters.start(spec=f"inet6:{port}@::1")
        for form in ("inet6:{}@::1", "inet6:[::1]:{}", "inet6:{}"):
            assert chain_test("-s", form.format(port)).returncode == 0


class TestMessage:
    @pytest.mark.parametrize("option", ["-m", "--mail-file", "--message"])
    def test_a_file_is_sent(self, recorder: Running, tmp_path: Path, option: str) -> None:
        file = tmp_path / "mail.eml"
        file.write_bytes(MESSAGE)
        self.check(told(recorder, option, str(file)))

    @pytest.mark.parametrize("message", [MESSAGE, MESSAGE.replace(b"\n", b"\r\n")])
    def test_standard_input_is_sent(self, recorder: Running, message: bytes) -> None:
        self.check(told(recorder, "-m", "-", stdin=message))

    @staticmethod
    def check(events: dict[str, list[Any]]) -> None:
        assert [seen.arguments for seen in events["header"]] == [
            ["From", "file@example.net"],
            ["Subject", "from a file"],
            ["X-Fold", "one\n\ttwo"],
        ]
        assert [seen.arguments for seen in events["body"]] == [["body of the file\r\n"]]

    def test_headers_are_set_in_their_order_above_the_others(self, recorder: Running) -> None:
        options = ("-h", "X-One:1", "--header", "x-one: 2", "-h", "Subject:mine")
        events = told(recorder, *options, "--mail-file", "-", stdin=MESSAGE)
        assert [seen.arguments for seen in events["header"]] == [
            ["X-One", "1"],
            ["x-one", "2"],
            ["Subject", "mine"],
            ["From", "file@example.net"],
            ["X-Fold", "one\n\ttwo"],
        ]

    @pytest.mark.parametrize(
        "message",
        [
            b"From: a\r\n\r\nSubject: in the body\r\n",
            b"From a@b Thu Jan  1 00:00:00 2026\nFrom: a\n\nSubject: in the body\n",
        ],
    )
    def test_a_header_that_is_set_leaves_the_body_alone(
        self, recorder: Running, message: bytes
    ) -> None:
        events = told(recorder, "-h", "Subject:mine", "-m", "-", stdin=message)
        assert [seen.arguments[0] for seen in events["header"]] == ["Subject", "From"]
        assert events["body"][0].arguments == ["Subject: in the body\r\n"]

    def test_a_body_takes_the_place_of_the_files(self, recorder: Running) -> None:
        events = told(recorder, "-b", "mine", "-m", "-", stdin=MESSAGE)
        assert [seen.arguments for seen in events["body"]] == [["mine\r\n"]]
        assert len(events["header"]) == 3

    @pytest.mark.parametrize(
        ("sample", "recipients", "size"), [("large", 1, 1_000_000), ("many-recipients", 50, 70)]
    )
    def test_samples_are_what_they_are_called(
        self, recorder: Running, sample: str, recipients: int, size: int
    ) -> None:
        events = told(recorder, "--sample", sample)
        assert len(events["rcpt"]) == recipients
        assert sum(len(seen.arguments[0]) for seen in events["body"]) >= size

    @pytest.mark.parametrize(
        ("sample", "needle"),
        [
            ("gtube", "GTUBE-STANDARD"),
            ("eicar", "EICAR-STANDARD"),
            ("multipart", "--boundary--"),
            ("8bit", "Köln".encode().decode("latin-1")),
        ],
    )
    def test_samples_hold_what_they_are_for(
        self, recorder: Running, sample: str, needle: str
    ) -> None:
        assert needle in told(recorder, "--sample", sample)["body"][0].arguments[0]

    def test_a_sample_that_may_leave_traces_says_so(self, recorder: Running) -> None:
        said = chain_test("-s", recorder.spec, "--sample", "gtube").stdout.decode()
        assert "may leave traces in greylist and Bayes databases" in said
        assert "traces" not in chain_test("-s", recorder.spec).stdout.decode()


class TestTimeouts:
    """Each limit at its own place: the milter is slow there, and only there."""

    @pytest.mark.parametrize(
        ("option", "slow", "code"),
        [
            ("--reading-timeout", "mail", 6),
            ("--reading-timeout", "body", 6),
            ("--reading-timeout", "end", 0),
            ("--end-of-message-timeout", "end", 6),
            ("--end-of-message-timeout", "mail", 0),
            ("--all-timeouts", "mail", 6),
            ("--all-timeouts", "end", 6),
            ("--connection-timeout", "mail", 0),
            ("--writing-timeout", "mail", 0),
            ("--deadline", "mail", 6),
        ],
    )
    def test_it_ends_the_wait_it_is_for(
        self, milters: Milters, option: str, slow: str, code: int
    ) -> None:
        running = milters.start(delays={slow: 0.5})
        assert chain_test("-s", running.spec, option, "0.2").returncode == code

    def test_one_of_its_own_outweighs_all_timeouts(self, milters: Milters) -> None:
        running = milters.start(delays={"end": 0.5})
        spec = ("-s", running.spec)
        assert chain_test(*spec, "--all-timeouts", "0.2").returncode == 6
        options = ("--all-timeouts", "0.2", "--end-of-message-timeout", "5")
        assert chain_test(*spec, *options).returncode == 0


@pytest.mark.parametrize(
    ("version", "offer"), [("2", [0x3F, 0x7F]), ("4", [0x3F, 0x3FF]), ("6", [0x1FF, 0x1FFFFF])]
)
def test_an_older_version_is_offered(recorder: Running, version: str, offer: list[int]) -> None:
    events = told(recorder, "--negotiate-version", version, "--unknown", "XYZZY")
    assert ("data" in events) is (version != "2")
    if version == "6":
        assert events["negotiate"][0].arguments == [offer]


@pytest.mark.parametrize(("options", "said"), WRONG)
def test_an_option_that_makes_no_sense_is_told_and_asks_nobody(
    options: list[str], said: str
) -> None:
    given = [] if "--milter" in options else ["--milter", "unix:/nonexistent"]
    done = chain_test(*given, *options)
    assert (done.stdout, done.returncode) == (b"", 2)
    assert said in done.stderr.decode()


def test_no_option_of_milter_test_server_is_missing() -> None:
    assert set(SERVER_OPTIONS) <= set(options_of(find("chain.test")))


def test_every_option_of_milter_test_server_is_used_in_this_test() -> None:
    used = set(re.findall(r'"(--?[a-z][a-z-]*)', Path(__file__).read_text(encoding="utf-8")))
    used |= {"-t", "--color", "-v", "--verbose", "--version", "--output-message"}  # elsewhere
    assert set(SERVER_OPTIONS) <= used


def test_help_is_the_long_option_alone() -> None:
    done = chain_test("--help")
    assert done.returncode == 0
    assert b"--connection-spec" in done.stdout
