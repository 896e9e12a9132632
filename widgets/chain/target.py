"""Whom a test asks, and with what: the arguments of ``chain.test`` as an operator reads them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.chain.profiles import PROFILES
from actions.chain.samples import SAMPLES
from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.mailhost.chain import configured_chain, links
from actions.record import Record
from widgets.choice import Alternative

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions.action import Context
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

WHOLE, OTHER = "whole chain", "other"
"""Choices beside the milters themselves; no endpoint is spelled like these."""


class OwnChain(Record):
    """The milters of this host's Postfix."""

    specs: tuple[str, ...] = ()
    user: str = ""
    """Whose rights open their sockets, where that is not the one who works here."""


def read_chain(ctx: Context) -> OwnChain:
    """Return the chain of Postfix's smtpd.

    Raises:
        HostError: Postfix's settings can't be read, or name a milter that Postfix refuses.
    """
    own = configured_chain(ctx.host)
    user = ctx.host.postfix.user() if own.specs and os.geteuid() == 0 else ""
    return OwnChain(own.specs, user)


def chosen_links(own: OwnChain, given: Mapping[str, object]) -> tuple[Link, ...]:
    """Return the milters that a test with these arguments asks; raises `BadEndpoint`."""
    return links(_specs(given) or own.specs)


def arguments(own: OwnChain, given: Mapping[str, object]) -> dict[str, object]:
    """Return *given* with the user that Postfix would open its own milters' sockets as."""
    specs = _specs(given)
    if specs and own.user and not given.get("as_user") and set(specs) <= set(own.specs):
        return {**given, "as_user": own.user}
    return dict(given)


def alternatives(own: OwnChain) -> list[Alternative]:
    """Return what a test can ask."""
    found: list[Alternative] = []
    if own.specs:
        count = len(own.specs)
        found.append(Alternative(WHOLE, "the whole chain", f"all {count}, as smtpd asks them"))
    found += [
        Alternative(link.endpoint.spec, link.name, link.endpoint.spec)
        for link in chosen_links(own, {})
    ]
    return [*found, Alternative(OTHER, "another socket", "type unix:PATH or inet:HOST:PORT")]


def current(given: Mapping[str, object]) -> str:
    """Return which of the `alternatives` holds."""
    specs = _specs(given)
    return specs[0] if len(specs) == 1 else OTHER if specs else WHOLE


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


def heading(names: Sequence[str], given: Mapping[str, object]) -> str:
    """Return in one line which milters a test asks, with what, as whom."""
    return " · ".join((_whom(names, given), _what(given), _who(given), *_further(given)))


def _whom(names: Sequence[str], given: Mapping[str, object]) -> str:
    count = len(names)
    if not count:
        return "no milters"
    if not _specs(given):
        return f"chain of smtpd, {count} milter{'s' if count != 1 else ''}"
    return f"{names[0]} alone" if count == 1 else f"{count} milters as one chain"


def _what(given: Mapping[str, object]) -> str:
    file = given.get("message")
    return f"message {file}" if file else f"sample {given.get('sample', 'clean')}"


def _who(given: Mapping[str, object]) -> str:
    profile = PROFILES[str(given.get("profile", "outside"))]
    address = given.get("connect_address") or profile.client.address
    word = "client" if profile.name != "authenticated" else "user at"
    return f"{profile.name} {word} {address}"


def _further(given: Mapping[str, object]) -> tuple[str, ...]:
    told = {"milter", "sample", "message", "profile", "connect_address"}
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
