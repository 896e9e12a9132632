"""SpamAssassin with its stock rules and without the network: spamd, and spamass-milter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.programs import needs

if TYPE_CHECKING:
    from tests.filters.daemons import Daemon, Daemons

PLUGINS = """\
loadplugin Mail::SpamAssassin::Plugin::Check
loadplugin Mail::SpamAssassin::Plugin::HeaderEval
loadplugin Mail::SpamAssassin::Plugin::BodyEval
loadplugin Mail::SpamAssassin::Plugin::MIMEEval
"""
"""What the stock rules are run by; the rules of the other plugins stay out."""

SETTINGS = """\
use_bayes 0
skip_rbl_checks 1
dns_available no
report_safe 1
rewrite_header Subject [SPAM]
"""
"""What is spam gets another subject, and is attached to a report of why it is."""


def start_spamd(daemons: Daemons, name: str = "spamd") -> Daemon:
    """Start spamd with local tests only; it is not waited for."""
    (program,) = needs("spamd")
    folder = daemons.folder(name)
    site = daemons.folder(f"{name}/site")
    daemons.write(site / "init.pre", PLUGINS)
    daemons.write(site / "local.cf", SETTINGS)
    socket = folder / "socket"
    argv = [
        program,
        "--local",
        "--nouser-config",
        "--max-children=2",
        f"--siteconfigpath={site}",
        f"--socketpath={socket}",
        "--syslog=stderr",
    ]
    return daemons.start(folder, argv, socket)


def start_spamass_milter(daemons: Daemons, spamd: Daemon, name: str, *options: str) -> Daemon:
    """Start spamass-milter in front of *spamd*.

    Args:
        daemons: who starts it.
        spamd: what it asks, through spamc.
        name: the last part of the milter's path, by which reports call it.
        options: its command line.
    """
    program, _ = needs("spamass-milter", "spamc")
    folder = daemons.folder(f"milter-{name}")
    socket = folder / name
    argv = [program, "-p", str(socket), *options, "--", "-U", spamd.path]
    milter = daemons.start(folder, argv, socket)
    milter.wait()
    return milter
