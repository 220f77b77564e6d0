"""`mw data`: dataset versions, where their bytes are, and whether they can be trusted."""

from __future__ import annotations

import click

from millwright.kernel.command_line import LazyGroup

_HERE = "millwright.data.commands"
COMMANDS: dict[str, tuple[str, str]] = {
    "list": (f"{_HERE}.listing:list_command", "The datasets of the project."),
    "add": (f"{_HERE}.adding:add", "Keep a file or table as the next version of a dataset."),
    "show": (f"{_HERE}.listing:show", "The columns of a version."),
    "rules": (f"{_HERE}.checking:rules", "The rules of a dataset."),
    "confirm": (
        f"{_HERE}.checking:confirm",
        "Confirm rules: a version that breaks one is refused.",
    ),
    "check": (f"{_HERE}.checking:check", "Check a version against the rules."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def data() -> None:
    """Dataset versions, where their bytes are, and whether they can be trusted."""
