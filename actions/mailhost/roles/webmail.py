"""The web mail and its database: who asks whom, from Roundcube's and MariaDB's own files."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from actions.host.endpoint import asked_at
from actions.mailhost.roles.site import Told
from actions.mailhost.service import Listener, Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Host
    from actions.mailhost.roles.site import Site

ROUNDCUBE = (
    "/etc/roundcube/config.inc.php",
    "/etc/roundcubemail/config.inc.php",
    "/usr/share/roundcubemail/config/config.inc.php",
    "/var/www/html/roundcubemail/config/config.inc.php",
    "/var/www/roundcubemail/config/config.inc.php",
    "/opt/roundcubemail/config/config.inc.php",
)
DEBIAN_DATABASE = "/etc/roundcube/debian-db.php"
"""Where Debian keeps the database's settings, apart from Roundcube's."""

WITHOUT = "nobody can read mail by web"

MYSQL_FILES = ("/etc/my.cnf", "/etc/mysql/my.cnf")
MYSQL_PORT = 3306
_SOCKETS = {
    "/etc/mysql/my.cnf": "/run/mysqld/mysqld.sock",
    "/etc/my.cnf": "/var/lib/mysql/mysql.sock",
}
"""Where the server of Debian's and of RHEL's packages listens when nothing says where."""

_GROUPS = {"mysqld", "mariadb", "mariadbd", "server"}
"""The groups of my.cnf that a server reads; further ones have a version in their name."""

_DSN = re.compile(
    r"""^[ \t]*\$config\[['"]db_dsnw['"]\][ \t]*=[ \t]*['"](?P<value>[^'"\n]*)""", re.MULTILINE
)
_DEBIAN = re.compile(
    r"""^[ \t]*\$(?P<name>db\w+)[ \t]*=[ \t]*['"](?P<value>[^'"]*)""", re.MULTILINE
)


def roundcube_at(host: Host) -> str:
    """Return Roundcube's configuration file on *host*, or "" where it has none."""
    return next((path for path in ROUNDCUBE if os.path.lexists(host.at(path))), "")


def web_server(site: Site) -> Told:
    """Return what the web mail needs; of where a web server listens nothing is read here."""
    path = roundcube_at(site.host)
    return Told(needs=tuple(_needs(site, path))) if path else Told()


def _needs(site: Site, path: str) -> Iterator[Need]:
    """Yield the database in Roundcube's settings; its password is left where it stands."""
    found = _DSN.findall(site.text(path))
    kind, host, port, socket = ("", "", "", "")
    if found:
        kind, host, port, socket = _dsn(found[-1])
    elif os.path.lexists(site.host.at(DEBIAN_DATABASE)):
        pairs = _DEBIAN.findall(site.text(DEBIAN_DATABASE))
        given = dict(pairs)
        kind, host, port = (given.get(name, "") for name in ("dbtype", "dbserver", "dbport"))
    if not kind.startswith("mysql"):
        return
    spec = f"unix:{socket}" if socket else f"inet:{host}:{port or MYSQL_PORT}"
    if not socket and host in {"", "localhost"}:
        spec = f"unix:{server_socket(site)}"  # libmysql takes localhost for the socket
    yield Need("mariadb", spec, without=WITHOUT)


def _dsn(dsn: str) -> tuple[str, str, str, str]:
    """Return kind, host, port and socket of ``mysql://USER:PASSWORD@HOST/DATABASE``."""
    kind, _, rest = dsn.partition("://")
    place = rest.rpartition("@")[2]
    if place.startswith("unix("):
        return kind, "", "", place[len("unix(") :].partition(")")[0]
    host, _, port = place.partition("/")[0].partition(":")
    return kind, host, port, ""


def database(site: Site) -> Told:
    """Read where the database server listens, from its option files."""
    settings = server_settings(site)
    socket = site.option("--socket") or settings.get("socket") or server_socket(site)
    source = next(iter(site.files), "")
    listeners = [Listener(f"unix:{socket}", "mysql", source=source)]
    if "skip-networking" not in settings or settings["skip-networking"] in {"0", "OFF"}:
        listeners += _by_port(site, settings, source)
    return Told(tuple(listeners), user=settings.get("user", ""))


def _by_port(site: Site, settings: dict[str, str], source: str) -> Iterator[Listener]:
    host = settings.get("bind-address", "").partition(",")[0]
    port = site.option("--port") or settings.get("port") or str(MYSQL_PORT)
    yield Listener(f"inet:{asked_at(host)}:{port}", "mysql", port, source=source)


def server_socket(site: Site) -> str:
    """Return the socket of the database server on this host."""
    named = server_settings(site).get("socket")
    return named or _SOCKETS.get(site.first(MYSQL_FILES), _SOCKETS["/etc/mysql/my.cnf"])


def server_settings(site: Site) -> dict[str, str]:
    """Return what the option files set for the server, names with ``-`` for ``_``."""
    path = site.first(reversed(MYSQL_FILES))
    return dict(_settings(site, path, 0)) if path else {}


_DEEPEST = 5
"""Files that may name further files, one in the other."""


def _settings(site: Site, path: str, depth: int) -> Iterator[tuple[str, str]]:
    group = ""
    for line in site.text(path).splitlines():
        stripped = line.strip()
        if stripped.startswith("!include") and depth < _DEEPEST:
            for further in _included(site, stripped):
                yield from _settings(site, further, depth + 1)
        elif stripped.startswith("["):
            group = stripped.strip("[]")
        elif stripped and stripped[0] not in "#;" and _is_servers(group):
            name, _, value = stripped.partition("=")
            yield name.strip().replace("_", "-"), value.partition("#")[0].strip().strip("\"'")


def _is_servers(group: str) -> bool:
    return group in _GROUPS or group.startswith(("mariadb-", "mysqld-"))


def _included(site: Site, line: str) -> tuple[str, ...]:
    word, _, path = line.partition(" ")
    path = path.strip()
    if word == "!include":
        return (path,)
    try:
        names = sorted(os.listdir(site.host.at(path)))
    except OSError as error:
        site.notes.append(f"{path}: can't be read: {error.strerror}")
        return ()
    return tuple(f"{path.rstrip('/')}/{name}" for name in names if name.endswith(".cnf"))
