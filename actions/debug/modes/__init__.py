"""Which daemons have a debug mode, and by which words each is switched on, as data.

Facts are from the manual pages of Debian 13's packages: spamass-milter(1), clamav-milter.conf(5),
clamd(8), milter-greylist(8), greylist.conf(5), opendkim(8), opendkim.conf(5), spamd(8p); of
milter-manager and rspamd from what ``--help`` prints, of Postfix from smtpd(8) and postconf(5).
"""

from actions.debug.modes.catalogue import ENIGMA, MODES, POSTFIX, Mode, mode_of

__all__ = ["ENIGMA", "MODES", "POSTFIX", "Mode", "mode_of"]
