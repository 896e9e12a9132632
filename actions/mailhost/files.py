"""Where each daemon's settings are, where its unit names no file; the first that exists counts.

Places are those of Debian 12 and 13 and of RHEL-like systems with EPEL.
"""

CLAMD = ("/etc/clamav/clamd.conf", "/etc/clamd.d/scan.conf", "/etc/clamd.conf")
FRESHCLAM = ("/etc/clamav/freshclam.conf", "/etc/freshclam.conf")
CLAMAV_MILTER = ("/etc/clamav/clamav-milter.conf", "/etc/mail/clamav-milter.conf")
SPAMASSASSIN = ("/etc/spamassassin/local.cf", "/etc/mail/spamassassin/local.cf")
SPAMASS_MILTER = ("/etc/default/spamass-milter", "/etc/sysconfig/spamass-milter")
MILTER_GREYLIST = ("/etc/milter-greylist/greylist.conf", "/etc/mail/greylist.conf")
OPENDKIM = ("/etc/opendkim.conf",)
OPENDMARC = ("/etc/opendmarc.conf",)
MILTER_MANAGER = ("/etc/sysconfig/milter-manager", "/etc/default/milter-manager")
"""Of the service; what it does with mail is in /etc/milter-manager."""
