"""What can go wrong between an action and the host."""

AS_ROOT = "run it as root"
"""The next step where more rights would do."""


class HostError(Exception):
    """Something the host refused or could not do; the text names it and its object."""


class NotPermitted(HostError):
    """The host refused for want of rights."""


class UnknownAccount(HostError):
    """A user or group that this host does not have."""
