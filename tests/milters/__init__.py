"""Milters for the tests: real ones on libmilter, and raw peers that lie, stall and flood."""
