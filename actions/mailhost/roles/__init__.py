"""Which services make up this mail host, found from chains, configuration and units."""

from actions.mailhost.roles.find import FoundServices, find_services

__all__ = ["FoundServices", "find_services"]
