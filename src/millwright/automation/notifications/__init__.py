"""Telling people how pipeline runs ended."""
