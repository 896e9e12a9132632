"""Tests on a real mail host: a Debian machine under systemd-nspawn, with its daemons running."""
