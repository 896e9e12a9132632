"""Test suites on the screen: each scenario with its result, and what differed."""
