"""Data quality: checks in one vocabulary, run fused in one pass over a table."""
