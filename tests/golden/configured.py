"""A case's settings, read as the product reads those of a host's Postfix."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actions.mailhost.chain import read_settings
from actions.milter.connection import offer_of
from actions.milter.link import ChainSettings, tells_whole_commands
from actions.milter.macros import DEFAULT_LISTS, server_macros
from tests.golden.cases import HOSTNAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.milter.chain import Outcome
    from actions.milter.link import Link
    from tests.golden.cases import Case

    Played = tuple[list[str], list[Outcome]]

USUAL = {
    "queue_directory": "/var/spool/postfix",
    "myhostname": HOSTNAME,
    "inet_protocols": "all",
    "milter_connect_timeout": "5s",
    "milter_command_timeout": "5s",
    "milter_content_timeout": "5s",
    "milter_macro_daemon_name": HOSTNAME,
    "milter_macro_defaults": "",
    "milter_header_checks": "",
    "milter_unknown_command_macros": "",
}


class Configured(NamedTuple):
    """What the engine is given."""

    links: tuple[Link, ...]
    settings: ChainSettings
    unknown_action: bool
    """Whether this Postfix does not know the default action: it answers 451 4.3.5 then."""


def as_configured(case: Case, specs: Mapping[str, str], version: str) -> Configured:
    """Return what the settings of *case* mean.

    Args:
        case: the case.
        specs: by milter, where it listens.
        version: that of the Postfix that was recorded.
    """
    told = {
        **USUAL,
        **{
            f"milter_{stage}_macros": " ".join(map(_braced, macros))
            for stage, macros in DEFAULT_LISTS.items()
            if stage != "unknown"
        },
        "mail_version": version,
        "milter_macro_v": f"Postfix {version}",
        **dict(case.settings_with(specs)),
    }
    setting = "non_smtpd_milters" if case.submitted else "smtpd_milters"
    reading = read_settings(told.__getitem__, setting=setting)
    unknown_action = any("default action" in refusal.reason for refusal in reading.refusals)
    assert unknown_action or not reading.refusals
    chain = reading.chain
    server = server_macros(chain.hostname, "127.0.0.1", chain.version)
    server["daemon_name"] = chain.daemon_name.encode()
    found = zip(case.names, chain.links, reading.protocols, strict=True)
    links = tuple(
        link._replace(name=name, offer=offer_of(int(protocol))) for name, link, protocol in found
    )
    defaults = {name: value.encode() for name, value in chain.macro_defaults}
    settings = ChainSettings(
        server,
        macro_lists=chain.macro_lists,
        macro_defaults=defaults,
        whole_commands=tells_whole_commands(f"Postfix {version}"),
    )
    return Configured(links, settings, unknown_action)


def _braced(macro: str) -> str:
    """Return *macro* as it stands in a list."""
    return macro if len(macro) == 1 else f"{{{macro}}}"
