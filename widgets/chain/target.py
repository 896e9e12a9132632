"""Whom a test asks, and with what: the arguments of ``chain.test`` as an operator reads them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.chain.profiles import PROFILES
from actions.chain.samples import SAMPLES
from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.mailhost.chain import links
from actions.mailhost.discovery import Discovery, discover, find_chain
from actions.record import Record
from widgets.chain.course import Course
from widgets.choice import Alternative

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.action import Context
    from actions.mailhost.discovery import HostChain
    from actions.mailhost.managed import Manager
    from actions.milter.link import Link

ACTION = "chain.test"

SHOWN_BY_THE_PANE = (
    "brief",
    "verbose",
    "trace",
    "output_message",
    "color",
    "exit_verdict",
)
"""Arguments that only say how the text of a report looks."""

NO_LOCAL_CHAIN = "Postfix on this host asks no milter about mail without SMTP (non_smtpd_milters)."

OTHER = "other"
"""The choice beside chains and milters; no endpoint is spelled like it."""

_CHAIN = "chain "
"""What the choice of a whole chain begins with, before the chain's name."""


class OwnMilters(Record):
    """The milters of this host's Postfix."""

    chains: tuple[HostChain, ...] = ()
    """Those that have milters, that of mail from outside first."""
    users: Mapping[str, str] = {}
    """By endpoint: whose rights open it, where that is not the one who works here."""


def read_own(ctx: Context) -> OwnMilters:
    """Return the chains of Postfix.

    Raises:
        HostError: Postfix's settings can't be read.
    """
    chains = tuple(chain for chain in discover(ctx.host).chains if chain.chain.links)
    users: dict[str, str] = {}
    if os.geteuid() == 0:
        for chain in chains:
            users.update(dict.fromkeys(chain.chain.specs, chain.user))
    return OwnMilters(chains, users)


def chosen(
    own: OwnMilters, given: Mapping[str, object]
) -> tuple[tuple[Link, ...], tuple[Manager, ...]]:
    """Return the milters that a test with these arguments asks, and the managers among them.

    Raises:
        BadEndpoint: what was typed names none.
    """
    specs = _specs(given)
    if specs:
        return links(specs), ()
    chain = _chain(own, given)
    return (chain.chain.links, chain.managers) if chain else ((), ())


def arguments(own: OwnMilters, given: Mapping[str, object]) -> dict[str, object]:
    """Return *given* with the user that opens the sockets of the host's own milters."""
    users = {own.users.get(spec, "") for spec in _specs(given)}
    if len(users) == 1 and "" not in users and not given.get("as_user"):
        return {**given, "as_user": users.pop()}
    return dict(given)


def alternatives(own: OwnMilters) -> list[Alternative]:
    """Return what a test can ask: whole chains, then single milters."""
    found = [
        Alternative(
            f"{_CHAIN}{chain.name}",
            f"the chain of {title(chain)}",
            ", ".join(link.name for link in chain.chain.links),
        )
        for chain in own.chains
    ]
    seen: set[str] = set()
    for chain in own.chains:
        for link in chain.chain.links:
            mine = [manager for manager in chain.managers if manager.milter == link.name]
            children = [child.link for manager in mine for child in manager.children]
            for one, sign in ((link, ""), *((child, "└ ") for child in children)):
                if one.endpoint.spec not in seen:
                    name = f"{sign}{one.name}"
                    found.append(Alternative(one.endpoint.spec, name, one.endpoint.spec))
                    seen.add(one.endpoint.spec)
    return [*found, Alternative(OTHER, "another socket", "type unix:PATH or inet:HOST:PORT")]


def choice(value: str) -> dict[str, object]:
    """Return the arguments for one of the `alternatives`."""
    if value.startswith(_CHAIN):
        return {"chain": value.removeprefix(_CHAIN)}
    return {"milter": (value,)}


def without_milters(given: Mapping[str, object]) -> dict[str, object]:
    """Return *given* without what says who is asked."""
    return {name: value for name, value in given.items() if name not in {"chain", "milter"}}


def current(own: OwnMilters, given: Mapping[str, object]) -> str:
    """Return which of the `alternatives` holds."""
    specs = _specs(given)
    if specs:
        return specs[0] if len(specs) == 1 else OTHER
    chain = _chain(own, given)
    return f"{_CHAIN}{chain.name}" if chain else OTHER


def _chain(own: OwnMilters, given: Mapping[str, object]) -> HostChain | None:
    return find_chain(Discovery(own.chains), str(given.get("chain", "")))


def is_local(own: OwnMilters, given: Mapping[str, object]) -> bool:
    """Return whether the chain that is asked is that of mail without SMTP."""
    chain = None if _specs(given) else _chain(own, given)
    return chain is not None and chain.kind == "non_smtpd"


def fitting_chain(
    own: OwnMilters, given: Mapping[str, object], before: str
) -> dict[str, object] | None:
    """Return *given* with a chain that its profile goes with; None where there is none.

    Args:
        own: the milters of this host.
        given: the arguments of a test.
        before: the chain to go back to from that of mail without SMTP; empty for the usual.
    """
    wanted = PROFILES[str(given.get("profile", "outside"))].submitted
    if _specs(given) or wanted is is_local(own, given):
        return dict(given)
    chains = (chain.name for chain in own.chains if chain.kind == "non_smtpd")
    name = next(chains, None) if wanted else before
    if name is None:
        return None
    return {**without_milters(given), **({"chain": name} if name else {})}


def fitting_profile(own: OwnMilters, given: Mapping[str, object]) -> dict[str, object]:
    """Return *given* with a profile that its chain goes with."""
    profile = PROFILES[str(given.get("profile", "outside"))]
    local = is_local(own, given)
    if _specs(given) or profile.submitted is local:
        return dict(given)
    if local:
        return {**given, "profile": next(one.name for one in PROFILES.values() if one.submitted)}
    return {name: value for name, value in given.items() if name != "profile"}


def objection(text: str) -> str:
    """Return what is wrong with the endpoints in *text*; empty where they will do."""
    if not text.split():
        return "Type at least one, such as unix:/run/clamav/clamav-milter.ctl"
    try:
        for spec in text.split():
            parse_endpoint(spec)
    except BadEndpoint as error:
        return str(error)
    return ""


def heading(course: Course, own: OwnMilters, given: Mapping[str, object]) -> str:
    """Return in one line which milters a test asks, with what, as whom."""
    return " · ".join((whom(course, own, given), what(given), who(given), *_further(given)))


def asked(own: OwnMilters, given: Mapping[str, object]) -> str:
    """Return in words which milters are asked, those behind a manager left aside.

    Raises:
        BadEndpoint: what was typed names none.
    """
    return whom(Course(chosen(own, given)[0]), own, given)


def whom(course: Course, own: OwnMilters, given: Mapping[str, object]) -> str:
    """Return in words which milters are asked."""
    count = len(course.chain)
    if not count:
        return "no milters"
    chain = _chain(own, given)
    if chain and not _specs(given):
        behind = f" + {len(course.children)}" if course.children else ""
        return f"chain of {title(chain)}, {count}{behind} milter{'s' if count != 1 else ''}"
    return f"{course.chain[0].name} alone" if count == 1 else f"{count} milters as one chain"


def title(chain: HostChain) -> str:
    """Return what a chain is called: its service, or the port of one that names its address."""
    address, _, port = chain.name.rpartition(":")
    return f"port {port}" if address else chain.name


def what(given: Mapping[str, object]) -> str:
    """Return in words what is sent."""
    file = given.get("message")
    return f"message {file}" if file else f"sample {given.get('sample', 'clean')}"


def who(given: Mapping[str, object]) -> str:
    """Return in words who sends it."""
    profile = PROFILES[str(given.get("profile", "outside"))]
    if profile.submitted:
        return f"{profile.name} program, without SMTP"
    address = given.get("connect_address") or profile.client.address
    word = "client" if profile.name != "authenticated" else "user at"
    return f"{profile.name} {word} {address}"


def _further(given: Mapping[str, object]) -> tuple[str, ...]:
    told = {"milter", "chain", "sample", "message", "profile", "connect_address"}
    count = sum(name not in told for name in given)
    return (f"{count} more option{'s' if count != 1 else ''}",) if count else ()


def _specs(given: Mapping[str, object]) -> tuple[str, ...]:
    specs = given.get("milter") or ()
    return tuple(map(str, specs)) if isinstance(specs, (tuple, list)) else (str(specs),)


def sample_alternatives() -> list[Alternative]:
    """Return the built-in messages."""
    return [Alternative(one.name, one.name, one.summary) for one in SAMPLES.values()]


def profile_alternatives() -> list[Alternative]:
    """Return the kinds of client."""
    return [
        Alternative(one.name, one.name, f"{one.summary} ({one.client.address})")
        for one in PROFILES.values()
    ]
