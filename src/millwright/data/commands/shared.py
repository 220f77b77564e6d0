"""What the commands of the room have in common: options, the door, JSON on the screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from millwright.kernel.door import Door

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PROJECT = click.option("--project", help="Project; that of the nearest millwright.yaml if omitted.")


@contextmanager
def opened(project: str | None) -> Iterator[tuple[Door, str]]:
    """The door, and the project named or found around the working folder."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace

    workspace = Workspace.find()
    name = project or workspace.project().project
    with connect(workspace) as door:
        yield door, name


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2))
