"""Files that nobody would write: no check falls over them, and what is mended is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions.action import Context
from actions.changes import FileEdit
from actions.setup.filters import CHECKS
from actions.setup.looking import LookingHost
from actions.setup.survey import results_of
from tests.actions.setup.filters.conftest import fresh_folder
from tests.actions.setup.filters.tree import contents, furnish

if TYPE_CHECKING:
    from tests.actions.setup.filters.tree import TreeHost

FILES = {
    "/etc/mail/spamassassin/local.cf": (
        "rewrite_header Subject [SPAM]",
        "#rewrite_header Subject x",
        "add_header all Status _Y_",
        "REMOVE_HEADER ham level",
        "# remove_header ham Status",
        "clear_headers",
        "endif",
        "add_header",
        "rewrite_header",
        "rewrite_header subject",
    ),
    "/etc/sysconfig/spamass-milter": (
        'EXTRA_FLAGS="-m"',
        "EXTRA_FLAGS=-r5",
        "EXTRA_FLAGS='-r -1'",
        'EXTRA_FLAGS="$EXTRA_FLAGS -m"',
        '#EXTRA_FLAGS="-m -r 15"',
        "export EXTRA_FLAGS",
        "EXTRA_FLAGS=",
        'A="1" EXTRA_FLAGS="-r x"',
        'EXTRA_FLAGS="-i 1 -- -d h -r 3"',
    ),
    "/etc/clamd.d/scan.conf": (
        "Example",
        "ExampleX y",
        "#Example",
        "LogSyslog",
        "LogSyslog yes",
        "LogFacility LOG_MAIL",
        "LogFacility",
        "#LogFacility LOG_MAIL",
        'LocalSocket "/run/x"',
        "#LocalSocket /run/y",
        "TCPSocket 3310",
        "LocalSocketMode 9",
        "User clamscan",
        "LogFile /x",
    ),
    "/etc/mail/clamav-milter.conf": (
        "MilterSocket /run/m",
        "MilterSocket inet:1@h",
        "#MilterSocket /tmp/m",
        "MilterSocketMode",
        "MilterSocketMode 660",
        "MilterSocketMode x",
        "ClamdSocket unix:/run/x",
        "ClamdSocket",
        "ClamdSocket tcp:localhost",
        "#ClamdSocket tcp:scanner.mydomain:7357",
        "User clamilt",
        "ClamdSocket tcp:[::1]:3310",
        "MilterSocketGroup mail",
    ),
    "/etc/freshclam.conf": (
        "NotifyClamd",
        "NotifyClamd yes",
        "NotifyClamd /x",
        "#NotifyClamd /path/to/clamd.conf",
        "Example",
        "LogSyslog true",
        "UpdateLogFile /x",
        "LogFacility LOG_MAIL",
    ),
    "/etc/mail/greylist.conf": (
        'socket "/run/g.sock"',
        'socket "/run/g.sock" 600',
        "socket inet:1",
        "socket",
        "greylist 10m",
        "#greylist 5m",
        "subnetmatch",
        "autowhite 3d \\",
        "racl greylist default",
        "racl whitelist default",
        'sm_macro "trusted_domain" "{trusted_domain}" "yes"',
        'racl whitelist sm_macro "trusted_domain" spf pass',
        'racl "x" greylist \\',
        "default",
        'racl greylist sm_macro "trusted_domain" not spf pass',
        'list "x" addr { \\',
        "}",
        'user "',
        "user grmilter:mail",
    ),
    "/etc/sysconfig/milter-manager": (
        "SOCKET_GROUP=",
        "SOCKET_GROUP='postfix'",
        "SOCKET_GROUP=nobody-knows",
        "USER=",
        "CONNECTION_SPEC=unix:/run/mm",
        'OPTION_ARGS="--verbose" # x',
        "OPTION_ARGS=--no-daemon",
        '#OPTION_ARGS="--verbose"',
        'OPTION_ARGS="--verbose -x"; A=1',
        "X=1 OPTION_ARGS=--verbose",
    ),
}

noise = st.text(st.sampled_from("ab #\"'\\/{}$=\t\r\udcff\0é"), max_size=12)


def text_of(lines: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda parts, newline, last: newline.join(parts) + (newline if last else ""),
        st.lists(st.sampled_from(lines), max_size=7),
        st.sampled_from(["\n", "\r\n"]),
        st.booleans(),
    )


def put(host: TreeHost, texts: dict[str, str]) -> None:
    for path, text in texts.items():
        host.path(path).write_bytes(text.encode("utf-8", "surrogateescape"))


@given(st.fixed_dictionaries({path: st.lists(noise, max_size=6).map("\n".join) for path in FILES}))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_check_falls_over_noise(texts: dict[str, str]) -> None:
    with fresh_folder() as folder:
        host = furnish(folder, "rhel")
        put(host, texts)
        ctx = Context(LookingHost(host))
        for check in CHECKS:
            assert [one.why for one in results_of(check, ctx) if "defect" in one.why] == []


@given(st.fixed_dictionaries({path: text_of(lines) for path, lines in FILES.items()}))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_mended_is_mended(texts: dict[str, str]) -> None:
    with fresh_folder() as folder:
        host = furnish(folder, "rhel")
        put(host, texts)
        before = contents(host)
        for check in CHECKS:
            if check.name.endswith(".groups"):
                continue  # Nothing is edited for them.
            ctx = Context(LookingHost(host))
            results = results_of(check, ctx)
            assert [one.why for one in results if "defect" in one.why] == []
            for result in results:
                if result.verdict in {"deviates", "choice"} and not result.unfixable:
                    for change in check.changes(ctx, result):
                        if isinstance(change, FileEdit) and change.after:
                            host.path("/").joinpath(change.path).write_bytes(change.after.content)
            left = results_of(check, Context(LookingHost(host)))
            assert {one.verdict for one in left} <= {"as wanted", "unknown"}, (check.name, left)
            put(
                host,
                {
                    "/" + path: content.decode("utf-8", "surrogateescape")
                    for path, content in before.items()
                },
            )
