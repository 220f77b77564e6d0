"""Logged models: what a run produced, before anybody registers it."""
