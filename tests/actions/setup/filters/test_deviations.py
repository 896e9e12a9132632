"""Settings put wrong one at a time on a corrected host: found, mended, taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.actions.setup.filters.conftest import corrected, fixed, fresh_folder, looked, undone
from tests.actions.setup.filters.tree import contents, furnish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.actions.setup.filters.tree import TreeHost

LOCAL_CF = "/etc/mail/spamassassin/local.cf"
FLAGS = "/etc/sysconfig/spamass-milter"
SCAN = "/etc/clamd.d/scan.conf"
FRESHCLAM = "/etc/freshclam.conf"
MILTER = "/etc/mail/clamav-milter.conf"
GREYLIST = "/etc/mail/greylist.conf"
MANAGER = "/etc/sysconfig/milter-manager"
LOCAL = "/etc/milter-manager/milter-manager.local.conf"
GROUP = "/etc/group"

MACRO = 'sm_macro "trusted_domain" "{trusted_domain}" "yes"\n'
PASSED = 'racl whitelist sm_macro "trusted_domain" spf pass\n'
DELAYED = 'racl greylist sm_macro "trusted_domain" not spf pass\n'
DEFAULT = "racl greylist default\n"


class Deviation(NamedTuple):
    """One setting put wrong."""

    check: str
    file: str
    old: str
    """What the corrected file says; nothing for its end."""
    new: str
    at: str = ""
    """How the line begins that is to be named; nothing where the setting is not there."""
    verdict: str = "deviates"


RHEL = (
    Deviation("spamassassin.rewrite_subject", LOCAL_CF, "#rewrite", "rewrite", "rewrite", "choice"),
    Deviation("spamassassin.ham_status", LOCAL_CF, "remove_header ham Status\n", "", "", "choice"),
    Deviation("spamassassin.ham_level", LOCAL_CF, "remove_header ham Level\n", "", "", "choice"),
    Deviation(
        "spamassassin.ham_status",
        LOCAL_CF,
        "",
        "add_header all Status _YESNO_\n",
        "add_h",
        "choice",
    ),
    Deviation("spamass-milter.body", FLAGS, '"-m -r 15"', '"-r 15"', "EXTRA_FLAGS", "choice"),
    Deviation("spamass-milter.reject_score", FLAGS, '"-m -r 15"', '"-m"', "EXTRA_FLAGS", "choice"),
    Deviation(
        "spamass-milter.reject_score", FLAGS, '"-m -r 15"', "'-mr5' # five", "EXTRA_FLAGS", "choice"
    ),
    Deviation(
        "spamass-milter.reject_score",
        FLAGS,
        "-r 15",
        "-i 10.0.0.0/8 -r -1",
        "EXTRA_FLAGS",
        "choice",
    ),
    Deviation("clamd.example", SCAN, "#Example", "Example", "Example"),
    Deviation("clamd.log", SCAN, "\nLogFacility LOG_MAIL", "\n#LogFacility LOG_MAIL", "LogSyslog"),
    Deviation("clamd.log", SCAN, "LOG_MAIL", "LOG_DAEMON", "LogFacility"),
    Deviation("clamd.log", SCAN, "\nLogSyslog yes", "", "LogFacility"),
    Deviation("clamd.log", SCAN, "LogSyslog yes", "LogSyslog no\nLogFile /x.log", "LogFacility"),
    Deviation("clamd.local_socket", SCAN, "\nLocalSocket /run", "\n#LocalSocket /run"),
    Deviation("freshclam.example", FRESHCLAM, "#Example", "Example", "Example"),
    Deviation("freshclam.log", FRESHCLAM, "LogSyslog yes\n", "LogSyslog false\n", "LogFacility"),
    Deviation(
        "freshclam.notify_clamd",
        FRESHCLAM,
        "NotifyClamd @ROOT@/etc/clamd.d/scan.conf",
        "NotifyClamd /path/to/clamd.conf",
        "NotifyClamd",
    ),
    Deviation(
        "freshclam.notify_clamd",
        FRESHCLAM,
        "NotifyClamd @ROOT@/etc/clamd.d/scan.conf",
        "NotifyClamd yes",
        "NotifyClamd",
    ),
    Deviation("freshclam.notify_clamd", FRESHCLAM, "\nNotifyClamd", "\n#NotifyClamd", "", "choice"),
    Deviation("clamav-milter.example", MILTER, "#Example", "Example", "Example"),
    Deviation("clamav-milter.log", MILTER, "\nLogFacility", "\n# LogFacility", "LogSyslog"),
    Deviation("clamav-milter.milter_socket", MILTER, "\nMilterSocket /", "\n#MilterSocket /"),
    Deviation("clamav-milter.milter_socket_mode", MILTER, "Mode 660", "Mode 600", "MilterSocketM"),
    Deviation("clamav-milter.milter_socket_mode", MILTER, "Mode 660", "Mode 755", "MilterSocketM"),
    Deviation(
        "clamav-milter.milter_socket_mode",
        MILTER,
        "Mode 660",
        "Mode 666",
        "MilterSocketM",
        "choice",
    ),
    Deviation("clamav-milter.milter_socket_mode", MILTER, "MilterSocketMode 660\n", ""),
    Deviation(
        "clamav-milter.clamd_socket", MILTER, "unix:/run/clamd.scan/", "unix:/run/clamav/", "ClamdS"
    ),
    Deviation(
        "clamav-milter.clamd_socket",
        MILTER,
        "ClamdSocket unix:/run/clamd.scan/clamd.sock",
        "ClamdSocket tcp:127.0.0.1",
        "ClamdS",
    ),
    Deviation(
        "clamav-milter.clamd_socket",
        MILTER,
        "ClamdSocket unix:/run/clamd.scan/clamd.sock",
        "ClamdSocket tcp:scanner.mydomain:7357",
        "ClamdS",
    ),
    Deviation(
        "clamav-milter.clamd_socket",
        MILTER,
        "",
        "ClamdSocket unix:/gone\n",
        "ClamdSocket unix:/gone",
    ),
    Deviation("milter-greylist.socket_mode", GREYLIST, '.sock" 660', '.sock"', "socket"),
    Deviation("milter-greylist.socket_mode", GREYLIST, '.sock" 660', '.sock" 640', "socket"),
    Deviation(
        "milter-greylist.subnetmatch", GREYLIST, "match /24", "match /32 # no", "subnet", "choice"
    ),
    Deviation("milter-greylist.greylist", GREYLIST, "greylist 10m", "greylist 30m", "gr", "choice"),
    Deviation("milter-greylist.autowhite", GREYLIST, "autowhite 1w\n", "", "", "choice"),
    Deviation(
        "milter-greylist.trusted_domain",
        GREYLIST,
        PASSED + DELAYED + DEFAULT,
        DEFAULT + PASSED + DELAYED,
        "sm_macro",
    ),
    Deviation("milter-greylist.trusted_domain", GREYLIST, DELAYED, "", "sm_macro"),
    Deviation("milter-greylist.trusted_domain", GREYLIST, MACRO, "", "racl whitelist sm"),
    Deviation(
        "milter-greylist.trusted_domain", GREYLIST, MACRO + PASSED, PASSED + MACRO, "sm_macro"
    ),
    Deviation(
        "milter-greylist.trusted_domain", GREYLIST, MACRO + PASSED + DELAYED, "", "", "choice"
    ),
    Deviation(
        "milter-greylist.default",
        GREYLIST,
        DEFAULT,
        'racl "rest" whitelist \\\n  default\n',
        'racl "rest"',
        "choice",
    ),
    Deviation("clamav-milter.groups", GROUP, "clamilt\n", "\n", "clamscan:"),
    Deviation("milter-manager.groups", GROUP, "12103:milter-manager\n", "12103:\n", "clamilt:"),
    Deviation("milter-manager.socket_group", MANAGER, '"postfix"', '"milter-manager"', "SOCKET_G"),
    Deviation("milter-manager.socket_group", MANAGER, '"postfix"', "'smmsp'", "SOCKET_G"),
    Deviation("milter-manager.socket_group", MANAGER, "SOCKET_GROUP=", "#SOCKET_GROUP="),
    Deviation("milter-manager.debugging", MANAGER, "#OPTION_ARGS", "OPTION_ARGS", "OPTION_ARGS"),
    Deviation("milter-manager.debugging", MANAGER, "", 'OPTION_ARGS="--verbose"', "OPTION_ARGS"),
    Deviation(
        "milter-manager.clamav-milter",
        LOCAL,
        "",
        'define_milter("clamav-milter") do |milter|\n'
        '  milter.connection_spec = "unix:/var/run/clamav-milter/old.socket"\nend\n',
        "  milter.conn",
    ),
    Deviation(
        "milter-manager.milter-greylist",
        LOCAL,
        "",
        'define_milter("milter-greylist") do |milter|\n  milter.enabled = false # now\nend\n',
        "  milter.enabled",
    ),
)

STOCK = "/etc/milter-greylist/greylist.conf"
DEBIAN = (
    Deviation(
        "spamass-milter.reject_score",
        "/etc/default/spamass-milter",
        'OPTIONS="${OPTIONS} -r 15"',
        '#OPTIONS="${OPTIONS} -r 15"',
        "OPTIONS",
        "choice",
    ),
    Deviation(
        "spamass-milter.body",
        "/etc/default/spamass-milter",
        'OPTIONS="${OPTIONS} -m"\n',
        'OPTIONS="${OPTIONS}"\n',
        'OPTIONS="${OPTIONS}"',
        "choice",
    ),
    Deviation(
        "clamd.log", "/etc/clamav/clamd.conf", "LogSyslog yes", "LogSyslog false", "LogFacility"
    ),
    Deviation(
        "clamav-milter.clamd_socket",
        "/etc/clamav/clamav-milter.conf",
        "unix:/var/run/clamav/clamd.ctl",
        "unix:/run/clamd.scan/clamd.sock",
        "ClamdSocket",
    ),
    Deviation(
        "clamav-milter.milter_socket_mode",
        "/etc/clamav/clamav-milter.conf",
        "MilterSocketMode 660",
        'MilterSocketMode "600"',
        "MilterSocketMode",
    ),
    Deviation(
        "freshclam.notify_clamd",
        "/etc/clamav/freshclam.conf",
        "/etc/clamav/clamd.conf",
        "/etc/clamd.d/scan.conf",
        "NotifyClamd",
    ),
    Deviation(
        "milter-greylist.socket_mode",
        STOCK,
        'milter-greylist.sock" 660\ndump',
        'milter-greylist.sock"\ndump',
        "socket",
    ),
    Deviation(
        "milter-greylist.default",
        STOCK,
        DEFAULT,
        "racl whitelist default\n",
        "racl whitelist default",
        "choice",
    ),
)

CASES = [("rhel", one) for one in RHEL] + [("debian", one) for one in DEBIAN]


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, TreeHost]]:
    """The corrected hosts, by layout."""
    with fresh_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("actions.setup.catalogue.MODULES", ("actions.setup.filters",))
        made = {}
        for layout in ("rhel", "debian"):
            (folder / layout).mkdir()
            made[layout] = furnish(folder / layout, layout)
            corrected(made[layout])
        yield made


@pytest.fixture
def host(hosts: dict[str, TreeHost], layout: str) -> Iterator[TreeHost]:
    """A corrected host, which is one again afterwards."""
    one = hosts[layout]
    before = contents(one)
    yield one
    for path, content in before.items():
        one.path("/" + path).write_bytes(content)


def test_there_are_enough() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("layout", ["rhel", "debian"])
def test_nothing_is_found_on_a_corrected_host(host: TreeHost) -> None:
    assert looked(host) == ()


@pytest.mark.parametrize(
    ("layout", "case"), CASES, ids=[f"{layout}-{case.check}" for layout, case in CASES]
)
def test_it_is_found_mended_and_taken_back(host: TreeHost, case: Deviation) -> None:
    good = contents(host)
    host.edit(case.file, case.old, case.new)
    wrong = contents(host)
    assert wrong != good
    found = looked(host)
    assert [(one.name, one.verdict) for one in found] == [(case.check, case.verdict)]
    assert found[0].file == host.at(case.file)
    assert found[0].line == line_of(host, case)
    assert found[0].why

    entry = fixed(host, [case.check])
    assert looked(host) == ()
    undone(host, entry)
    assert contents(host) == wrong


def line_of(host: TreeHost, case: Deviation) -> int:
    """Return the last line that begins as the case says."""
    lines = host.path(case.file).read_text().split("\n")
    return max(
        (at for at, one in enumerate(lines, 1) if case.at and one.startswith(case.at)), default=0
    )
