"""Which versions a push or fetch is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from millwright.data.references import choose, split, unknown_version
from millwright.data.storage.heads import Row, removed
from millwright.kernel.errors import NotFound, nearest


@dataclass(frozen=True, slots=True)
class _Choice:
    """A version's row as references go by it."""

    id: str
    version: int
    digest: str
    branch: str
    row: Row


def chosen(
    references: Sequence[str],
    rows: Sequence[Row],
    refs: Mapping[str, Mapping[str, Row]],
    *,
    every: bool = False,
) -> list[Row]:
    """The versions that references name; without references, the latest of each dataset.

    Args:
        references: ``name`` (its latest) or ``name@version``.
        rows, refs: what is known.
        every: all versions of the datasets instead of one.

    Raises:
        NotFound: a dataset or version is not known.
    """
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row["name"], []).append(row)
    found: dict[str, Row] = {}
    for reference in references or sorted(by_name):
        name, selector = split(reference)
        if name not in by_name:
            raise _unknown(name, list(by_name))
        some = sorted(by_name[name], key=lambda row: row["version"], reverse=True)
        if every and "@" not in reference:
            found.update((row["id"], row) for row in some)
            continue
        choices = [_Choice(r["id"], r["version"], r["digest"], r["branch"], r) for r in some]
        known = refs.get(name, {}).items()
        named = {ref: row["version_id"] for ref, row in known if not removed(row)}
        one = choose(selector, choices, named)
        if one is None:
            raise unknown_version(name, selector, choices, named)
        found[one.id] = one.row
    return list(found.values())


def _unknown(name: str, names: list[str]) -> NotFound:
    guess = nearest(name, names)
    return NotFound(
        "data.unknown_dataset",
        f"There is no dataset '{name}', neither here nor on the remote.",
        hint=f"Did you mean '{guess}'?" if guess else "List them with: mw data list",
        value=name,
    )
