"""Fixtures of the engine's tests: real milters and raw peers."""

from tests.milters.fixtures import lasting, milters, peers

__all__ = ["lasting", "milters", "peers"]
