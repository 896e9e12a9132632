"""A finding explained on a page: what, where, why, what the looks saw, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from widgets.fault import on_screen
from widgets.ink import SIGN_TONES, joined, said, took
from widgets.lines import Row
from widgets.page import heading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.finding import Finding
    from actions.mailhost.service import Look, ServiceStatus
    from actions.overview.report import OverviewReport

WIDTH = 10


def finding_rows(finding: Finding, report: OverviewReport) -> Iterator[Row]:
    """Yield all that is known of *finding*."""
    sign = finding.health.sign
    yield Row(said(f" {sign} ", SIGN_TONES[sign]), said(finding.what, "bold"))
    yield Row()
    yield _fact("state", finding.health.value)
    yield _fact("where", finding.where)
    if finding.why:
        yield _fact("why", on_screen(finding.why))
    yield from _acknowledged(finding, report)
    if finding.remedy:
        yield Row(
            said(f"   {'mend it':{WIDTH}}", "dim"),
            joined(said("f  ", "key"), said(finding.remedy.summary)),
        )
    also = report.also(finding)
    if also:
        yield from (Row(), heading("The same trouble, seen elsewhere"))
    for other in also:
        yield Row(said(f" {other.health.sign} ", SIGN_TONES[other.health.sign]), said(other.what))
        if other.why:
            yield Row(said("   "), said(on_screen(other.why), "dim"))
    told = {
        finding.name,
        *(one.finding.name for one in report.folded if one.under == finding.name),
    }
    for status in _concerned(finding, told, report):
        yield Row()
        yield from status_rows(status)


def all_rows(report: OverviewReport) -> Iterator[Row]:
    """Yield what was looked at, service by service."""
    for one in report.looks:
        sign = "?" if one.trouble else "●"
        told = one.trouble or "done"
        yield Row(
            said(f" {sign} {one.name:18}", SIGN_TONES[sign]),
            said(told),
            said(took(one.seconds), "dim"),
        )
    for status in report.services:
        yield Row()
        yield from status_rows(status)


def status_rows(status: ServiceStatus) -> Iterator[Row]:
    """Yield one service with the looks at it."""
    service = status.service
    title = said(f" {service.name}", "bold")
    yield Row(
        joined(title, said("  ")),
        said(f"{service.role} · {service.unit}" if service.unit else service.role, "dim"),
    )
    for look in status.looks:
        yield from _look(look)
    if status.last_error:
        yield _fact("last error", status.last_error)


def _concerned(finding: Finding, told: set[str], report: OverviewReport) -> Iterator[ServiceStatus]:
    """Yield the services of which *finding*, or what is folded into it, tells."""
    for status in report.services:
        specs = {listener.spec for listener in status.service.listeners}
        if f"services.{status.service.name}" in told or finding.where in specs:
            yield status


def _acknowledged(finding: Finding, report: OverviewReport) -> Iterator[Row]:
    for one in report.acknowledged:
        if one.finding.name == finding.name:
            reason = f": {one.reason}" if one.reason else ""
            yield _fact("known", f"acknowledged until {one.until}{reason}")
    for known in report.expired:
        if known.name == finding.name:
            yield _fact("known", f"acknowledged until {known.until}; it counts again")


def _look(look: Look) -> Iterator[Row]:
    sign = look.health.sign
    head = said(f"   {sign} {look.kind:<11}", SIGN_TONES[sign])
    target = f"{look.target}: " if look.target else ""
    yield Row(head, said(f"{target}{look.detail}"), said(took(look.seconds), "dim"))
    if look.next_step:
        yield Row(said(" " * 16), said(f"next: {on_screen(look.next_step)}"))


def _fact(name: str, text: str) -> Row:
    return Row(said(f"   {name:{WIDTH}}", "dim"), said(text))
