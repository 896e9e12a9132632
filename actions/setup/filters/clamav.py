"""The checks of clamd, freshclam and clamav-milter (clamd.conf(5), clamav-milter.conf(5))."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.settings.directives import CLAMAV
from actions.settings.text import commented_out
from actions.setup.filters.daemons import (
    CLAMAV_MILTER,
    CLAMD,
    FRESHCLAM,
    NOT_SET,
    Configuration,
    as_wanted,
    differs,
    read,
    real,
    same_place,
)
from actions.setup.filters.reach import clients_join
from actions.setup.found import FoundCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.action import Context
    from actions.host.ports import Host
    from actions.plan import Change
    from actions.setup.filters.daemons import Daemon
    from actions.setup.found import Found

_YES = {"yes", "true", "1", "y", "t"}
_FACILITY = "LOG_MAIL"
_MODE = "660"

_PLACES = {
    "/etc/clamd.d/": "/run/clamd.scan/clamd.sock",
    "/etc/clamav/clamd": "/run/clamav/clamd.ctl",
    "/etc/clamd.conf": "/run/clamav/clamd.sock",
    "/etc/clamav/clamav-milter": "/run/clamav/clamav-milter.ctl",
    "/etc/mail/": "/run/clamav-milter/clamav-milter.socket",
}
"""Where a package's own units expect the socket, by where its configuration is."""


def _value(conf: Configuration, name: str) -> str:
    return CLAMAV.value(conf.text, name)


def _is_on(conf: Configuration, name: str) -> bool:
    return _value(conf, name).lower() in _YES


def _line(conf: Configuration, name: str) -> int:
    found = CLAMAV.in_force(conf.text, name)
    return found.line if found else 0


def _words(conf: Configuration, *names: str) -> str:
    """Return what the file says of *names*, in its own words."""
    told = [f"{name} {_value(conf, name)}" for name in names if _line(conf, name)]
    return ", ".join(told) or NOT_SET


def example(daemon: Daemon) -> Callable[[Context, str], Iterator[Found]]:
    """Return the look for the line "Example", with which no program of clamav starts."""

    def find(ctx: Context, name: str) -> Iterator[Found]:
        conf = read(ctx.host, daemon)
        if conf is None:
            return
        lines = [one for one in CLAMAV.settings(conf.text) if one.name.startswith("Example")]
        if not lines:
            yield as_wanted(name, conf, 0, "no line Example")
            return
        yield differs(
            name,
            conf,
            lines[0].line,
            "Example",
            "#Example",
            f"{daemon.name} refuses to start while this line stands",
            _without_example,
            severe=daemon is not FRESHCLAM,
        )

    return find


def _without_example(text: str) -> str:
    for one in {one.name for one in CLAMAV.settings(text) if one.name.startswith("Example")}:
        text = CLAMAV.without(text, one)
    return text


def log(daemon: Daemon) -> Callable[[Context, str], Iterator[Found]]:
    """Return the look at where its log goes; LogFacility counts only with LogSyslog."""

    def find(ctx: Context, name: str) -> Iterator[Found]:
        conf = read(ctx.host, daemon)
        if conf is None:
            return
        names = ("LogSyslog", "LogFacility")
        line = _line(conf, "LogFacility") or _line(conf, "LogSyslog")
        facility, to_syslog = _value(conf, "LogFacility").upper(), _is_on(conf, "LogSyslog")
        if to_syslog and facility == _FACILITY:
            yield as_wanted(name, conf, line, _words(conf, *names))
            return
        file = _value(conf, "UpdateLogFile" if daemon is FRESHCLAM else "LogFile")
        to_file = bool(file) and not to_syslog and facility != _FACILITY
        if to_syslog:
            why = f"its lines go to syslog as {facility or 'LOG_LOCAL6'}, not to the mail log"
        elif facility == _FACILITY:
            why = "LogFacility has no effect without LogSyslog yes: nothing goes to the mail log"
        elif to_file:
            why = f"it logs to {file} only: the mail log does not tell what it did"
        else:
            why = "it has no log: neither LogSyslog nor a log file is set"
        yield differs(
            name,
            conf,
            line,
            _words(conf, *names),
            f"LogSyslog yes, LogFacility {_FACILITY}",
            why,
            _with_log,
            verdict="choice" if to_file else "deviates",
            advice="LogFacility alone, as some guides have it, does nothing"
            if not to_syslog
            else "",
        )

    return find


def _with_log(text: str) -> str:
    if CLAMAV.value(text, "LogSyslog").lower() not in _YES:
        text = CLAMAV.with_value(text, "LogSyslog", "yes")
    return CLAMAV.with_value(text, "LogFacility", _FACILITY)


def local_socket(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether clamd listens anywhere."""
    conf = read(ctx.host, CLAMD)
    if conf is None:
        return
    names = ("LocalSocket", "TCPSocket")
    if any(_value(conf, one) for one in names):
        line = _line(conf, "LocalSocket") or _line(conf, "TCPSocket")
        yield as_wanted(name, conf, line, _words(conf, *names))
        return
    place = _own_place(conf, "LocalSocket", ctx.host)
    yield differs(
        name,
        conf,
        0,
        NOT_SET,
        f"LocalSocket {place}",
        "clamd does not start without a socket to listen on",
        lambda text: CLAMAV.with_value(text, "LocalSocket", place),
        severe=True,
    )


def _own_place(conf: Configuration, name: str, host: Host) -> str:
    """Return the socket that the package means: what its commented line names, or its usual one."""
    lines = re.findall(rf"(?m)^#[ \t]?{name}[ \t]+(?:unix:|local:)?(/\S+)[ \t]*\r?$", conf.text)
    named = [place for place in lines if not place.startswith("/tmp/")]  # noqa: S108
    if named:
        return str(named[0])
    root = host.at("/").rstrip("/")
    path = conf.path.removeprefix(root)
    usual = (place for begin, place in _PLACES.items() if path.startswith(begin))
    return root + next(usual, "/run/clamav/clamd.sock")


def notify_clamd(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether freshclam tells this host's clamd of new signatures."""
    conf, clamd = read(ctx.host, FRESHCLAM), read(ctx.host, CLAMD)
    if conf is None or clamd is None:
        return
    found, line = _value(conf, "NotifyClamd"), _line(conf, "NotifyClamd")
    if found and same_place(ctx.host, found, clamd.path):
        yield as_wanted(name, conf, line, found)
        return
    every = _value(clamd, "SelfCheck") or "600"
    late = f"clamd looks for itself every {every} s"
    late = late if every != "0" else "clamd never looks for itself (SelfCheck 0)"
    if not found:
        why = f"clamd is not told of new signatures: {late}"
    elif found.startswith("/"):
        why = f"{found} is not this host's clamd.conf, so clamd is not told: {late}"
    else:
        why = f"{found!r} is no path of a clamd.conf, so clamd is not told: {late}"
    yield differs(
        name,
        conf,
        line,
        f"NotifyClamd {found}" if found else NOT_SET,
        f"NotifyClamd {clamd.path}",
        why,
        lambda text: CLAMAV.with_value(text, "NotifyClamd", clamd.path),
        verdict="choice" if not found and every != "0" else "deviates",
    )


def milter_socket(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether clamav-milter has a socket of its own to listen on."""
    conf = read(ctx.host, CLAMAV_MILTER)
    if conf is None:
        return
    found = _value(conf, "MilterSocket")
    if found:
        yield as_wanted(name, conf, _line(conf, "MilterSocket"), found)
        return
    place = _own_place(conf, "MilterSocket", ctx.host)
    yield differs(
        name,
        conf,
        0,
        NOT_SET,
        f"MilterSocket {place}",
        "clamav-milter does not start without it",
        lambda text: CLAMAV.with_value(text, "MilterSocket", place),
        severe=True,
    )


def milter_socket_mode(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether those who ask clamav-milter can open its socket, and nobody else."""
    conf = read(ctx.host, CLAMAV_MILTER)
    if conf is None or "inet" in _value(conf, "MilterSocket").partition(":")[0]:
        return
    found, line = _value(conf, "MilterSocketMode"), _line(conf, "MilterSocketMode")
    mode = int(found, 8) if re.fullmatch(r"[0-7]{3,4}", found) else 0
    if mode & 0o777 == 0o660:
        yield as_wanted(name, conf, line, found)
        return
    is_open = bool(mode & 0o002)
    if is_open:
        why = "every user of this host can speak to clamav-milter"
    elif found:
        why = f"with mode {found} the group of the socket can't connect: mail goes unscanned"
    else:
        why = "the umask decides, which leaves the group without w: mail goes unscanned"
    yield differs(
        name,
        conf,
        line,
        f"MilterSocketMode {found}" if found else NOT_SET,
        f"MilterSocketMode {_MODE}",
        why,
        lambda text: CLAMAV.with_value(text, "MilterSocketMode", _MODE),
        verdict="choice" if is_open else "deviates",
        advice="who asks it joins the socket's group instead" if is_open else "",
        severe=not is_open,
        also=_clients_join,
    )


def _clients_join(ctx: Context) -> Iterator[Change]:
    """Yield what lets the clients of clamav-milter open a socket that only its group may."""
    conf = read(ctx.host, CLAMAV_MILTER)
    if conf is not None:
        group = _value(conf, "MilterSocketGroup")
        yield from clients_join(ctx.host, conf, _value(conf, "User"), group)


def clamd_socket(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether clamav-milter asks the clamd that listens here."""
    conf, clamd = read(ctx.host, CLAMAV_MILTER), read(ctx.host, CLAMD)
    if conf is None:
        return
    asked = CLAMAV.all_of(conf.text, "ClamdSocket")
    if clamd is None:
        if asked:
            yield as_wanted(name, conf, asked[0].line, asked[0].value)
        return
    place, port = _value(clamd, "LocalSocket"), _value(clamd, "TCPSocket")
    place = place or ("" if port else _own_place(clamd, "LocalSocket", ctx.host))
    wrong = [one for one in asked if not _is_answered(ctx.host, one.value, place, port)]
    if asked and not wrong:
        yield as_wanted(name, conf, asked[0].line, asked[0].value)
        return
    wanted = f"unix:{place}" if place else f"tcp:127.0.0.1:{port}"
    found = wrong[0] if wrong else None
    listens = f"clamd listens on {place or port}"
    why = (
        f"{found.value} is none of this host's clamd, {listens}: mail can't be scanned"
        if found
        else f"clamav-milter does not start without it; {listens}"
    )

    def edit(text: str) -> str:
        if found is None:
            return CLAMAV.with_value(text, "ClamdSocket", wanted)
        for further in reversed(wrong[1:]):
            text = commented_out(text, further.start)
        return CLAMAV.rewritten(text, found, wanted)

    yield differs(
        name,
        conf,
        found.line if found else 0,
        f"ClamdSocket {found.value}" if found else NOT_SET,
        f"ClamdSocket {wanted}",
        why,
        edit,
        advice=f"read in {clamd.path}",
        severe=True,
    )


def _is_answered(host: Host, spec: str, place: str, port: str) -> bool:
    """Return whether *spec* is where this host's clamd listens, or on another host."""
    kind, _, rest = spec.partition(":")
    if kind in {"unix", "local"} or spec.startswith("/"):
        path = spec if spec.startswith("/") else rest
        return bool(place) and real(host, path) == real(host, place)
    if kind != "tcp":
        return False
    name, _, asked = rest.rpartition(":") if rest.count(":") == 1 else (rest, "", "3310")
    if name.strip("[]") not in {"localhost", "127.0.0.1", "::1"}:
        # The line that the package comments out names this host; it is no clamd.
        return name != "scanner.mydomain"
    return asked == port


CHECKS = (
    FoundCheck("clamd.example", "clamd's sample configuration is put in force", example(CLAMD)),
    FoundCheck("clamd.log", "clamd logs to the mail log", log(CLAMD)),
    FoundCheck("clamd.local_socket", "clamd has a socket to listen on", local_socket),
    FoundCheck(
        "freshclam.example", "freshclam's sample configuration is put in force", example(FRESHCLAM)
    ),
    FoundCheck("freshclam.log", "freshclam logs to the mail log", log(FRESHCLAM)),
    FoundCheck("freshclam.notify_clamd", "freshclam tells clamd of new signatures", notify_clamd),
    FoundCheck(
        "clamav-milter.example",
        "clamav-milter's sample configuration is put in force",
        example(CLAMAV_MILTER),
    ),
    FoundCheck("clamav-milter.log", "clamav-milter logs to the mail log", log(CLAMAV_MILTER)),
    FoundCheck(
        "clamav-milter.milter_socket", "clamav-milter has a socket to listen on", milter_socket
    ),
    FoundCheck(
        "clamav-milter.milter_socket_mode",
        "clamav-milter's socket is open to its group",
        milter_socket_mode,
    ),
    FoundCheck("clamav-milter.clamd_socket", "clamav-milter asks this host's clamd", clamd_socket),
)
