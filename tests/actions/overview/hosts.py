"""Reports of hosts as the looks would tell them, made by hand: healthy ones and broken ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.finding import Finding, Health
from actions.mailhost.service import Listener, Look, MailService, Need, ServiceStatus
from actions.overview.report import Asked, Chain, OverviewReport, Queued, Way

if TYPE_CHECKING:
    from actions.mailhost.service import LookKind, Role, Speech

NOW = 1_800_000_000.0


def service(
    name: str,
    role: Role,
    *listeners: Listener,
    needs: tuple[Need, ...] = (),
    health: Health = Health.OK,
    reason: str = "",
    looks: tuple[Look, ...] = (),
) -> ServiceStatus:
    made = MailService(name, role, f"{name}.service", listeners=listeners, needs=needs)
    return ServiceStatus(
        made, health, reason, looks, since=NOW - 3600, memory=34_000_000, enabled=True
    )


def unix(name: str, speech: Speech = "milter") -> Listener:
    return Listener(f"unix:/run/{name}/{name}.sock", speech)


def look(kind: LookKind, health: Health, detail: str, target: str = "") -> Look:
    return Look(kind, health, detail, 0.001, target)


def mail_host(**states: tuple[Health, str]) -> OverviewReport:
    """Return a whole mail host; *states* are those of services that are not ok.

    In their names "_" stands for "-".
    """

    def made(
        name: str, role: Role, *listeners: Listener, needs: tuple[str, ...] = ()
    ) -> ServiceStatus:
        health, reason = states.get(name.replace("-", "_"), (Health.OK, ""))
        wants = tuple(Need(one, f"unix:/run/{one}/{one}.sock") for one in needs)
        return service(name, role, *listeners, needs=wants, health=health, reason=reason)

    ports = (("25", "25"), ("587", "submission"), ("465", "smtps"))
    smtp = (Listener(f"inet:0.0.0.0:{port}", "smtp", label) for port, label in ports)
    mda = (
        ("143", "imap"),
        ("993", "imap"),
        ("110", "pop3"),
        ("995", "pop3"),
    )
    outlets = (Listener(f"inet:0.0.0.0:{port}", speech) for port, speech in mda)  # type: ignore[arg-type]
    services = (
        made("postfix", "MTA", *smtp, needs=("milter-manager", "dovecot")),
        made("milter-manager", "milter manager", unix("milter-manager")),
        made("milter-greylist", "milter", unix("milter-greylist")),
        made("clamav-milter", "milter", unix("clamav-milter"), needs=("clamd",)),
        made("spamass-milter", "milter", unix("spamass-milter"), needs=("spamd",)),
        made("clamd", "engine", unix("clamd", "clamd")),
        made("spamd", "engine", unix("spamd", "spamd")),
        made("dovecot", "MDA", unix("dovecot", "lmtp"), *outlets),
        made("roundcube", "web mail", needs=("mariadb",)),
        made("mariadb", "database", unix("mariadb", "mysql")),
        made("rsyslog", "log"),
    )
    behind = tuple(
        Asked(name, f"unix:/run/{name}/{name}.sock")
        for name in ("milter-greylist", "clamav-milter", "spamass-milter")
    )
    manager = Asked(
        "milter-manager",
        "unix:/run/milter-manager/milter-manager.sock",
        managed=True,
        behind=behind,
    )
    ways = (Way("smtp", "25"), Way("submission", "587"), Way("smtps", "465"))
    findings = tuple(
        Finding(
            one.health,
            f"{one.service.name} is {one.health.value}: {one.reason}",
            one.service.unit,
            name=f"services.{one.service.name}",
        )
        for one in services
        if one.health is not Health.OK
    )
    return OverviewReport(
        findings,
        services=services,
        chains=(
            Chain(ways, (manager,)),
            Chain((Way("pickup", "local"),), (), "non_smtpd_milters is empty"),
        ),
        queue=Queued((("active", 12), ("deferred", 3)), (), NOW - 7300, "connection timed out"),
    )
