"""Fixtures of the engine's tests: real milters and raw peers."""

from hypothesis import settings

from tests.milters.fixtures import lasting, milters, peers

__all__ = ["lasting", "milters", "peers"]

# A machine that is busy with other things must not make a property false.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
