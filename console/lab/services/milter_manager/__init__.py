"""A stand-in for milter-manager: one milter towards Postfix, the MTA towards its children.

It behaves as milter-manager 2.3 does where that can be seen from outside: its files, its log
lines, what becomes of a child that fails. The program is this project's own. The lab runs it as one
of its units; `running` runs it on a host of RHEL's layout, for tests.
"""

NAME = "milter-manager"
USER = "milter-manager"
CONFIGURATION = "/etc/milter-manager/milter-manager.conf"
ENVIRONMENT = "/etc/default/milter-manager"
PROGRAM = "/usr/sbin/milter-manager"
