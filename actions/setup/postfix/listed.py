"""The milters as Postfix's settings list them: each item, where it stands, and for whom."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from actions.host.main_cf import entry_of
from actions.mailhost.chain import read_settings
from actions.mailhost.discovery import running
from actions.mailhost.values import items
from actions.record import Record
from actions.setup.postfix.files import MAIN, places, text_of, with_item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.endpoint import Endpoint
    from actions.host.ports import PostfixService
    from actions.mailhost.chain import Reading
    from actions.plan import Change
    from actions.setup.postfix.files import Place

ASKED_BY = (("smtpd_milters", "smtpd"), ("non_smtpd_milters", "cleanup"))
"""Each list of milters, and the program that asks them."""


class Listed(Record):
    """One item of a list of milters."""

    item: str
    """Expanded, with its braces where it has any."""
    place: Place
    line: int
    """Where the item itself stands."""
    service: PostfixService
    """A service that reads it: chrooted where any of them is."""
    reading: Reading
    """What Postfix makes of the whole list in that service."""
    endpoint: Endpoint | None
    """Where it is, seen from outside any chroot; None where Postfix refuses it."""
    refusal: str = ""
    """In Postfix's words, with what follows from it."""

    @property
    def about(self) -> str:
        """What tells it from the other items that are in force."""
        return f"{self.place.about}:{self.item}" if self.place.about else self.item


def lists(ctx: Context) -> Iterator[tuple[Place, PostfixService, Reading]]:
    """Yield each list of milters that is in force, with a service that reads it.

    Raises:
        HostError: Postfix's settings can't be read.
    """
    for setting, program in ASKED_BY:
        for place in places(ctx, setting, (program,)):
            readers = [one for one in place.services if not is_off(ctx, one)]
            if not readers:
                continue
            service = next((one for one in readers if one.chroot), readers[0])
            get = partial(ctx.host.postfix.setting_of, service)
            reading = read_settings(get, setting=setting, chroot=service.chroot)
            yield place, service, reading


def listed(ctx: Context) -> Iterator[Listed]:
    """Yield every item of every list that is in force; raises `HostError`."""
    for place, service, reading in lists(ctx):
        refused = {one.item: one for one in reading.refusals if one.item}
        links = iter(reading.chain.links)
        for item in items(ctx.host.postfix.setting_of(service, place.setting)):
            line = _line_of(ctx, place, item)
            if item in refused:
                one = refused[item]
                told = f"{one.reason}; {one.effect}"
                yield Listed(item, place, line, service, reading, None, told)
            else:
                yield Listed(item, place, line, service, reading, next(links).endpoint)


def is_off(ctx: Context, service: PostfixService) -> bool:
    """Return whether *service* asks no milter whatever is listed."""
    options = ctx.host.postfix.setting_of(service, "receive_override_options")
    return "no_milters" in items(options)


def chrooted(ctx: Context, one: Listed) -> tuple[PostfixService, ...]:
    """Return the services that read *one* below the queue directory."""
    return tuple(s for s in one.place.services if s.chroot and not is_off(ctx, s))


def exchanged(ctx: Context, one: Listed, item: str) -> tuple[Change, ...]:
    """Return the changes that put *item* in the place of *one*, or take it out where empty."""
    return with_item(ctx, one.place, one.item, item)


def own_setting(one: Listed, name: str) -> str:
    """Return what the braces of *one* set *name* to; empty where they do not."""
    found = _braced(name).search(one.item) if one.item.startswith("{") else None
    return found["value"] if found else ""


def own_setting_to(ctx: Context, one: Listed, name: str, value: str) -> tuple[Change, ...]:
    """Return the changes that give *name* in the braces of *one* another *value*."""
    item = _braced(name).sub(lambda found: f"{found['head']}{value}", one.item, count=1)
    return exchanged(ctx, one, item)


def _braced(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<head>[\s,{{]{re.escape(name)}\s*=\s*)(?P<value>[^\s,}}]+)")


def _line_of(ctx: Context, place: Place, item: str) -> int:
    if place.service is not None or not place.written:
        return place.line
    entry = entry_of(text_of(ctx, MAIN), place.setting)
    return entry.where.line_of(item) if entry else place.line


def smtpds(ctx: Context) -> list[PostfixService]:
    """Return the smtpds of master.cf; raises `HostError`."""
    return running(ctx.host.postfix.services(), "smtpd")
