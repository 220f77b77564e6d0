"""Predictions that were not served here: rows of a table, posted records, KServe's payloads."""
