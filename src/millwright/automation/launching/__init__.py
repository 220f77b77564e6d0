"""Runs that something other than a person started: workers for them, so many at a time."""
