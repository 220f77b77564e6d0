"""Registered models as MLflow clients know them: the same models and versions as everywhere else.

One store, two faces. A version that Millwright packaged has a manifest and can be deployed; one that
an MLflow client registered is ``external``: it has a source, tags, aliases and stages, is shown and
found, and cannot be deployed before it was packaged. ``docs/decisions/0019`` says why.
"""
