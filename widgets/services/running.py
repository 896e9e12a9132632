"""The services of this host as a list: how each is, and what can be done with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content

from actions.amounts import amount, short
from actions.finding import Health
from actions.services.compare import compare
from widgets.ink import SIGN_TONES, joined, said, signed, took
from widgets.lines import Row
from widgets.services.sheet import Act, Item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions.finding import Remedy
    from actions.mailhost.service import Look, ServiceStatus
    from actions.services.report import ServicesReport

NAME_WIDTH = 18
ROLE_WIDTH = 15

LATELY = 600.0
"""Seconds for which a change is told."""

_START = ("start", "Start", "run it, and prove that it answers")
_WHILE_IT_RUNS = (
    ("restart", "Restart", "stop and start it, its configuration checked first"),
    ("reload", "Reload", "take up its configuration while it runs, checked first"),
    ("stop", "Stop", "the plan says what that means for mail"),
)
_ENABLE = ("enable", "Enable", "start it at boot")
_DISABLE = ("disable", "Disable", "start it at boot no more")
_DROP = ("drop", "Drop from the chain", "ask it no more, then stop and disable it")
_TAKE = ("take", "Take into the chain", "start it, enable it, and let it be asked")


class Running:
    """The services."""

    title = "services"
    action = "services.status"
    words = (
        ("● ok", "it runs, answers whoever asks it, and so does what it needs"),
        ("◐ degraded", "it works, but something it needs does not, or will not for long"),
        ("✗ down", "it does not run, or does not answer"),
        ("? unknown", "it could not be seen; root sees more"),
        ("– off", "it is off on purpose: nothing here needs it"),
    )

    is_shared = True
    given: ClassVar[Mapping[str, object]] = {}

    def __init__(self) -> None:
        self._before: ServicesReport | None = None
        self._changes: dict[str, tuple[str, float]] = {}
        """By service: what changed last, and when, on `time.monotonic`."""

    def take(self, report: object) -> None:
        """Note what has changed since the look before."""
        now = cast("ServicesReport", report)
        if self._before is not None:
            for status in compare(self._before, now).services:
                if status.changed:
                    self._changes[status.service.name] = (status.changed, time.monotonic())
        self._before = now

    def heading(self, report: object) -> Content:
        """Return how many are how."""
        services = cast("ServicesReport", report).services
        parts = [said(f"{len(services)} services")]
        for health in (Health.DOWN, Health.DEGRADED, Health.UNKNOWN):
            count = sum(one.health is health for one in services)
            if count:
                parts += [said(" · "), signed(health.sign, f"{count} {health.value}")]
        if len(parts) == 1:
            parts += [said(" · "), signed("●", "all ok")]
        return joined(*parts)

    def items(self, report: object) -> Sequence[Item]:
        """Return a row for each service, in the order in which mail meets them."""
        told = cast("ServicesReport", report)
        remedies = {finding.name: finding.remedy for finding in told.findings}
        services = [one._replace(changed=self._change(one)) for one in told.services]
        return [_item(one, remedies.get(f"services.{one.service.name}")) for one in services]

    def acts(self, report: object) -> tuple[Act, ...]:
        """Return nothing: each is done with one service."""
        del report
        return ()

    def below(self, report: object) -> Sequence[Row]:
        """Return what could not be seen."""
        notes = cast("ServicesReport", report).notes
        return [Row(said("   "), said(note, "dim")) for note in notes]

    def _change(self, status: ServiceStatus) -> str:
        """Return what changed of a service lately, and how long ago."""
        change, when = self._changes.get(status.service.name, ("", 0.0))
        ago = time.monotonic() - when
        return f"{change}, {short(ago) or '0 s'} ago" if change and ago < LATELY else ""


def _item(status: ServiceStatus, remedy: Remedy | None) -> Item:
    service = status.service
    return Item(
        service.name,
        service.name,
        _row(status),
        tuple(_details(status)),
        tuple(_acts(status)),
        remedy,
    )


def _row(status: ServiceStatus) -> Row:
    service, off = status.service, status.is_off
    sign = "–" if off else status.health.sign
    tone = SIGN_TONES[sign]
    indent = "  " if service.behind else ""
    name = f"{indent}{service.name}"
    word = "off" if off else status.health.value
    body = joined(
        said(f"{name:<{NAME_WIDTH}} "),
        said(f"{service.role:<{ROLE_WIDTH}}", "dim"),
        said(word, tone),
    )
    if status.changed:
        body = joined(body, said(f" · {status.changed}", "accent"))
    if status.reason and not off:
        body = joined(body, Content("\n"), said(status.reason, tone))
    return Row(said(f" {sign} ", tone), body, said(_figures(status), "dim"))


def _figures(status: ServiceStatus) -> str:
    """Return since when it runs and what it takes, each in its column."""
    since = short(time.time() - status.since) if status.since is not None else ""
    memory = amount(status.memory) if status.memory else ""
    return f"{since:>6}  {memory:>8}"


def _details(status: ServiceStatus) -> Iterator[Row]:
    service = status.service
    facts = [
        service.unit or "under no service manager",
        {True: "starts at boot", False: "does not start at boot", None: ""}[status.enabled],
        f"as {service.user}" if service.user else "",
        f"started again by itself {status.restarts} times" if status.restarts else "",
        status.changed,
    ]
    told = " · ".join(fact for fact in facts if fact)
    yield Row(joined(said(" "), said(service.name, "bold"), said("  ")), said(told, "dim"))
    for look in status.looks:
        yield _look(look)
    for need in service.needs:
        if need.without:
            head = said("   ")
            yield Row(head, said(f"without {need.service}: {need.without}", "dim"))
    if status.last_error:
        yield Row(said("   last error  "), said(status.last_error))
    if service.configuration:
        yield Row(said("   settings in  ", "dim"), said(", ".join(service.configuration), "dim"))


def _look(look: Look) -> Row:
    sign = look.health.sign
    head = said(f"   {sign} {look.kind:<11}", SIGN_TONES[sign])
    target = f"{look.target}: " if look.target else ""
    step = f" → {look.next_step}" if look.next_step else ""
    spent = said(took(look.seconds), "dim")
    return Row(head, said(f"{target}{look.detail}{step}"), spent)


def _acts(status: ServiceStatus) -> Iterator[Act]:
    """Yield what can be done with it as it is; where that is not known, all there is."""
    service = status.service
    if not service.unit:
        return
    process = next((look.health for look in status.looks if look.kind == "process"), None)
    runs = None if process in {None, Health.UNKNOWN} else process is not Health.DOWN
    runs = False if status.is_off else runs
    offered = [
        *(_WHILE_IT_RUNS if runs is not False else ()),
        *((_START,) if not runs else ()),
        *((_DISABLE,) if status.enabled is not False else ()),
        *((_ENABLE,) if not status.enabled else ()),
    ]
    if service.role == "milter":
        offered.append(_DROP if service.place else _TAKE)
    for verb, title, summary in offered:
        yield Act(title, summary, f"services.{verb}", {"service": service.name})
