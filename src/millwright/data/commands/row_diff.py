"""What `mw data diff` says of two versions of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from millwright.data.commands.shared import opened, print_json

if TYPE_CHECKING:
    from millwright.data.working.journal import Known


def show_row_diff(
    old: Known, new: Known, key: str | None, limit: int, project: str | None, *, as_json: bool
) -> None:
    """Compare rows and columns and print what differs."""
    from millwright.data.comparison.client import compare_versions
    from millwright.data.comparison.text import diff_as_text

    columns = tuple(part.strip() for part in key.split(",") if part.strip()) if key else ()
    with opened(project) as (door, name):
        found = compare_versions(door, name, old.reference, new.reference, columns, limit=limit)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        click.echo(diff_as_text(found))
