"""The whole host at once: how mail flows through it, what is wrong, and what to do."""
