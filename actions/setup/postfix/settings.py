"""Postfix's settings for milters that should have a certain value, one check each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.main_cf import entry_of
from actions.mailhost.specs import Refused, checked_action, checked_protocol
from actions.mailhost.values import items
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck
from actions.setup.postfix.files import MAIN, path_of, places, set_to, text_of
from actions.setup.postfix.listed import listed, own_setting, own_setting_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.action import Context
    from actions.plan import Change
    from actions.setup.postfix.files import Place

    Mend = Callable[[Context], tuple[Change, ...]]

_BOTH = ("smtpd", "cleanup")

_LATER = "tempfail has clients try again later: mail waits with its sender"

_ACTIONS = {
    "accept": "while a milter is down or hangs, mail passes unfiltered, and only the log says so",
    "reject": "while a milter is down, mail is refused for good and goes back to its sender",
    "quarantine": "while a milter is down, mail comes in unfiltered and waits in the hold queue",
    "shutdown": "while a milter is down, clients are answered 4.x.x and disconnected",
}
"""By value: what it means, and what to think of (milter_default_action, postconf(5))."""

_AUTH = ("{auth_author}", "{auth_type}", "{auth_authen}")

_LEVEL = "3.6"
"""The level of Debian's own main.cf and of Postfix's, by which "-" means no chroot."""


def _protocol(ctx: Context, name: str) -> Iterator[Found]:
    for place in places(ctx, "milter_protocol", _BOTH):
        mend = partial(set_to, place=place, value="6")
        yield _protocol_of(name, place, place.value, mend, place.about)
    for one in listed(ctx):
        if value := own_setting(one, "protocol"):
            mend = partial(own_setting_to, one=one, name="protocol", value="6")
            yield _protocol_of(name, one.place._replace(line=one.line), value, mend, one.about)


def _protocol_of(name: str, place: Place, value: str, mend: Mend, about: str) -> Found:
    result = Result(name, "as wanted", place.file, place.line, value, "6", about=about)
    try:
        if checked_protocol(value) == 6:
            return Found(result)
        refused = ""
    except Refused as error:
        refused = f"Postfix refuses it ({error}): {error.effect}"
    why = refused or (
        f'with version {value} a milter that needs more ends the session ("does not fulfill '
        'action requirements"), or does without: later versions tell it more'
    )
    return Found(result._replace(verdict="deviates", why=why, severe=bool(refused)), mend)


def _default_action(ctx: Context, name: str) -> Iterator[Found]:
    version = _version(ctx)
    fine = {"tempfail", ctx.host.postfix.default("milter_default_action")}
    for place in places(ctx, "milter_default_action", _BOTH):
        result = Result(name, "as wanted", place.file, place.line, place.value, "tempfail")
        result = result._replace(about=place.about)
        yield _action_of(result, version, fine, partial(set_to, place=place, value="tempfail"))
    for one in listed(ctx):
        if value := own_setting(one, "default_action"):
            result = Result(name, "as wanted", one.place.file, one.line, value, "tempfail")
            result = result._replace(about=one.about)
            mend = partial(own_setting_to, one=one, name="default_action", value="tempfail")
            yield _action_of(result, version, fine, mend)


def _action_of(result: Result, version: tuple[int, ...], fine: set[str], mend: Mend) -> Found:
    try:
        action = checked_action(result.found, version)
    except Refused as error:
        why = f"Postfix refuses it ({error}): {error.effect}"
        return Found(result._replace(verdict="deviates", why=why, severe=True), mend)
    if action in fine:
        return Found(result._replace(wanted=action))
    advice = f"{_LATER}. Keep {action} only where that is meant"
    return Found(result._replace(verdict="choice", why=_ACTIONS[action], advice=advice), mend)


def _mail_macros(ctx: Context, name: str) -> Iterator[Found]:
    usual = items(ctx.host.postfix.default("milter_mail_macros"))
    for place in places(ctx, "milter_mail_macros", _BOTH):
        given = items(place.value)
        known = {word.strip("{}") for word in given}
        wanted = (*usual, *(word for word in _AUTH if word not in usual))
        missing = [word for word in wanted if word.strip("{}") not in known]
        value = " ".join((*given, *missing))
        result = Result(name, "as wanted", place.file, place.line, " ".join(given), value)
        if not missing:
            yield Found(result)
            continue
        login = [word for word in missing if word in _AUTH]
        why = f"milters are not told {' '.join(missing)} with the sender"
        if login:
            why += ": they take clients that have logged in for strangers"
        advice = (
            ""
            if login
            else "the setting stands in place of Postfix's own list, which has the "
            "macros of a login too: without the line, milters are told all of them"
        )
        result = result._replace(verdict="deviates", why=why, advice=advice, about=place.about)
        yield Found(result, partial(set_to, place=place, value=value))


def _level(ctx: Context, name: str) -> Iterator[Found]:
    try:
        level = ctx.host.postfix.setting("compatibility_level")
    except HostError:  # before Postfix 3.0
        return
    entry = entry_of(text_of(ctx, MAIN), "compatibility_level")
    line = entry.where.line if entry else 0
    result = Result(name, "as wanted", path_of(ctx, MAIN), line, level, _LEVEL)
    if entry is not None:
        yield Found(result._replace(wanted=level))
        return
    version = _version(ctx)
    wanted = _LEVEL if not version or version >= (3, 6) else "2"
    result = result._replace(
        verdict="choice",
        found="not set",
        wanted=wanted,
        why="Postfix keeps old values for what main.cf leaves out: a service with - in the "
        "column chroot of master.cf is chrooted, and sees no socket outside the queue folder",
        advice="setting it gives some settings another value at once: look in the log for "
        '"using backwards-compatible default setting" first (COMPATIBILITY_README)',
    )
    for place in places(ctx, "compatibility_level"):
        if place.service is None:
            yield Found(result, partial(set_to, place=place, value=wanted))


def _version(ctx: Context) -> tuple[int, ...]:
    """Return Postfix's version as numbers; none where it can't be told."""
    try:
        text = ctx.host.postfix.setting("mail_version")
    except HostError:
        return ()
    numbers = text.partition("-")[0].split(".")
    return tuple(map(int, numbers)) if all(part.isdigit() for part in numbers) else ()


CHECKS = (
    FoundCheck("postfix.milter_protocol", "Postfix speaks version 6 to its milters", _protocol),
    FoundCheck(
        "postfix.milter_default_action",
        "mail waits while a milter is down",
        _default_action,
    ),
    FoundCheck(
        "postfix.milter_mail_macros",
        "milters are told who has logged in, and all that Postfix tells by itself",
        _mail_macros,
    ),
    FoundCheck("postfix.compatibility_level", "Postfix's defaults are chosen", _level),
)
