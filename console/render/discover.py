"""The chains of the host as text: each with its services, its milters in order, what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Health
from actions.printable import printable
from console.render.columns import folded
from console.render.ink import TONES, Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.chain.discovered import (
        ChainSeen,
        ChildSeen,
        DiscoverReport,
        MilterSeen,
        Socket,
    )
    from actions.finding import Finding
    from console.render.hint import Hints

SIGNS: dict[Socket, str] = {
    "exists": "●",
    "missing": "✗",
    "not a socket": "✗",
    "not visible": "?",
    "not named": "?",
    "remote": "·",
    "local port": "·",
}
"""By what is at a milter's place; a port is not tried."""

STAGES = {
    "connect": "connect",
    "helo": "HELO",
    "mail": "MAIL",
    "rcpt": "RCPT",
    "data": "DATA",
    "end_of_header": "end of headers",
    "end_of_data": "end of message",
    "unknown": "unknown command",
}


def render(report: DiscoverReport, _hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    lines: list[str] = []
    told: dict[tuple[ChildSeen, ...], str] = {}
    for chain in report.chains:
        lines += ["", *_chain(chain, ink, told)]
    if not report.chains:
        lines += ["", " Postfix takes in no mail: master.cf has no smtpd, pickup or qmqpd"]
    if report.findings:
        lines.append("")
    for finding in report.findings:
        lines += _finding(finding, ink)
    for note in report.notes:
        lines += ["", *_wrapped(note, "   ")]
    return "\n".join(lines) + "\n"


def headline(report: DiscoverReport) -> str:
    """Return in one line what is wrong, or how many chains and milters there are."""
    wrong = [one for one in report.findings if one.health in {Health.DOWN, Health.DEGRADED}]
    if wrong:
        return "; ".join(f"{finding.what} ({finding.where})" for finding in wrong)
    milters = {milter.endpoint for chain in report.chains for milter in chain.milters}
    return f"{_many(len(report.chains), 'chain')}, {_many(len(milters), 'milter')}"


def _chain(chain: ChainSeen, ink: Ink, told: dict[tuple[ChildSeen, ...], str]) -> Iterator[str]:
    services = ", ".join(chain.services)
    local = chain.kind == "non_smtpd"
    name = chain.name if local else services
    intake = f" · local mail, taken in by {services}" if local else ""
    shut = " · in a chroot" if chain.chroot else ""
    opened = f"{shut} · sockets opened as {chain.user}" if chain.milters else ""
    yield f" {printable(name)}{ink.paint(printable(intake + opened), 'dim')}"
    if chain.off:
        yield ink.paint(printable(f"   no milter: {chain.off}"), "dim")
        return
    if not chain.milters:
        yield ink.paint("   no milter that Postfix accepts; see below", "bad")
    width = max((len(milter.name) for milter in chain.milters), default=0)
    for number, milter in enumerate(chain.milters, 1):
        yield from _milter(number, milter, min(width, 24), ink, told, name)
    for stage, names in chain.macros:
        shown = " ".join(name if len(name) == 1 else f"{{{name}}}" for name in names)
        yield from _wrapped(f"macros at {STAGES[stage]}: {shown or 'none'}", "   ")
    for name, value in chain.settings:
        yield from _wrapped(f"{name} = {value}", "   ")


def _milter(
    number: int,
    milter: MilterSeen,
    width: int,
    ink: Ink,
    told: dict[tuple[ChildSeen, ...], str],
    where: str,
) -> Iterator[str]:
    name = printable(milter.name)
    yield f"   {number:>2} {_sign(milter, ink)} {name:{width}}  {_place(milter)}"
    inner = " " * 8
    if milter.spec.partition(":")[2] != milter.endpoint.partition(":")[2]:
        yield ink.paint(f"{inner}written {printable(milter.spec)}", "dim")
    if milter.settings:
        given = ", ".join(f"{setting} {value}" for setting, value in milter.settings)
        yield from _wrapped(given, inner)
    if not milter.managed:
        return
    if milter.trouble:
        yield from _wrapped(f"its milters are not known: {milter.trouble}", inner)
    elif not milter.children:
        yield f"{inner}it has no milters behind it: all mail passes"
    if milter.children in told:
        yield f"{inner}the same milters behind it as in {printable(told[milter.children])}"
        return
    if milter.children:
        told[milter.children] = where
    width = max((len(child.name) for child in milter.children), default=0)
    for child in milter.children:
        yield from _child(child, min(width, 24), ink)


def _child(child: ChildSeen, width: int, ink: Ink) -> Iterator[str]:
    inner = " " * 8
    sign = _sign(child, ink) if child.enabled else ink.paint("–", TONES["–"])
    off = "" if child.enabled else "  (not enabled)"
    yield f"{inner}{sign} {printable(child.name):{width}}  {_place(child)}{off}"
    for condition in child.conditions:
        yield from _wrapped(f"{condition.name}: {condition.meaning}", inner + "    ")
    if child.note:
        yield from _wrapped(child.note, inner + "    ")


def _sign(seen: MilterSeen | ChildSeen, ink: Ink) -> str:
    sign = SIGNS[seen.socket]
    return ink.paint(sign, TONES[sign])


def _place(seen: MilterSeen | ChildSeen) -> str:
    state = "" if seen.socket == "exists" else f"  {seen.socket}"
    return f"{printable(seen.endpoint)}{state}".strip()


def _finding(finding: Finding, ink: Ink) -> Iterator[str]:
    sign = ink.paint(finding.health.sign, TONES[finding.health.sign])
    yield f" {sign} {printable(finding.what)}"
    yield ink.paint(f"   {printable(finding.where)}", "dim")
    if finding.why:
        yield from _wrapped(finding.why, "   ")


def _wrapped(text: str, indent: str) -> list[str]:
    return folded(text, indent, f"{indent}  ")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
