"""Postfix's part of the setup: what its settings should be, read and edited by its own tools."""
