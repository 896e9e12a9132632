"""The filters of the tests: each is started once, where a test asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.filters.clamav import start_clamav_milter, start_clamd
from tests.filters.daemons import Daemon, Daemons
from tests.filters.opendkim import OpenDkim, start_opendkim
from tests.filters.spamassassin import start_spamass_milter, start_spamd

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def daemons() -> Iterator[Daemons]:
    """What starts the filters; all end with the session."""
    started = Daemons()
    try:
        yield started
    finally:
        started.end()


@pytest.fixture(scope="session")
def opendkim(daemons: Daemons) -> OpenDkim:
    """OpenDKIM as a signer for example.org and as a verifier."""
    return start_opendkim(daemons)


@pytest.fixture(scope="session")
def clamd(daemons: Daemons) -> Daemon:
    """A scanner that knows the EICAR test string."""
    scanner = start_clamd(daemons)
    scanner.wait()
    return scanner


@pytest.fixture(scope="session")
def clamav_milter(daemons: Daemons, clamd: Daemon) -> Daemon:
    """A clamav-milter that rejects, and tells its result in headers that it replaces."""
    settings = "OnInfected Reject\nRejectMsg %v found here\nAddHeader Replace\n"
    return start_clamav_milter(daemons, clamd, "clamav-milter", settings)


@pytest.fixture(scope="session")
def holding_clamav_milter(daemons: Daemons, clamd: Daemon) -> Daemon:
    """A clamav-milter that quarantines, and adds headers."""
    settings = "OnInfected Quarantine\nAddHeader Add\n"
    return start_clamav_milter(daemons, clamd, "holding", settings)


@pytest.fixture(scope="session")
def spamd(daemons: Daemons) -> Daemon:
    """SpamAssassin with its stock rules, without the network."""
    scanner = start_spamd(daemons)
    scanner.wait()
    return scanner


@pytest.fixture(scope="session")
def spamass_milter(daemons: Daemons, spamd: Daemon) -> Daemon:
    """A spamass-milter that rejects from 15 points on, as Debian's does."""
    return start_spamass_milter(daemons, spamd, "spamass-milter", "-r", "15")
