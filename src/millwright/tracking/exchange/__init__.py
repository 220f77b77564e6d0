"""Experiments and runs from an MLflow installation, and to one: by REST, from its SQLite, or from
the files of an `mlruns` folder. The `mlflow` package is not needed."""
