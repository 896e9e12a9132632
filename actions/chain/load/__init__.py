"""``chain.load``: many sessions through a chain at once, counted and timed."""
