"""The MTA side of the milter protocol: an engine without I/O, and the sessions that drive it."""
