"""Milters and their engines: what their configuration says of their sockets and their needs."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from actions.host.endpoint import BadEndpoint, asked_at, parse_endpoint
from actions.mailhost import files
from actions.mailhost.roles.site import Told, option_of
from actions.mailhost.service import Listener, Need
from actions.mailhost.socket_owners import CHROOTED_SPAMASS, SOCKET_OWNERS, value_of
from actions.settings import greylist, shell
from actions.settings.directives import CLAMAV, OPENDKIM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.mailhost.roles.site import Site
    from actions.mailhost.service import Speech

OWNERS = {owner.unit: owner for owner in SOCKET_OWNERS}

SPAMD_DEFAULTS = ("/etc/default/spamd", "/etc/default/spamassassin", "/etc/sysconfig/spamassassin")

SPAMD_PORT = 783
"""Where spamd listens and spamc asks when nothing says where (spamd(1), spamc(1))."""

_ON_FAIL = {
    "defer": "mail is deferred (451)",
    "accept": "mail passes unscanned",
    "reject": "mail is rejected",
}
"""By clamav-milter's OnFail, Defer by default (clamav-milter.conf(5))."""

_SPAMASS = "/var/run/spamass/spamass.sock"
"""Where Debian's init script puts spamass-milter's socket without Postfix."""

_BIND_SOCKET = re.compile(r'^[ \t]*bind_socket[ \t]*=[ \t]*"?([^"\s;]+)', re.MULTILINE)
"""Where a worker of rspamd listens."""


def milter_greylist(site: Site) -> Told:
    """Read greylist.conf."""
    owner = OWNERS["milter-greylist"]
    file = site.option("-f") or site.first(owner.files)
    text = site.text(file)
    spec = site.option("-p") or value_of(text, owner.spec)
    user = site.option("-u") or greylist.value(text, "user")
    return Told(milter_at(spec, file), user=user.partition(":")[0])


def clamav_milter(site: Site) -> Told:
    """Read clamav-milter.conf; each ClamdSocket is a need (they stand in for each other)."""
    owner = OWNERS["clamav-milter"]
    file = site.option("-c", "--config-file") or site.first(owner.files)
    text = site.text(file)
    user = CLAMAV.value(text, "User")
    without = _ON_FAIL.get(CLAMAV.value(text, "OnFail").lower(), _ON_FAIL["defer"])
    needs = tuple(
        Need("clamd", spec, user, without)
        for one in CLAMAV.all_of(text, "ClamdSocket")
        if (spec := spec_of(one.value.replace("tcp:", "inet:", 1)))
    )
    return Told(milter_at(value_of(text, owner.spec), file), needs, user)


def spamass_milter(site: Site) -> Told:
    """Read its options: the socket from -p or SOCKET, spamc's own from behind ``--``."""
    given = site.environment
    socket = site.option("-p") or given.get("SOCKET", "")
    if not socket and not any(word.startswith("-p") for word in site.argv):
        has_postfix = os.path.exists(site.host.at("/usr/sbin/postfix"))
        socket = CHROOTED_SPAMASS if has_postfix else _SPAMASS
    further = (given.get(name, "") for name in ("OPTIONS", "EXTRA_FLAGS"))
    options = [*site.argv, *(word for value in further for word in shell.words(value))]
    source = next(iter(site.files), "")
    # The lab's spamass-milter scores mail by itself.
    needs = () if site.host.kind == "lab" else (_spamd(options),)
    # Its own -u is spamc's; whom Debian's init script becomes is RUNAS.
    user = given.get("RUNAS", "spamass-milter") if site.has_init_script else ""
    return Told(milter_at(socket, source), needs, user)


def _spamd(options: list[str]) -> Need:
    """Return what the options for spamc come to (spamass-milter(1), spamc(1))."""
    spamc = options[options.index("--") + 1 :] if "--" in options else []
    path = option_of(spamc, "-U", "--socket")
    host = option_of(spamc, "-d", "--dest")
    port = option_of(spamc, "-p", "--port")
    # Older versions take the host with -D, before the separator.
    host = host or option_of(options, "-D")
    spec = f"unix:{path}" if path else f"inet:{asked_at(host)}:{port or SPAMD_PORT}"
    return Need("spamd", spec, without="mail passes unfiltered")


def opendkim(site: Site) -> Told:
    """Read opendkim.conf."""
    return _trusted_domain(site, "opendkim")


def opendmarc(site: Site) -> Told:
    """Read opendmarc.conf."""
    return _trusted_domain(site, "opendmarc")


def _trusted_domain(site: Site, name: str) -> Told:
    """Read the configuration that the daemons of The Trusted Domain Project share."""
    owner = OWNERS[name]
    file = site.option("-x", "-c") if name == "opendkim" else site.option("-c")
    # opendkim's -c is a canonicalization, opendmarc's a file.
    file = file if file.startswith("/") else site.first(owner.files)
    text = site.text(file)
    spec = site.option("-p") or value_of(text, owner.spec)
    user = site.option("-u") or OPENDKIM.value(text, "UserID")
    return Told(milter_at(spec, file), user=user.partition(":")[0])


def rspamd(site: Site) -> Told:
    """Read where rspamd's proxy listens, which is its milter."""
    files = (
        "/etc/rspamd/override.d/worker-proxy.inc",
        "/etc/rspamd/local.d/worker-proxy.inc",
        "/etc/rspamd/worker-proxy.inc",
    )
    file = next((path for path in files if _BIND_SOCKET.search(site.text(path))), "")
    value = (_BIND_SOCKET.findall(site.text(file)) or ["localhost:11332"])[-1]
    spec = value if value.startswith("/") else f"inet:{value.replace('*:', '0.0.0.0:')}"
    return Told(milter_at(spec, file), user=site.option("-u"))


def milter_manager(site: Site) -> Told:
    """Read where it listens; its children are what the chains tell."""
    given = site.environment
    spec = given.get("CONNECTION_SPEC") or site.option("-s", "--spec", "--connection-spec")
    source = next(iter(site.files), "")
    return Told(milter_at(spec, source), user=given.get("USER") or site.option("-u", "--user-name"))


def clamd(site: Site) -> Told:
    """Read clamd.conf, or the file that the unit names."""
    file = site.option("-c", "--config-file") or site.first(files.CLAMD)
    text = site.text(file)
    listeners = []
    if path := CLAMAV.value(text, "LocalSocket"):
        listeners.append(Listener(f"unix:{path}", "clamd", source=file))
    if port := CLAMAV.value(text, "TCPSocket"):
        host = asked_at(CLAMAV.value(text, "TCPAddr"))
        listeners.append(Listener(f"inet:{host}:{port}", "clamd", source=file))
    return Told(tuple(listeners), user=CLAMAV.value(text, "User"))


def freshclam(site: Site) -> Told:
    """Read whose signatures freshclam fetches; it listens nowhere."""
    file = site.option("--config-file") or site.first(files.FRESHCLAM)
    return Told(user=CLAMAV.value(site.text(file), "DatabaseOwner"))


def spamd(site: Site) -> Told:
    """Read spamd's options; its rules are in SpamAssassin's files."""
    site.text(site.first(files.SPAMASSASSIN))
    options = site.argv or shell.words(site.environment.get("OPTIONS", ""))
    user = option_of(options, "-u", "--username")
    return Told(tuple(_spamd_listeners(options)), user=user)


def _spamd_listeners(options: tuple[str, ...]) -> Iterator[Listener]:
    path = option_of(options, "--socketpath")
    if path:
        yield Listener(f"unix:{path}", "spamd", source="the command line")
        return
    port = option_of(options, "-p", "--port") or str(SPAMD_PORT)
    host = option_of(options, "-i", "--listen", "--listen-ip", "--ip-address")
    # Without a value it listens everywhere; what follows is the next option then.
    host = "" if host.startswith("-") else host.partition(":")[0] if host.count(":") == 1 else host
    yield Listener(f"inet:{asked_at(host)}:{port}", "spamd", source="the command line")


def milter_at(spec: str, source: str) -> tuple[Listener, ...]:
    """Return the milter at *spec*, in the notation of libmilter or of Postfix."""
    return _at(spec, "milter", source)


def _at(spec: str, speech: Speech, source: str) -> tuple[Listener, ...]:
    read = spec_of(spec)
    return (Listener(read, speech, source=source),) if read else ()


def spec_of(spec: str) -> str:
    """Return *spec* in Postfix's notation with a host that can be asked, or ""."""
    try:
        endpoint = parse_endpoint(spec)
    except BadEndpoint:
        return ""
    if endpoint.family == "unix":
        return endpoint.spec
    return f"inet:{asked_at(endpoint.place)}:{endpoint.port}"
