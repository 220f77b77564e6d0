"""Scorers of MLflow 3: judges kept by name and version, stored as sent and never run here."""
