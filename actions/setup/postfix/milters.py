"""The lists of milters: what Postfix refuses, what is asked twice, and what nobody asks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.mailhost.chain import read_settings
from actions.mailhost.meant import meant
from actions.mailhost.values import spec_in
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck
from actions.setup.looking import looking
from actions.setup.postfix.files import (
    MASTER,
    line_in_master,
    path_of,
    places,
    set_to,
    taken_away,
)
from actions.setup.postfix.listed import exchanged, is_off, listed, lists, smtpds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.endpoint import Endpoint
    from actions.setup.postfix.listed import Listed

_NO_PLAN = "what is meant can't be told from here: write unix:PATH or inet:HOST:PORT"

_READ_BY_CLEANUP = ("non_smtpd_milters", "milter_header_checks")
"""What smtpd does not read (cleanup(8))."""


def _syntax(ctx: Context, name: str) -> Iterator[Found]:
    for one in listed(ctx):
        if not one.refusal:
            yield Found(Result(name, "as wanted", one.place.file, one.line, one.item))
            continue
        better = _corrected(ctx, one)
        result = Result(
            name,
            "deviates",
            one.place.file,
            one.line,
            one.item,
            better,
            f"Postfix refuses it: {one.refusal}",
            _length(one.item),
            "" if better else _NO_PLAN,
            severe=True,
            about=one.about,
        )
        mend = partial(exchanged, one=one, item=better) if better else None
        yield Found(result, mend)
    yield from _refused_settings(ctx, name)


def _length(item: str) -> str:
    return "a shorter path, such as one below /run, mends it" if "too long" in item else ""


def _refused_settings(ctx: Context, name: str) -> Iterator[Found]:
    """Yield the times and macros for all milters that Postfix refuses; others have a check."""
    seen = set()
    for _, _, reading in lists(ctx):
        for refusal in reading.refusals:
            setting, _, value = refusal.setting.partition(" = ")
            if not setting.endswith("_timeout") or setting in seen:
                continue
            seen.add(setting)
            usual = ctx.host.postfix.default(setting)
            why = f"Postfix refuses it: {refusal.reason}; {refusal.effect}"
            for place in places(ctx, setting, ("smtpd", "cleanup")):
                if place.value == value:
                    found = f"{setting} = {value}"
                    result = Result(name, "deviates", place.file, place.line, found, usual, why)
                    mend = partial(set_to, place=place, value=usual)
                    about = f"{place.about}:{setting}" if place.about else setting
                    yield Found(result._replace(severe=True, about=about), mend)


def _corrected(ctx: Context, one: Listed) -> str:
    """Return the item as it may be meant, where Postfix takes that; empty where it does not."""
    spec = spec_in(one.item)
    guess = meant(spec)
    if not guess:
        return ""
    item = one.item.replace(spec, guess, 1)
    get = ctx.host.postfix.setting_of

    def with_it(setting: str) -> str:
        return item if setting == one.place.setting else get(one.service, setting)

    taken = read_settings(with_it, setting=one.place.setting, chroot=one.service.chroot)
    return item if taken.chain.links else ""


def _twice(ctx: Context, name: str) -> Iterator[Found]:
    asked = [one for one in listed(ctx) if one.endpoint]
    for at, one in enumerate(asked):
        same = [two for two in asked[:at] if two.place == one.place and _same(one, two.endpoint)]
        if same:
            why = "every message goes through it twice"
            result = Result(
                name, "deviates", one.place.file, one.line, one.item, "listed once", why
            )
            yield Found(result._replace(about=one.about), partial(exchanged, one=one, item=""))
    yield from _children(ctx, name, asked)


def _children(ctx: Context, name: str, asked: list[Listed]) -> Iterator[Found]:
    chains = looking(ctx).discovery().chains
    managers = {manager.milter: manager for chain in chains for manager in chain.managers}
    sockets = {
        link.endpoint: managers[link.name]
        for chain in chains
        for link in chain.chain.links
        if link.name in managers
    }
    for one in asked:
        others = [
            manager
            for two in asked
            if two.place == one.place and two is not one
            for socket, manager in sockets.items()
            if _same(two, socket)
        ]
        for manager in others:
            if manager.trouble and not manager.children:
                why = f"the milters behind {manager.milter} are not known: {manager.trouble}"
                yield Found(Result(name, "unknown", one.place.file, one.line, one.item, why=why))
            for child in manager.children:
                if child.enabled and _same(one, child.link.endpoint):
                    why = (
                        f"{manager.milter} asks {child.link.name} already: what Postfix asks too "
                        "is asked twice for each message, and never by the manager's conditions"
                    )
                    wanted = f"not listed: it is used through {manager.milter}"
                    result = Result(
                        name, "deviates", one.place.file, one.line, one.item, wanted, why
                    )
                    result = result._replace(about=one.about)
                    yield Found(result, partial(exchanged, one=one, item=""))


def _same(one: Listed, endpoint: Endpoint | None) -> bool:
    return bool(one.endpoint and endpoint and one.endpoint.socket == endpoint.socket)


def _overrides(ctx: Context, name: str) -> Iterator[Found]:
    usual = ctx.host.postfix.setting("smtpd_milters").strip()
    for service in smtpds(ctx):
        own = dict(service.overrides)
        off = is_off(ctx, service) and "receive_override_options" in own
        if not off and "smtpd_milters" not in own:
            continue
        setting = "receive_override_options" if off else "smtpd_milters"
        line = line_in_master(ctx, service, setting)
        value = ctx.host.postfix.setting_of(service, setting).strip()
        result = Result(
            name, "as wanted", path_of(ctx, MASTER), line, f"{service.name}: {setting}={value}"
        )
        if not usual or (value == usual and not off) or _is_inside(service.name):
            yield Found(result)
            continue
        none = off or not value
        result = result._replace(
            verdict="choice",
            wanted=f"{service.name}: as main.cf has it",
            why="mail that comes in here is seen by no milter, unlike other mail"
            if none
            else "mail that comes in here goes through other milters than main.cf names",
            advice="it may be meant, such as for mail that another filter hands back",
        )
        yield Found(result, partial(taken_away, service=service, setting=setting))


def _is_inside(name: str) -> bool:
    """Return whether only programs of this host can hand mail in here."""
    return name.startswith(("127.", "localhost:", "[::1]:", "::1:"))


def _useless(ctx: Context, name: str) -> Iterator[Found]:
    for service in smtpds(ctx):
        for setting, value in service.overrides:
            if setting in _READ_BY_CLEANUP:
                result = Result(
                    name,
                    "deviates",
                    path_of(ctx, MASTER),
                    line_in_master(ctx, service, setting),
                    f"{service.name}: -o {setting}={value}",
                    "not set here",
                    f"cleanup reads {setting}, smtpd does not: it does nothing here",
                    "where it is to count, give it to the service cleanup",
                    about=f"{service.name}/{service.kind}:{setting}",
                )
                yield Found(result, partial(taken_away, service=service, setting=setting))


def _non_smtpd(ctx: Context, name: str) -> Iterator[Found]:
    try:
        inbound = ctx.host.postfix.setting("smtpd_milters").strip()
    except HostError:
        return
    if not inbound:
        return
    for place in places(ctx, "non_smtpd_milters", ("cleanup",)):
        result = Result(name, "as wanted", place.file, place.line, place.value)
        if place.value.strip():
            yield Found(result)
            continue
        yield Found(
            result._replace(
                verdict="choice",
                found="empty",
                why="mail that this host's own programs hand in (sendmail, cron, some web mail) "
                "is seen by no milter: it is not signed, and not filtered",
                advice="a signer (opendkim) belongs here; a filter may refuse mail of the host's "
                "own that nobody takes back",
                unfixable="name the milters that should see it in non_smtpd_milters",
            )
        )


CHECKS = (
    FoundCheck("postfix.milter_syntax", "Postfix takes every milter as it is written", _syntax),
    FoundCheck("postfix.milter_twice", "no milter is asked twice", _twice),
    FoundCheck("postfix.milter_overrides", "every way in has the same milters", _overrides),
    FoundCheck("postfix.useless_overrides", "settings stand where they are read", _useless),
    FoundCheck("postfix.non_smtpd_milters", "local mail has its milters", _non_smtpd),
)
