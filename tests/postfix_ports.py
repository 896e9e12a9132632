"""Postfix ports for tests on machines that may have no Postfix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.ports import PostfixEdit, PostfixFile, PostfixService
from console.lab.postfix import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

SMTPD = PostfixService(
    name="smtp",
    kind="inet",
    private=False,
    unprivileged=True,
    chroot=False,
    program="smtpd",
    arguments=(),
    overrides=(),
)


class TablePostfix:
    """Postfix's settings as a table, with one smtpd unless told otherwise."""

    def __init__(
        self,
        settings: dict[str, str],
        services: tuple[PostfixService, ...] = (SMTPD,),
        user: str = "postfix",
    ) -> None:
        self._settings = settings
        self._services = services
        self._user = user

    def setting(self, name: str) -> str:
        try:
            return self._settings[name]
        except KeyError:
            raise HostError(f"Postfix has no setting {name!r}") from None

    def setting_of(self, service: PostfixService, name: str) -> str:
        own = dict(service.overrides)
        return own[name] if name in own else self.setting(name)

    def default(self, name: str) -> str:
        return DEFAULTS[name]

    def services(self) -> tuple[PostfixService, ...]:
        return self._services

    def user(self) -> str:
        return self._user

    def folder(self) -> str:
        return "/etc/postfix"

    def warnings(self) -> tuple[str, ...]:
        return ()

    def edited(self, files: Mapping[PostfixFile, bytes], edit: PostfixEdit, argument: str) -> bytes:
        raise HostError("these settings are in no file")


class NoPostfix:
    """No MTA at all."""

    def _missing(self) -> HostError:
        return HostError("postconf: no such program here; is its package installed?")

    def setting(self, name: str) -> str:
        raise self._missing()

    def setting_of(self, service: PostfixService, name: str) -> str:
        raise self._missing()

    def default(self, name: str) -> str:
        raise self._missing()

    def services(self) -> tuple[PostfixService, ...]:
        raise self._missing()

    def user(self) -> str:
        raise self._missing()

    def folder(self) -> str:
        raise self._missing()

    def warnings(self) -> tuple[str, ...]:
        raise self._missing()

    def edited(self, files: Mapping[PostfixFile, bytes], edit: PostfixEdit, argument: str) -> bytes:
        raise self._missing()
