"""Command lines turned into ones of a debug mode, and back."""

from __future__ import annotations

import pytest

from actions.debug.modes import MODES
from actions.debug.modes.options import (
    Options,
    is_on,
    is_torn,
    put_in,
    real_words,
    with_debug,
    without_debug,
)


def options_of(service: str) -> Options:
    options = next(mode.options for mode in MODES if mode.service == service)
    assert options is not None
    return options


CASES = (
    (
        "milter-manager",
        "/usr/sbin/milter-manager --daemon --pid-file /run/x.pid",
        "/usr/sbin/milter-manager --pid-file /run/x.pid --verbose --no-daemon",
    ),
    ("milter-greylist", "/usr/sbin/milter-greylist", "/usr/sbin/milter-greylist -v -D"),
    (
        "milter-greylist",
        "/usr/sbin/milter-greylist -D -f /etc/mail/greylist.conf",
        "/usr/sbin/milter-greylist -D -f /etc/mail/greylist.conf -v",
    ),
    (
        "spamass-milter",
        "/usr/sbin/spamass-milter -f -p /run/sock -- -d spamd.example",
        "/usr/sbin/spamass-milter -p /run/sock -d func,misc,net,rcpt,spamc -- -d spamd.example",
    ),
    (
        "spamass-milter",
        "/usr/sbin/spamass-milter -p /run/sock -d 1 -m",
        "/usr/sbin/spamass-milter -p /run/sock -m -d func,misc,net,rcpt,spamc",
    ),
    ("opendkim", "/usr/sbin/opendkim", "/usr/sbin/opendkim -l -W -f"),
    ("clamd", "/usr/sbin/clamd --foreground=true", "/usr/sbin/clamd --foreground=true --debug"),
    (
        "clamd",
        "/usr/sbin/clamd -c /etc/clamd.d/scan.conf",
        "/usr/sbin/clamd -c /etc/clamd.d/scan.conf --debug --foreground=true",
    ),
    (
        "spamd",
        "/usr/sbin/spamd --pidfile /run/spamd.pid -dc -m5",
        "/usr/sbin/spamd --pidfile /run/spamd.pid -dc -m5 --debug --nodaemonize",
    ),
    (
        "rspamd",
        "/usr/bin/rspamd -c /etc/rspamd/rspamd.conf -f",
        "/usr/bin/rspamd -c /etc/rspamd/rspamd.conf -f --debug",
    ),
)


@pytest.mark.parametrize(("service", "before", "after"), CASES)
def test_the_debug_mode_is_put_in_and_daemons_stay_in_the_foreground(
    service: str, before: str, after: str
) -> None:
    options = options_of(service)
    assert with_debug(before.split(), options) == tuple(after.split())
    assert is_on(after.split(), options)
    # Put in again, it is the same.
    assert with_debug(after.split(), options) == with_debug(
        with_debug(after.split(), options), options
    )
    assert not is_on(without_debug(after.split(), options), options)


@pytest.mark.parametrize(
    ("service", "line"),
    [
        ("milter-greylist", "milter-greylist -D -u greylistv -p /run/v"),
        ("spamass-milter", "spamass-milter -p /run/sock -- -d spamd.example"),
        ("spamd", "spamd --daemonize -d --max-children 5"),
        ("opendkim", "opendkim -f -x /etc/W.conf"),
        ("rspamd", "rspamd -f -c /etc/-d"),
    ],
)
def test_other_words_that_look_alike_switch_nothing_on(service: str, line: str) -> None:
    assert not is_on(line.split(), options_of(service))
    assert without_debug(line.split(), options_of(service)) == tuple(line.split())


def test_an_init_scripts_daemon_is_not_kept_in_the_foreground() -> None:
    options = options_of("milter-manager")
    assert put_in(("--daemon",), options) == ("--daemon", "--verbose")
    assert put_in(("--verbose", "--daemon"), options) == ("--verbose", "--daemon")


@pytest.mark.parametrize(
    ("words", "torn"),
    [
        (("--daemon", "--verbose", "--no-daemon"), True),
        (("--daemon", "--verbose"), False),
        (("--verbose", "--no-daemon"), False),
        (("--daemon", "--", "--no-daemon"), False),
    ],
)
def test_words_for_both_keep_a_daemon_from_starting(words: tuple[str, ...], torn: bool) -> None:
    assert is_torn(words, options_of("milter-manager")) == torn
    # Of a daemon that takes either word, whatever else it gets, none is.
    assert not is_torn(words, options_of("spamd"))


def test_a_variable_of_one_word_is_taken_for_the_options_that_were_meant() -> None:
    command = ("milter-manager", "--daemon", "--unix-socket-group", "${GROUP}", "${OPTION_ARGS}")
    expanded = ("milter-manager", "--daemon", "--unix-socket-group", "mail", "--verbose --x=1")
    assert real_words(command, expanded) == (*expanded[:-1], "--verbose", "--x=1")
    unset = ("milter-manager", "--daemon", "--unix-socket-group", "mail", "")
    assert real_words(command, unset) == unset[:-1]
    # An option whose value is empty keeps it.
    empty = ("milter-manager", "--daemon", "--unix-socket-group", "", "")
    assert real_words(command, empty) == (*empty[:-1],)
