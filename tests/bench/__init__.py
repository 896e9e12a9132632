"""Benchmarks: ``python -m tests.bench`` prints a table; nothing is asserted on times."""
