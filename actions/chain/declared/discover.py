"""``chain.discover``, declared."""

from typing import TYPE_CHECKING

from actions.action import Context, report

if TYPE_CHECKING:
    from actions.chain.discovered import DiscoverReport


@report("chain.discover")
def chain_discover(ctx: Context) -> "DiscoverReport":
    """Show which milters this host's Postfix asks, for each way by which mail comes in.

    Settings are read as Postfix reads them, overrides in master.cf included, and the milters
    behind a milter-manager with the conditions under which it asks them. No milter is connected
    to. Exits 1 where Postfix refuses a milter or a socket is missing.
    """
    from actions.chain.discover import discover_chains

    return discover_chains(ctx)
