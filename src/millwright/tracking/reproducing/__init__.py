"""Doing a run again from its record, and saying what came out the same."""
