"""A private, real Postfix for the tests: its own configuration, queue, log and mailboxes."""
