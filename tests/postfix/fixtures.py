"""Fixtures around the private Postfix; a conftest that wants them imports them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.postfix.running import Postfix
from tests.programs import give_up, needs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    """A private Postfix that delivers to maildirs of its own."""
    needs("postfix", "postconf", "openssl")
    if os.geteuid() != 0:
        give_up("only root can start a Postfix")
    started = Postfix()
    try:
        started.start()
        yield started
    finally:
        started.stop()
