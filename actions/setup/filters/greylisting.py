"""The checks of milter-greylist (greylist.conf(5)).

Its access list is read from the top; the first entry that matches counts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.settings import greylist
from actions.setup.filters.daemons import (
    MILTER_GREYLIST,
    NOT_SET,
    Configuration,
    as_wanted,
    differs,
    read,
)
from actions.setup.filters.reach import clients_join, has_manager
from actions.setup.found import FoundCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.action import Context
    from actions.plan import Change
    from actions.settings.greylist import Statement
    from actions.setup.found import Found

_MACRO = 'sm_macro "trusted_domain" "{trusted_domain}" "yes"'
_TRUSTED = (
    'racl whitelist sm_macro "trusted_domain" spf pass',
    'racl greylist sm_macro "trusted_domain" not spf pass',
)

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def socket_mode(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether the group of milter-greylist's socket can connect."""
    conf = read(ctx.host, MILTER_GREYLIST)
    found = greylist.in_force(conf.text, "socket") if conf else None
    where = found.argument(1) if found else ""
    if conf is None or found is None or not where or where.startswith(("inet:", "inet6:")):
        return
    mode, written = found.argument(2), _written(conf, found)
    bits = int(mode, 8) if re.fullmatch(r"[0-7]{3,4}", mode) else 0
    if bits & 0o777 == 0o660:
        yield as_wanted(name, conf, found.line, written)
        return
    is_open = bool(bits & 0o002)
    why = (
        "every user of this host can speak to milter-greylist"
        if is_open
        else "the group of the socket has no w, so only its owner can connect: "
        "mail is not greylisted"
    )
    yield differs(
        name,
        conf,
        found.line,
        written,
        f'socket "{found.argument(1)}" 660',
        why,
        lambda text: greylist.with_value(text, "socket", "660", index=2),
        verdict="choice" if is_open else "deviates",
        severe=not is_open,
        also=_clients_join,
    )


def _clients_join(ctx: Context) -> Iterator[Change]:
    """Yield what lets the clients of milter-greylist open a socket that only its group may."""
    conf = read(ctx.host, MILTER_GREYLIST)
    if conf is not None:
        owner, _, group = greylist.value(conf.text, "user").partition(":")
        yield from clients_join(ctx.host, conf, owner, group)


def timing(
    statement: str, wanted: str, usual: str, why: str
) -> Callable[[Context, str], Iterator[Found]]:
    """Return the look at a statement with one argument.

    Args:
        statement: its name.
        wanted: its argument.
        usual: what holds where it is not there.
        why: what happens with another value.
    """

    def find(ctx: Context, name: str) -> Iterator[Found]:
        conf = read(ctx.host, MILTER_GREYLIST)
        if conf is None:
            return
        found = greylist.in_force(conf.text, statement)
        value = found.argument(1) if found else ""
        if found and _same(value, wanted):
            yield as_wanted(name, conf, found.line, _written(conf, found))
            return
        yield differs(
            name,
            conf,
            found.line if found else 0,
            _written(conf, found) if found else NOT_SET,
            f"{statement} {wanted}",
            f"{why} (now {value or usual})",
            lambda text: greylist.with_value(text, statement, wanted),
            verdict="choice",
        )

    return find


def _same(value: str, wanted: str) -> bool:
    one, other = _seconds(value), _seconds(wanted)
    return value == wanted or (one is not None and one == other)


def _seconds(value: str) -> int | None:
    match = re.fullmatch(r"(\d+)([smhdw]?)", value)
    return int(match[1]) * _UNITS[match[2]] if match else None


def trusted_domain(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether mail that milter-manager trusts, and that passes SPF, is not delayed."""
    conf = read(ctx.host, MILTER_GREYLIST)
    if conf is None or not has_manager(ctx.host):
        return
    found = greylist.statements(conf.text)
    macro = next((at for at, one in enumerate(found) if _is_macro(one)), None)
    passed = next((at for at, one in enumerate(found) if _is_trusted(one, "whitelist")), None)
    delayed = next((at for at, one in enumerate(found) if _is_trusted(one, "greylist")), None)
    default = next((at for at, one in enumerate(found) if _is_default(one)), len(found))
    places = (macro, passed, delayed)
    there = [at for at in places if at is not None]
    line = found[there[0]].line if there else 0
    wanted = f"{_MACRO}, then its two racl lines before racl … default"
    if len(there) == len(places) and macro == min(there) and max(there) < default:
        yield as_wanted(name, conf, line, _written(conf, found[there[0]]))
        return
    if not there:
        why = "mail of trusted domains that passes SPF is delayed like any other"
    elif macro is None:
        why = 'racl lines name the sm_macro "trusted_domain", which is not defined: '
        why += "milter-greylist refuses its configuration"
    elif any(at > default for at in there):
        why = (
            "a line behind racl … default is never reached: trusted mail is delayed like any other"
        )
    elif macro != min(there):
        why = "the sm_macro is defined behind its use: milter-greylist refuses its configuration"
    else:
        why = "without both racl lines trusted mail is delayed, or mail that fails SPF is not"
    yield differs(
        name,
        conf,
        line,
        _written(conf, found[there[0]]) if there else NOT_SET,
        wanted,
        why,
        _with_trusted,
        verdict="deviates" if there else "choice",
        severe=bool(there) and (macro is None or macro != min(there)),
        advice="it takes a milter-greylist with SPF; milter-manager tells the macro",
    )


def _with_trusted(text: str) -> str:
    """Return *text* with the three lines together, before the default."""
    for one in reversed(greylist.statements(text)):
        if _is_macro(one) or _is_trusted(one, "whitelist") or _is_trusted(one, "greylist"):
            text = greylist.without(text, one)
    default = next((one for one in greylist.statements(text) if _is_default(one)), None)
    return greylist.with_statements(text, _MACRO, *_TRUSTED, before=default)


def default_entry(ctx: Context, name: str) -> Iterator[Found]:
    """Look what becomes of mail that no entry of the access list names."""
    conf = read(ctx.host, MILTER_GREYLIST)
    if conf is None:
        return
    found = greylist.statements(conf.text)
    default = next((one for one in found if _is_default(one)), None)
    kind = _action(default) if default else "greylist"
    if default and kind == "greylist":
        yield as_wanted(name, conf, default.line, _written(conf, default))
        return
    delayed = any(_action(one) == "greylist" for one in found if one.name in greylist.ACCESS_LISTS)
    if default is None:
        why = "nothing says what becomes of mail that no entry names"
    elif delayed:
        why = f"only what an entry names is greylisted, all other mail is not ({kind} default)"
    else:
        why = "no mail is ever greylisted: no entry says greylist, and the default does not"
    yield differs(
        name,
        conf,
        default.line if default else 0,
        _written(conf, default) if default else NOT_SET,
        "racl greylist default",
        why,
        _with_default,
        verdict="deviates" if default and not delayed else "choice",
        advice="behind milter-manager only suspect clients come here (S25R), so all of them may "
        "be greylisted",
    )


def _with_default(text: str) -> str:
    default = next((one for one in greylist.statements(text) if _is_default(one)), None)
    if default is None:
        return greylist.with_statements(text, "racl greylist default", before=None)
    word = next(one for one in default.words if one.text.lower() in _ACTIONS)
    return text[: word.start] + "greylist" + text[word.end :]


_ACTIONS = ("whitelist", "greylist", "blacklist", "continue")


def _action(statement: Statement) -> str:
    """Return what an entry does: its first word that is an action, past an id in quotes."""
    return next((one.lower() for one in statement.texts[1:3] if one.lower() in _ACTIONS), "")


def _is_default(statement: Statement) -> bool:
    """Return whether an entry of the recipients' list is for all the rest."""
    words = [one.lower() for one in statement.texts[1:4]]
    return statement.name in {"racl", "acl"} and "default" in words


def _is_macro(statement: Statement) -> bool:
    return statement.name == "sm_macro" and statement.argument(1) == "trusted_domain"


def _is_trusted(statement: Statement, action: str) -> bool:
    texts = statement.texts
    names = "trusted_domain" in texts and "sm_macro" in texts[1:]
    return statement.name in {"racl", "acl"} and names and _action(statement) == action


def _written(conf: Configuration, statement: Statement) -> str:
    """Return *statement* as written, on one line."""
    text = conf.text[statement.words[0].start : statement.words[-1].end]
    return " ".join(text.split())


CHECKS = (
    FoundCheck(
        "milter-greylist.socket_mode", "milter-greylist's socket is open to its group", socket_mode
    ),
    FoundCheck(
        "milter-greylist.subnetmatch",
        "senders with several hosts count as one",
        timing(
            "subnetmatch",
            "/24",
            "/32",
            "a sender whose hosts take turns is delayed by each of them anew",
        ),
    ),
    FoundCheck(
        "milter-greylist.greylist",
        "unknown senders wait for 10 minutes",
        timing("greylist", "10m", "30m", "good mail of unknown senders comes later than it need"),
    ),
    FoundCheck(
        "milter-greylist.autowhite",
        "who came through once is known for a week",
        timing("autowhite", "1w", "1d", "who writes less often than that is delayed each time"),
    ),
    FoundCheck(
        "milter-greylist.trusted_domain", "trusted domains are not greylisted", trusted_domain
    ),
    FoundCheck("milter-greylist.default", "what no entry names is greylisted", default_entry),
)
