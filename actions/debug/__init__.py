"""Debug modes: which daemon is in one, one switched on for a while, and off again."""
