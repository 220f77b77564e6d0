"""Pipelines that start by the clock: cron and intervals, what was missed, backfills."""
