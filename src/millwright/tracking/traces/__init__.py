"""Traces: what an application did for one request, span by span, and what people said of it."""
