"""Pipelines that start because something happened: data, another pipeline, an alert, a webhook."""
