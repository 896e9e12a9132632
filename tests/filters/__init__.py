"""Debian's own filters, started privately, and asked as Postfix asks them."""
