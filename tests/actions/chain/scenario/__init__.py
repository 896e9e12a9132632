"""Tests of the test suites for milter chains."""
