"""`mw import` and `mw export`: moving in from other tools, and out to them."""

from __future__ import annotations

import click

from millwright.kernel.command_line import LazyGroup

IMPORTS: dict[str, tuple[str, str]] = {
    "dvc": ("millwright.data.dvc.commands:import_dvc", "Take a DVC repository with its history."),
    "mlflow": (
        "millwright.tracking.exchange.commands:import_mlflow",
        "Take runs and models of MLflow.",
    ),
}
EXPORTS: dict[str, tuple[str, str]] = {
    "dvc": ("millwright.data.dvc.commands:export_dvc", "Write versions as a DVC repository."),
    "mlflow": (
        "millwright.tracking.exchange.commands:export_mlflow",
        "Bring runs to an MLflow server.",
    ),
    "openlineage": (
        "millwright.tracking.openlineage.commands:export_openlineage",
        "Write runs as OpenLineage events.",
    ),
}


@click.group("import", cls=LazyGroup, commands_at=IMPORTS)
def import_() -> None:
    """Move in from another tool."""


@click.group(cls=LazyGroup, commands_at=EXPORTS)
def export() -> None:
    """Hand data out to another tool."""
