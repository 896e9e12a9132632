"""Software that this host's configuration names and that is not installed, or that is asked for.

A package that nothing refers to is no deviation. Whoever names its check in full wants it.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from actions.changes.packages import Packages
from actions.host.errors import HostError
from actions.mailhost.chain import milter_name
from actions.record import Record
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck
from actions.setup.looking import looking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.changes.transaction import Tool
    from actions.host.ports import Host
    from actions.mailhost.service import MailService
    from actions.plan import Change

_FOLDERS = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")


DISTRIBUTION, EPEL, MAKERS = "distribution", "EPEL", "makers"


class Software(Record):
    """One program of a mail host, and the packages that bring it."""

    name: str
    """As in `actions.mailhost.roles`."""
    program: str
    deb: str
    rpm: str
    source: str = EPEL
    """Which repository RHEL-like systems have it from; the makers' own is in none of Debian's."""


SOFTWARE = (
    Software("postfix", "postconf", "postfix", "postfix", DISTRIBUTION),
    Software("milter-manager", "milter-manager", "milter-manager", "milter-manager", MAKERS),
    Software("milter-greylist", "milter-greylist", "milter-greylist", "milter-greylist"),
    Software("clamav-milter", "clamav-milter", "clamav-milter", "clamav-milter"),
    Software("clamd", "clamd", "clamav-daemon", "clamd"),
    Software("freshclam", "freshclam", "clamav-freshclam", "clamav-update"),
    Software("spamass-milter", "spamass-milter", "spamass-milter", "spamass-milter-postfix"),
    Software("spamd", "spamd", "spamd", "spamassassin", DISTRIBUTION),
    Software("opendkim", "opendkim", "opendkim", "opendkim"),
)

_SCRIPT = "https://packagecloud.io/install/repositories/milter-manager/repos/script.{kind}.sh"


class Offer(Record):
    """What a package manager would install."""

    what: str
    """The package, its version and the repository."""
    packages: tuple[tuple[str, ...], ...]
    """What is installed, one step after the other; empty where it can't be."""
    why_not: str = ""


def _missing(ctx: Context, name: str) -> Iterator[Found]:
    software = next(one for one in SOFTWARE if name == f"packages.{one.name}")
    asked = name in looking(ctx).asked
    if ctx.host.kind == "lab":
        # Its daemons are parts of the console: it has no packages.
        return
    result = Result(name, "as wanted", found="installed", wanted="installed")
    if _is_here(ctx, software):
        yield Found(result)
        return
    why = _needed_by(ctx, software) or ("it is asked for" if asked else "")
    if not why:
        return
    tool = tool_of(ctx.host)
    offer = _offer(ctx, tool, software)
    result = result._replace(
        verdict="deviates",
        found="not installed",
        wanted=offer.what,
        why=why,
        unfixable=offer.why_not,
        severe=not asked,
    )
    yield Found(result, partial(_installed, tool=tool, offer=offer) if tool else None)


def _is_here(ctx: Context, software: Software) -> bool:
    if any(os.path.exists(ctx.host.at(f"{one}/{software.program}")) for one in _FOLDERS):
        return True
    return any(one.unit and _is(one, software.name) for one in looking(ctx).mail_services())


def _is(service: MailService, name: str) -> bool:
    return service.name == name or service.name.startswith(f"{name}@")


def _needed_by(ctx: Context, software: Software) -> str:
    """Return which setting of this host names *software*; empty where none does."""
    if software.name != "postfix":
        for chain in looking(ctx).discovery().chains:
            for link in chain.chain.links:
                here = link.endpoint.family == "unix"
                if here and milter_name(link.endpoint) == software.name:
                    return f"Postfix is set to ask it at {link.endpoint.spec}"
    services = looking(ctx).mail_services()
    for service in services:
        for need in service.needs:
            if need.service == software.name and need.spec.startswith("unix:"):
                return f"{service.name} is set to ask it at {need.spec}"
    if software.name == "freshclam" and any(_is(one, "clamd") for one in services):
        return "clamd does not start without signatures, and judges by old ones without new ones"
    return ""


def tool_of(host: Host) -> Tool | None:
    """Return this host's package manager, or None where it has none that is known."""
    tools: tuple[Tool, ...] = ("apt-get", "dnf", "yum")
    return next((one for one in tools if os.path.exists(host.at(f"/usr/bin/{one}"))), None)


def _offer(ctx: Context, tool: Tool | None, software: Software) -> Offer:
    if tool is None:
        return Offer("installed", (), "neither apt-get nor dnf nor yum is here")
    return _by_apt(ctx, software) if tool == "apt-get" else _by_dnf(ctx, tool, software)


def _by_apt(ctx: Context, software: Software) -> Offer:
    told = ctx.host.commands.run(["apt-cache", "policy", "--", software.deb])
    lines = [line.strip() for line in told.stdout.splitlines()]
    candidate = next((one.partition(": ")[2] for one in lines if one.startswith("Candidate:")), "")
    if not candidate or candidate == "(none)":
        return Offer(software.deb, (), _no_package(software, "deb", "apt-get update"))
    origin = _origin(lines, candidate)
    return Offer(f"{software.deb} {candidate} from {origin}".strip(), ((software.deb,),))


def _origin(lines: list[str], version: str) -> str:
    """Return the repository of *version* in what ``apt-cache policy`` prints."""
    table = lines[lines.index("Version table:") :] if "Version table:" in lines else []
    inside = False
    for words in (line.split() for line in table):
        if inside and len(words) > 2 and words[0].isdigit():
            return " ".join(words[1:])
        inside = inside or version in words[:2]
    return ""


def _by_dnf(ctx: Context, tool: Tool, software: Software) -> Offer:
    found = _dnf_info(ctx, tool, software.rpm)
    if found:
        return Offer(found, ((software.rpm,),))
    if software.source == EPEL:
        release = _dnf_info(ctx, tool, "epel-release")
        if release:
            what = f"{software.rpm} from EPEL, which {release} registers"
            return Offer(what, (("epel-release",), (software.rpm,)))
    return Offer(software.rpm, (), _no_package(software, "rpm", "register EPEL, which has it"))


def _dnf_info(ctx: Context, tool: Tool, package: str) -> str:
    """Return a package with its version and repository; empty where there is none."""
    told = ctx.host.commands.run(
        [tool, "--quiet", "info", "--available", "--", package], timeout=120.0
    )
    if told.exit_code:
        return ""
    pairs = (line.partition(":") for line in told.stdout.splitlines() if ":" in line)
    values = {name.strip(): value.strip() for name, _, value in pairs}
    origin = values.get("Repository") or values.get("Repo") or values.get("From repo", "")
    return f"{package} {values.get('Version', '')} from {origin}".strip()


def _no_package(software: Software, kind: str, step: str) -> str:
    if software.source != MAKERS:
        return f"no repository of this host has it; {step}, or build it"
    url = _SCRIPT.format(kind=kind)
    return (
        f"no repository of this host has it; its makers' is registered by their script: "
        f"download {url}, read it, and run it with bash when you agree with it"
    )


def _installed(ctx: Context, tool: Tool, offer: Offer) -> tuple[Change, ...]:
    if not offer.packages:
        raise HostError(offer.why_not)
    first, *rest = offer.packages
    planned = Packages.planned(ctx.host, tool, first)
    return (planned, *(Packages.later(tool, asked) for asked in rest))


CHECKS = tuple(
    FoundCheck(f"packages.{one.name}", f"{one.name} is here where it is asked for", _missing)
    for one in SOFTWARE
)
