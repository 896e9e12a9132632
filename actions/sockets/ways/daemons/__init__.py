"""The daemons whose sockets are asked on a mail host: one module each, by the name of a service.

Files and settings are those of Debian 12 and 13 and of RHEL-like systems with EPEL; what each
daemon makes of them is from its own manual, named in its module.
"""

from actions.sockets.ways.daemons import (
    clamav,
    dovecot,
    greylist,
    manager,
    opendkim,
    rspamd,
    spamassassin,
)

OPENERS = {
    one.name: one
    for one in (
        manager.MILTER_MANAGER,
        greylist.MILTER_GREYLIST,
        clamav.CLAMAV_MILTER,
        clamav.CLAMD,
        spamassassin.SPAMASS_MILTER,
        spamassassin.SPAMD,
        opendkim.OPENDKIM,
        opendkim.OPENDMARC,
        rspamd.RSPAMD,
        dovecot.DOVECOT,
    )
}
"""By `MailService.name`, without the instance of one that a host may have several of."""
