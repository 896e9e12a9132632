"""Sockets: whether each client of this host can open the socket it needs, and what lasts."""
