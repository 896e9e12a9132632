"""Fixtures of the greetings' tests: raw peers, and real filters with their engines."""

from tests.filters.conftest import clamav_milter, clamd, daemons, spamass_milter, spamd
from tests.milters.fixtures import milters, peers
from tests.postfix.fixtures import postfix

__all__ = [
    "clamav_milter",
    "clamd",
    "daemons",
    "milters",
    "peers",
    "postfix",
    "spamass_milter",
    "spamd",
]
