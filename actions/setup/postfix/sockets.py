"""Milters as Postfix finds them: what a chrooted service can't see, and who listens elsewhere."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from actions.host.endpoint import same_socket
from actions.mailhost.chain import milter_name
from actions.mailhost.values import spec_in
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck
from actions.setup.looking import looking
from actions.setup.postfix.files import with_field
from actions.setup.postfix.listed import chrooted, exchanged, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.ports import PostfixService
    from actions.mailhost.service import Listener
    from actions.plan import Change
    from actions.setup.postfix.files import Place
    from actions.setup.postfix.listed import Listed


def _paths(ctx: Context, name: str) -> Iterator[Found]:
    queue = ctx.host.postfix.setting("queue_directory").rstrip("/")
    outside: dict[Place, list[Listed]] = {}
    for one in listed(ctx):
        path = _absolute(one)
        if not path or not chrooted(ctx, one):
            continue
        inside = path.startswith(f"{queue}/")
        if _is_there(ctx, queue + path) or not (inside or _is_made(ctx, path)):
            yield Found(Result(name, "as wanted", one.place.file, one.line, one.item))
        elif inside:
            yield _unseen_inside(ctx, name, one, queue)
        else:
            outside.setdefault(one.place, []).append(one)
    for found in outside.values():
        yield _unseen(ctx, name, found, queue)


def _unseen_inside(ctx: Context, name: str, one: Listed, queue: str) -> Found:
    """Return that a socket below the queue directory is written with the whole path."""
    path = _absolute(one)
    item = one.item.replace(spec_in(one.item), f"unix:{path.removeprefix(queue + '/')}", 1)
    result = Result(
        name,
        "deviates",
        one.place.file,
        one.line,
        one.item,
        item,
        f"{_named(chrooted(ctx, one))} is chrooted to {queue} and looks for {queue}{path}: no "
        "such file, so the milter is never asked",
        "the relative path is right chrooted or not",
        severe=True,
        about=one.about,
    )
    return Found(result, partial(exchanged, one=one, item=item))


def _unseen(ctx: Context, name: str, found: list[Listed], queue: str) -> Found:
    """Return that sockets of one list are outside the chroot."""
    first, services = found[0], chrooted(ctx, found[0])
    result = Result(
        name,
        "deviates",
        first.place.file,
        first.line,
        ", ".join(one.item for one in found),
        f"chroot n for {_named(services)}",
        f"{_named(services)} is chrooted to {queue} and looks for {queue}{_absolute(first)}: no "
        f"such file, so {'these milters are' if found[1:] else 'the milter is'} never asked",
        "Postfix's own master.cf has n. To keep the chroot, let each daemon make its socket "
        f"below {queue} and name it by a path relative to that",
        severe=True,
        about=first.place.about,
    )
    return Found(result, partial(_without_chroot, services=services))


def _named(services: tuple[PostfixService, ...]) -> str:
    return ", ".join(f"{service.name}/{service.kind}" for service in services)


def _without_chroot(ctx: Context, services: tuple[PostfixService, ...]) -> tuple[Change, ...]:
    changes: list[Change] = []
    for service in services:
        made = with_field(ctx, service, "chroot", "n")
        looking(ctx).pending.plan(made)
        changes += made
    return tuple(changes)


def _is_made(ctx: Context, path: str) -> bool:
    """Return whether a socket is at *path* outside the chroot, or a daemon here makes it."""
    if _is_there(ctx, path):
        return True
    return any(same_socket(one.spec, f"unix:{path}") for one in _listeners(ctx))


def _localhost(ctx: Context, name: str) -> Iterator[Found]:
    queue = ctx.host.postfix.setting("queue_directory").rstrip("/")
    for one in listed(ctx):
        spec = spec_in(one.item)
        host, _, port = spec.removeprefix("inet:").rpartition(":")
        if not spec.startswith("inet:") or one.endpoint is None or not chrooted(ctx, one):
            continue
        missing = []
        if host in {"localhost", ""} and not os.path.exists(f"{queue}/etc/hosts"):
            missing.append("etc/hosts")
        if not port.isdigit() and not os.path.exists(f"{queue}/etc/services"):
            missing.append("etc/services")
        result = Result(name, "as wanted", one.place.file, one.line, one.item)
        if not missing:
            yield Found(result)
            continue
        item = one.item.replace(spec, f"inet:127.0.0.1:{one.endpoint.port}", 1)
        files = " and ".join(f"{queue}/{file}" for file in missing)
        result = result._replace(
            verdict="deviates",
            wanted=item,
            why=f"{one.service.name} is chrooted, and {files} does not exist there: the name "
            "is not found, so the milter is never asked",
            severe=True,
            about=one.about,
        )
        yield Found(result, partial(exchanged, one=one, item=item))


def _elsewhere(ctx: Context, name: str) -> Iterator[Found]:
    """Yield milters that Postfix looks for in one place and that listen in another."""
    milters = [s for s in looking(ctx).mail_services() if s.role in {"milter", "milter manager"}]
    for one in listed(ctx):
        if one.endpoint is None or one.endpoint.family != "unix":
            continue
        result = Result(name, "as wanted", one.place.file, one.line, one.item)
        called = milter_name(one.endpoint)
        own = [
            socket
            for service in milters
            if service.name == called
            for socket in service.listeners
            if _is_its_own(socket) and not same_socket(socket.spec, one.endpoint.spec)
        ]
        if not own or _is_there(ctx, one.endpoint.place):
            yield Found(result)
            continue
        if _absolute(one) and chrooted(ctx, one):
            continue  # That has a check of its own.
        item = one.item.replace(spec_in(one.item), own[0].spec, 1)
        told = f" ({own[0].source})" if own[0].source else ""
        result = result._replace(
            verdict="deviates",
            wanted=item,
            why=f"{called} listens on {own[0].spec}{told}: Postfix finds nobody where it looks",
            severe=True,
            about=one.about,
        )
        yield Found(result, partial(exchanged, one=one, item=item))


def _is_there(ctx: Context, path: str) -> bool:
    """Return whether something stands at *path*; raises `HostError` where that can't be seen."""
    return ctx.host.files.state(path).kind != "absent"


def _listeners(ctx: Context) -> Iterator[Listener]:
    for service in looking(ctx).mail_services():
        yield from (one for one in service.listeners if _is_its_own(one))


def _is_its_own(socket: Listener) -> bool:
    """Return whether a milter's own configuration names *socket*, and not only Postfix's."""
    return socket.speech == "milter" and not socket.source.endswith("_milters")


def _absolute(one: Listed) -> str:
    """Return the absolute path that *one* is written with; empty where it is none."""
    transport, _, path = spec_in(one.item).partition(":")
    return path if transport in {"unix", "local"} and path.startswith("/") else ""


CHECKS = (
    FoundCheck("postfix.milter_chroot", "a chrooted smtpd can see its milters' sockets", _paths),
    FoundCheck(
        "postfix.milter_localhost", "a chrooted smtpd can look up its milters' names", _localhost
    ),
    FoundCheck("postfix.milter_place", "Postfix looks where its milters listen", _elsewhere),
)
