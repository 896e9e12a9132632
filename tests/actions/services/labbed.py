"""The lab's services as records, so that the looks can be tried on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.mailhost.service import Listener, MailService, Need

if TYPE_CHECKING:
    from console.lab.lab import Lab

CHILDREN = ("milter-greylist", "clamav-milter", "spamass-milter")
SOCKETS = {
    "milter-greylist": "/run/milter-greylist/milter-greylist.sock",
    "clamav-milter": "/run/clamav/clamav-milter.ctl",
    "spamass-milter": "/var/spool/postfix/spamass/spamass.sock",
    "opendkim": "/run/opendkim/opendkim.sock",
    "milter-manager": "/run/milter-manager/milter-manager.sock",
}
MANAGER = "milter-manager"


def services_of(lab: Lab) -> tuple[MailService, ...]:
    """Return the services of *lab*."""
    specs = {name: f"unix:{lab.host.at(path)}" for name, path in SOCKETS.items()}
    postfix = lab.host.postfix.user()
    smtp = Listener(f"inet:127.0.0.1:{lab.smtp_port}", "smtp", "25")
    asked = tuple(
        Need(name, specs[name], postfix, "mail is deferred") for name in (MANAGER, "opendkim")
    )
    behind = tuple(Need(name, specs[name], MANAGER, "it is skipped") for name in CHILDREN)
    settings = ("/etc/postfix/main.cf",)
    return (
        MailService("postfix", "MTA", "postfix.service", "smtpd", "", (smtp,), asked, settings),
        MailService(
            MANAGER,
            "milter manager",
            "milter-manager.service",
            listeners=(Listener(specs[MANAGER], "milter", client=postfix),),
            needs=behind,
        ),
        *(_milter(name, specs[name], MANAGER) for name in CHILDREN),
        _milter("opendkim", specs["opendkim"], postfix),
    )


def _milter(name: str, spec: str, client: str) -> MailService:
    listeners = (Listener(spec, "milter", client=client),)
    return MailService(name, "milter", f"{name}.service", listeners=listeners)
