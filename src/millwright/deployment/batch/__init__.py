"""Scoring whole tables with a model version, in parts that survive a kill."""

from __future__ import annotations
