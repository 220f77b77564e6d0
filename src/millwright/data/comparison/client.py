"""Comparing versions and looking at their rows, through the door."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from millwright.data.comparison.records import Preview, TableDiff
from millwright.data.references import split
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput


def compare_versions(
    door: Door,
    project: str,
    before: str,
    after: str,
    key: Sequence[str] = (),
    *,
    limit: int = 20,
) -> TableDiff:
    """How one version of a table became another (see ``TableDiff``).

    Args:
        door: the way to the control plane.
        project: where the dataset is.
        before, after: ``name@version`` each, of the same dataset.
        key: columns that name a row; chosen by the control plane when none are given.
        limit: how many rows of each kind to show.

    Raises:
        NotFound: there is no such version.
        InvalidInput: the versions are of different datasets, or a column of the key is missing.
    """
    (name, old), (other, new) = split(before), split(after)
    if name != other:
        raise InvalidInput(
            "data.two_datasets",
            f"'{before}' and '{after}' are not versions of one dataset.",
            hint=f"Compare two versions of '{name}'.",
        )
    found = door.get(
        f"/projects/{project}/datasets/{name}/diff/rows",
        **{"from": old, "to": new, "key": list(key), "limit": limit},
    )
    return TableDiff.model_validate(found)


def preview(
    door: Door,
    project: str,
    reference: str,
    *,
    offset: int = 0,
    limit: int = 50,
    columns: Sequence[str] = (),
) -> Preview:
    """Some rows of a version, read without the rest of it."""
    name, version = split(reference)
    found = door.get(
        f"/projects/{project}/datasets/{name}/versions/{quote(version)}/preview",
        offset=offset,
        limit=limit,
        columns=list(columns),
    )
    return Preview.model_validate(found)
