"""Artifacts by path, without paths: a path is a key in a table that leads to an object's digest."""
