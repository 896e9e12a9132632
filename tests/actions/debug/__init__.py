"""Tests of the debug modes."""
