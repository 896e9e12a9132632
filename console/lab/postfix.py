"""Postfix's settings as its main.cf and master.cf give them, with its own values for the rest."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.master import read_master

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import PostfixEdit, PostfixFile, PostfixService

DEFAULTS: Mapping[str, str] = {
    "config_directory": "/etc/postfix",
    "command_directory": "/usr/sbin",
    "mail_name": "Postfix",
    "mail_version": "lab",
    "mail_owner": "postfix",
    "syslog_name": "postfix",
    "myhostname": "localhost.localdomain",
    "mydomain": "localdomain",
    "myorigin": "$myhostname",
    "mydestination": "$myhostname, localhost.$mydomain, localhost",
    "mynetworks": "127.0.0.0/8, [::1]/128",
    "debug_peer_list": "",
    "smtpd_sasl_auth_enable": "no",
    "queue_directory": "/var/spool/postfix",
    "mail_spool_directory": "/var/mail",
    "home_mailbox": "",
    "recipient_delimiter": "",
    "smtpd_banner": "$myhostname ESMTP $mail_name",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
    "smtpd_authorized_xclient_hosts": "",
    "message_size_limit": "10240000",
    "queue_minfree": "0",
    "qmgr_message_active_limit": "20000",
    "minimal_backoff_time": "300s",
    "maximal_backoff_time": "4000s",
    "maximal_queue_lifetime": "5d",
    "smtpd_milters": "",
    "smtpd_milter_maps": "",
    "receive_override_options": "",
    "cleanup_service_name": "cleanup",
    "compatibility_level": "0",
    "inet_protocols": "all",
    "non_smtpd_milters": "",
    "milter_protocol": "6",
    "milter_default_action": "tempfail",
    "milter_connect_timeout": "30s",
    "milter_command_timeout": "30s",
    "milter_content_timeout": "300s",
    "milter_connect_macros": "j {daemon_name} {daemon_addr} v _",
    "milter_helo_macros": "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
    "milter_mail_macros": "i {auth_type} {auth_authen} {auth_author} "
    "{mail_addr} {mail_host} {mail_mailer}",
    "milter_rcpt_macros": "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
    "milter_data_macros": "i",
    "milter_end_of_header_macros": "i",
    "milter_end_of_data_macros": "i",
    "milter_unknown_command_macros": "",
    "milter_macro_daemon_name": "$myhostname",
    "milter_macro_v": "$mail_name $mail_version",
    "milter_macro_defaults": "",
    "milter_header_checks": "",
}

EXPANSION_LIMIT = 20
"""Names that may stand within names; a loop is an error in main.cf."""

_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)\}|\((\w+)\))")


class MainCf:
    """The settings in one main.cf, read anew at every question."""

    def __init__(self, path: str) -> None:
        self._path = path

    def setting(self, name: str) -> str:
        """Return the value of *name* with its parameters expanded; raises `HostError`."""
        settings = self.read()
        if name not in settings:
            raise HostError(f"Postfix has no setting {name!r}")
        return expand(settings[name], settings)

    def setting_of(self, service: PostfixService, name: str) -> str:
        """Return the value of *name* in *service*; raises `HostError`."""
        own = {"service_name": service.name, **dict(service.overrides)}
        settings = {**self.read(), **own}
        if name not in settings:
            raise HostError(f"Postfix has no setting {name!r}")
        return expand(settings[name], settings)

    def default(self, name: str) -> str:
        """Return Postfix's own value of *name*, without expansion; raises `HostError`."""
        try:
            return DEFAULTS[name]
        except KeyError:
            raise HostError(f"Postfix has no setting {name!r}") from None

    def services(self) -> tuple[PostfixService, ...]:
        """Return the services of master.cf in their order; raises `HostError`."""
        path = os.path.join(os.path.dirname(self._path), "master.cf")
        level = self.setting("compatibility_level")
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                return read_master(file.read(), chroot=level.partition(".")[0] == "0")
        except OSError as error:
            raise HostError(f"{path} can't be read: {error.strerror}") from error

    def user(self) -> str:
        """Return the user that Postfix's network services run as (mail_owner)."""
        return self.setting("mail_owner")

    def folder(self) -> str:
        """Return the folder of main.cf and master.cf."""
        return os.path.dirname(self._path)

    def warnings(self) -> tuple[str, ...]:
        """Return nothing: the lab's Postfix takes what it finds."""
        return ()

    def edited(self, files: Mapping[PostfixFile, bytes], edit: PostfixEdit, argument: str) -> bytes:
        """Return what a file becomes by *edit*, as postconf(1) does it; raises `HostError`."""
        from console.lab.postconf import edited

        return edited(files, edit, argument)

    def read(self) -> dict[str, str]:
        """Return every setting as it is written, without expansion; raises `HostError`."""
        try:
            with open(self._path, encoding="utf-8", errors="surrogateescape") as file:
                return {**DEFAULTS, **parse(file.read())}
        except OSError as error:
            raise HostError(f"{self._path} can't be read: {error.strerror}") from error


def parse(text: str) -> dict[str, str]:
    """Read a main.cf: comments, and lines that go on where the next begins with a space."""
    settings: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace():
            if name:
                settings[name] = f"{settings[name]} {line.strip()}".strip()
            continue
        name, _, value = (part.strip() for part in line.partition("="))
        settings[name] = value
    return settings


def expand(value: str, settings: Mapping[str, str]) -> str:
    """Return *value* with each ``$name`` replaced; an unknown name stands for nothing.

    Raises:
        HostError: names refer to each other in a circle.
    """
    for _ in range(EXPANSION_LIMIT):
        if not _REFERENCE.search(value):
            return value
        value = _REFERENCE.sub(lambda found: settings.get(_name_in(found), ""), value)
    raise HostError(f"main.cf: {value!r} refers to itself")


def _name_in(found: re.Match[str]) -> str:
    return found[1] or found[2] or found[3]
