"""A comparison as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from millwright.data.comparison.records import Cell, ChangedRow, KeyFacts, TableDiff

_WIDEST = 32


def diff_as_text(diff: TableDiff) -> str:
    """The comparison in sentences and tables, for people."""
    lines = [_summary(diff), *_schema_lines(diff), *_key_lines(diff)]
    counts = [(c.name, f"{c.changed:,}") for c in diff.columns if c.changed]
    if counts:
        lines += ["", *table(("column", "rows changed"), counts)]
    if diff.changed_rows:
        lines += ["", _heading("Changed", len(diff.changed_rows), diff.changed)]
        lines += table(("key", "column", "before", "after"), _changed(diff.changed_rows))
    for title, rows, total in (
        ("Added", diff.added_rows, diff.added),
        ("Removed", diff.removed_rows, diff.removed),
    ):
        if rows:
            names = list(rows[0].values)
            lines += ["", _heading(title, len(rows), total)]
            lines += table(names, [[_shown(row.values[name]) for name in names] for row in rows])
    return "\n".join(lines)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with aligned columns.

    >>> table(("a", "b"), [("1", "xyz")])
    ['a  b', '1  xyz']
    """
    cut = [[_cut(value) for value in row] for row in (heads, *rows)]
    widths = [max(len(row[i]) for row in cut) for i in range(len(heads))]
    return [
        "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()
        for row in cut
    ]


def _summary(diff: TableDiff) -> str:
    if diff.same:
        return f"{diff.before} and {diff.after} hold the same {diff.rows_after:,} rows."
    by = f"by {', '.join(diff.key)}" if diff.key else "as whole rows"
    how = {"declared": ", as declared", "found": ", found to be unique"}.get(diff.key_origin, "")
    rows = "row" if diff.added == 1 else "rows"
    return (
        f"{diff.before} to {diff.after}, {by}{how}: {diff.added:,} {rows} added, "
        f"{diff.removed:,} removed, {diff.changed:,} changed, {diff.unchanged:,} the same."
    )


def _schema_lines(diff: TableDiff) -> list[str]:
    changes = diff.schema_changes
    lines = [f"Column added: {name}" for name in changes.added]
    lines += [f"Column removed: {name}" for name in changes.removed]
    lines += [f"Column {c.name}: {c.before} became {c.after}" for c in changes.retyped]
    lines += [
        f"Perhaps {c.before} was renamed to {c.after}: {c.equal:.0%} of values are equal."
        for c in changes.renames_suggested
    ]
    return lines


def _key_lines(diff: TableDiff) -> list[str]:
    if not diff.key:
        return []
    sides = ((diff.before, diff.key_before), (diff.after, diff.key_after))
    return [line for reference, facts in sides for line in _facts(reference, facts)]


def _facts(reference: str, facts: KeyFacts) -> list[str]:
    lines = []
    if facts.repeated_keys:
        lines.append(
            f"The key is not unique in {reference}: {facts.repeated_keys:,} keys occur in "
            f"{facts.repeated_rows:,} rows ({facts.surplus_rows:,} beyond the first of each); "
            "those rows were paired in their order."
        )
    if facts.rows_with_null:
        lines.append(f"The key is incomplete in {facts.rows_with_null:,} rows of {reference}.")
    return lines


def _changed(rows: Sequence[ChangedRow]) -> list[tuple[str, str, str, str]]:
    return [
        (", ".join(_shown(v) for v in row.key.values()), name, _shown(old), _shown(new))
        for row in rows
        for name, (old, new) in row.cells.items()
    ]


def _heading(title: str, shown: int, total: int) -> str:
    return f"{title}:" if shown >= total else f"{title} (the first {shown:,} of {total:,}):"


def _shown(value: Cell) -> str:
    return "∅" if value is None else str(value)


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _WIDEST else f"{flat[: _WIDEST - 1]}…"
