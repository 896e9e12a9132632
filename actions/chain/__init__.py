"""The milter chain: what Postfix will do with a message, found by asking the milters."""
