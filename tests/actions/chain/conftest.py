"""Fixtures of the chain actions' tests: real milters and raw peers."""

from tests.milters.fixtures import lasting, milters, peers

__all__ = ["lasting", "milters", "peers"]
