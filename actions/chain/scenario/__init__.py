"""Test suites for a milter chain: read from TOML, run as SMTP sessions, compared with what came."""
