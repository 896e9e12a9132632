"""A look at the services as text: by role, each with its state, its reason and what to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.amounts import amount, short
from actions.finding import Health
from actions.printable import printable
from actions.services.report import next_step
from console.render.columns import filled
from console.render.ink import TONES, Ink
from console.render.metric import STATES, Metric, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.mailhost.service import Look, MailService, ServiceStatus
    from actions.services.report import ServicesReport
    from console.render.hint import Hints

HEADS = {
    "MTA": "Postfix",
    "milter manager": "Milter manager",
    "milter": "Milters",
    "engine": "What milters ask",
    "MDA": "Delivery and mailboxes",
    "web mail": "Web mail",
    "database": "Database",
    "log": "Log",
}
"""How the group of each role is headed, in the order in which mail meets them."""


def render(report: ServicesReport, hints: Hints) -> str:
    """Return *report* as text."""
    ink = Ink()
    lines = []
    for role, head in HEADS.items():
        group = [status for status in report.services if status.service.role == role]
        if group:
            lines.append(ink.paint(f" {head}", "bold"))
            lines += [line for status in group for line in _service(status, ink)]
    lines += _remedies(report, hints)
    lines += [line for note in report.notes for line in _folded(f"note: {note}", 1)]
    lines.append(ink.paint(f" {_summary(report)} · {report.seconds:.1f} s", "dim"))
    return "\n".join(lines) + "\n"


def headline(report: ServicesReport) -> str:
    """Return the state of all services in one line, the worst first."""
    bad = [
        f"{status.service.name} {status.health.value} ({status.reason})"
        for status in sorted(report.services, key=lambda one: -one.health.rank)
        if status.health is not Health.OK
    ]
    return "; ".join([_summary(report), *bad])


def perfdata(report: ServicesReport) -> Iterator[str]:
    """Yield what monitoring plugins measure."""
    counts = _counts(report)
    yield measure("services", len(report.services))
    for state in STATES:
        yield measure(state, counts[state])
    yield measure("time", round(report.seconds, 3), "s")


def metrics(report: ServicesReport) -> Iterator[Metric]:
    """Yield what Prometheus keeps."""

    def told(name: str, text: str, value: Callable[[ServiceStatus], float | None]) -> Metric:
        samples = (
            ((("service", status.service.name),), number)
            for status in report.services
            if (number := value(status)) is not None
        )
        return Metric(name, text, tuple(samples))

    yield Metric(
        "service_up",
        "Whether the service is ok, or off on purpose.",
        tuple((_labels(status), float(status.health is Health.OK)) for status in report.services),
    )
    yield Metric(
        "service_state",
        "1 for the state that the service is in.",
        tuple(
            ((("service", status.service.name), ("state", state)), float(state == _state(status)))
            for status in report.services
            for state in (*STATES, "off")
        ),
    )
    yield told(
        "service_start_time_seconds",
        "When the service was started, as Unix time.",
        lambda s: s.since,
    )
    yield told("service_memory_bytes", "Memory of the service's processes.", lambda s: s.memory)
    yield told(
        "service_restarts",
        "How often the service manager has started the service again by itself.",
        lambda s: s.restarts,
    )
    yield told(
        "service_enabled",
        "Whether the service starts at boot.",
        lambda s: None if s.enabled is None else float(s.enabled),
    )
    yield Metric(
        "service_look_seconds",
        "How long the look took.",
        tuple(
            (
                (
                    ("service", status.service.name),
                    ("look", look.kind),
                    ("target", look.target),
                ),
                look.seconds,
            )
            for status in report.services
            for look in status.looks
        ),
    )
    yield Metric(
        "services_finding_seconds",
        "How long it took to find the services.",
        (((), report.finding_seconds),),
    )
    yield Metric("services_seconds", "How long all of it took.", (((), report.seconds),))


def _service(status: ServiceStatus, ink: Ink) -> Iterator[str]:
    off = status.is_off
    sign = "–" if off else status.health.sign
    name = f"{printable(status.service.name):22} {_state(status):9}"
    facts = [f"{ink.paint(sign, TONES.get(sign, ''))} {name}"]
    if status.since is not None and not off and _runs(status):
        facts.append(f"for {short(time.time() - status.since) or '0 s'}")
    if status.memory and _runs(status):
        facts.append(amount(status.memory))
    if status.restarts:
        facts.append(f"{status.restarts} restarts")
    if status.enabled is False and _runs(status):
        facts.append("not at boot")
    if status.changed:
        facts.append(printable(status.changed))
    head, *more = facts
    line = f"   {head} {' · '.join(more)}".rstrip()
    if status.health is Health.OK:
        yield line
        return
    yield line
    yield from _folded(status.reason, 7)
    for look in _besides(status):
        yield from _folded(f"also: {look.detail}", 7)
    if status.last_error:
        yield from _folded(f"last error: {status.last_error}", 7)
    if step := next_step(status):
        yield from _folded(f"→ {step}", 7)


def _besides(status: ServiceStatus) -> Iterator[Look]:
    """Yield what else is wrong; of a service that does not run, the rest follows from that."""
    for look in status.looks if _runs(status) else ():
        is_wrong = look.health in {Health.DOWN, Health.DEGRADED}
        if is_wrong and look.cause != "follows" and look.detail not in status.reason:
            yield look


def _runs(status: ServiceStatus) -> bool:
    return status.process is not None and status.process.health is not Health.DOWN


def _remedies(report: ServicesReport, hints: Hints) -> Iterator[str]:
    for finding in report.findings:
        if finding.remedy:
            command = hints.command(finding.remedy.action, finding.remedy.arguments)
            yield f" mend it: {command}"


def _folded(text: str, indent: int) -> list[str]:
    margin = " " * indent
    return [f"{margin}{line}" for line in filled(printable(text).split(" "), " ", indent)]


def _summary(report: ServicesReport) -> str:
    counts = _counts(report)
    if not report.services:
        return "no services found"
    every = f"{len(report.services)} service{'s' if len(report.services) > 1 else ''}"
    if counts["ok"] == len(report.services):
        return f"{every} ok"
    told = [
        f"{counts[state]} {state}" for state in ("down", "degraded", "unknown") if counts[state]
    ]
    return f"{', '.join(told)} of {every}"


def _counts(report: ServicesReport) -> dict[str, int]:
    counts = dict.fromkeys(STATES, 0)
    for status in report.services:
        counts[status.health.value] += 1
    return counts


def _labels(status: ServiceStatus) -> tuple[tuple[str, str], ...]:
    service: MailService = status.service
    return (
        ("service", service.name),
        ("role", service.role),
        ("unit", service.unit),
    )


def _state(status: ServiceStatus) -> str:
    return "off" if status.is_off else status.health.value
