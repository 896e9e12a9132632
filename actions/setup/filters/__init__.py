"""The checks of the filters, their engines, and the milter-manager before them."""

from actions.setup.filters import clamav, greylisting, groups, manager, spamassassin

CHECKS = (
    *spamassassin.CHECKS,
    *clamav.CHECKS,
    *greylisting.CHECKS,
    *groups.CHECKS,
    *manager.CHECKS,
)
