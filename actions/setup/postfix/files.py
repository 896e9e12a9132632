"""Where a setting of Postfix is in force, and the edits that change it there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.changes import FileEdit, UnitOperation
from actions.host.errors import HostError
from actions.host.main_cf import entry_of, override_line, service_line
from actions.mailhost.discovery import running
from actions.mailhost.values import items
from actions.record import Record
from actions.setup.looking import looking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.action import Context
    from actions.host.ports import PostfixEdit, PostfixFile, PostfixService
    from actions.plan import Change

MAIN: PostfixFile = "main.cf"
MASTER: PostfixFile = "master.cf"
NO_RELOAD = "taken up by: postfix reload"


class Place(Record):
    """Where a setting is in force: main.cf, or the ``-o`` of a service in master.cf."""

    setting: str
    value: str
    """Expanded."""
    file: str
    line: int
    """0 where it is not written, and Postfix's own value counts."""
    service: PostfixService | None
    services: tuple[PostfixService, ...]
    """Every service in which this value counts, as far as they were asked for."""

    @property
    def about(self) -> str:
        """What tells it from the setting's other places: the service, or nothing for main.cf."""
        return _path(self.service) if self.service else ""

    @property
    def written(self) -> bool:
        """Whether it stands in the file."""
        return self.line > 0


def path_of(ctx: Context, name: PostfixFile) -> str:
    """Return the path of main.cf or master.cf, without links; raises `HostError`."""
    return ctx.host.files.resolve(os.path.join(ctx.host.postfix.folder(), name))


def text_of(ctx: Context, name: PostfixFile) -> str:
    """Return what stands in main.cf or master.cf; raises `HostError`."""
    return looking(ctx).text(path_of(ctx, name))


def places(ctx: Context, setting: str, programs: Sequence[str] = ("smtpd",)) -> Iterator[Place]:
    """Yield where *setting* is in force for the services that run one of *programs*.

    Raises:
        HostError: Postfix can't be asked, or has no such setting.
    """
    postfix = ctx.host.postfix
    services = [one for program in programs for one in running(postfix.services(), program)]
    own = [one for one in services if setting in dict(one.overrides)]
    others = tuple(one for one in services if one not in own)
    if others or not services:
        entry = entry_of(text_of(ctx, MAIN), setting)
        line = entry.where.line if entry else 0
        value = postfix.setting(setting)
        yield Place(setting, value, path_of(ctx, MAIN), line, None, others)
    for service in own:
        line = line_in_master(ctx, service, setting)
        value = postfix.setting_of(service, setting)
        yield Place(setting, value, path_of(ctx, MASTER), line, service, (service,))


def line_in_master(ctx: Context, service: PostfixService, setting: str = "") -> int:
    """Return the line of *service*, or of its ``-o`` for *setting*; 0 where it is not found."""
    where = service_line(text_of(ctx, MASTER), service.name, service.kind)
    if where is None:
        return 0
    return override_line(where, setting) if setting else where.line


def set_to(ctx: Context, place: Place, value: str) -> tuple[Change, ...]:
    """Return the changes that give the setting of *place* another *value* there."""
    if place.service is None:
        return edited(ctx, "-e", f"{place.setting}={value}")
    # In master.cf postconf takes no blanks; a list may have commas in their place.
    return edited(ctx, "-P", f"{_path(place.service)}/{place.setting}={','.join(items(value))}")


def with_item(
    ctx: Context, place: Place, item: str, other: str, instead: str = ""
) -> tuple[Change, ...]:
    """Return the changes that put *other* in the place of *item* in a list.

    Args:
        ctx: the host.
        place: where the list is in force.
        item: as Postfix reads it.
        other: what it becomes; empty to take it out, the last where it is there twice.
        instead: the list where nothing is left of it.

    Raises:
        HostError: the list is written by another setting's name (``$name``).
    """
    written = _written(ctx, place)
    given = list(items(written))
    if item not in given:
        raise HostError(
            f"{place.file}: {place.setting} = {written} has no {item} written out; "
            "edit the setting that it refers to"
        )
    at = given.index(item) if other else len(given) - 1 - given[::-1].index(item)
    given[at : at + 1] = [other] if other else []
    return set_to(ctx, place, ", ".join(given) or instead)


def with_more(ctx: Context, place: Place, item: str, *, first: bool) -> tuple[Change, ...]:
    """Return the changes that put *item* into a list, as its *first* or its last."""
    given = items(_written(ctx, place))
    return set_to(ctx, place, ", ".join((item, *given) if first else (*given, item)))


def _written(ctx: Context, place: Place) -> str:
    """Return a setting as it is written, with what the plan has changed so far."""
    from actions.host.master import read_master

    kept = ctx.host.files.keep(place.file)
    text = kept.content.decode("utf-8", "surrogateescape") if kept else ""
    if place.service is None:
        entry = entry_of(text, place.setting)
        return entry.value if entry else ""
    where = service_line(text, place.service.name, place.service.kind)
    if where is None:
        return ""
    (service,) = read_master(where.text, chroot=True)
    return dict(service.overrides).get(place.setting, "")


def taken_away(ctx: Context, service: PostfixService, setting: str) -> tuple[Change, ...]:
    """Return the changes that take the ``-o`` for *setting* from *service*."""
    return edited(ctx, "-PX", f"{_path(service)}/{setting}")


def with_field(ctx: Context, service: PostfixService, field: str, value: str) -> tuple[Change, ...]:
    """Return the changes that set a column of *service*, such as "chroot"."""
    return edited(ctx, "-F", f"{_path(service)}/{field}={value}")


def edited(ctx: Context, edit: PostfixEdit, argument: str) -> tuple[Change, ...]:
    """Return an edit of Postfix's own as a change, and the reload; raises `HostError`.

    Postfix's tool works on a copy, so that the plan holds the bytes before and after.
    """
    paths = {name: path_of(ctx, name) for name in (MAIN, MASTER)}
    kept = {name: ctx.host.files.keep(path) for name, path in paths.items()}
    contents = {name: one.content for name, one in kept.items() if one is not None}
    name = MAIN if edit in {"-e", "-#"} else MASTER
    before = kept[name]
    if before is None:
        raise HostError(f"{paths[name]} does not exist")
    content = ctx.host.postfix.edited(contents, edit, argument)
    return with_content(ctx, paths[name], content)


def with_content(ctx: Context, path: str, content: bytes) -> tuple[Change, ...]:
    """Return the change that gives a file of Postfix's *content*, and the reload."""
    reload = reloaded(ctx)
    note = "" if reload else NO_RELOAD
    return (FileEdit.planned(ctx.host, path, content, note=note), *reload)


def reloaded(ctx: Context) -> tuple[UnitOperation, ...]:
    """Return Postfix's reload, where it runs under a service manager."""
    unit = UnitOperation.planned(ctx.host, "reload", "postfix.service")
    return (unit,) if unit.activity in {"active", "changing"} else ()


def _path(service: PostfixService) -> str:
    return f"{service.name}/{service.kind}"
