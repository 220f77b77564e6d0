"""Names that may be columns, found without reading every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from millwright.tracking.run_table.records import TableColumns
from millwright.tracking.service.statements import fetch, marks

NEWEST = 20_000
"""Parameters and tags are those of this many of the newest runs."""
_LOOKED_AT = 50
_AT_FIRST = 4
_HIDDEN_TAGS = "mlflow."


def columns_of(connection: Connection, project: str) -> TableColumns:
    """Every metric of the project, and the parameters and tags of its newest runs."""
    found = fetch(connection, "SELECT no, name FROM experiments WHERE project = ?", project)
    return TableColumns(
        metrics=tuple(sorted({key for row in found for key in _metrics(connection, row[0])})),
        params=tuple(_names(connection, project, "run_params")),
        tags=tuple(_names(connection, project, "run_tags")),
        experiments=tuple(sorted(row[1] for row in found)),
    )


def usual_columns(connection: Connection, numbers: Sequence[int]) -> tuple[str, ...]:
    """The few metrics and parameters that most of these runs have, by how many have them; what was
    measured of the machine comes after what was measured of the model."""
    chosen = list(numbers[:_LOOKED_AT])
    if not chosen:
        return ()
    found: list[str] = []
    for kind, table in (("metrics", "run_latest_metrics"), ("params", "run_params")):
        query = f"SELECT key FROM {table} WHERE run_no IN {marks(len(chosen))}"  # noqa: S608
        counts = Counter(row[0] for row in fetch(connection, query, *chosen))
        usual = sorted(counts, key=lambda key: (key.startswith("system/"), -counts[key], key))
        found.extend(f"{kind}.{key}" for key in usual[:_AT_FIRST])
    return tuple(found)


def _metrics(connection: Connection, experiment: int) -> list[str]:
    """Each name once, by jumping from one to the next along the index of metrics."""
    query = (
        "WITH RECURSIVE names(key) AS ("
        "SELECT MIN(key) FROM run_latest_metrics WHERE experiment_no = ? UNION ALL "
        "SELECT (SELECT MIN(m.key) FROM run_latest_metrics m WHERE m.experiment_no = ? "
        "AND m.key > names.key) FROM names WHERE names.key IS NOT NULL) "
        "SELECT key FROM names WHERE key IS NOT NULL"
    )
    return [row[0] for row in fetch(connection, query, experiment, experiment)]


def _names(connection: Connection, project: str, table: str) -> list[str]:
    query = (
        f"SELECT DISTINCT d.key FROM (SELECT no FROM runs WHERE project = ? "  # noqa: S608
        f"ORDER BY created_ms DESC LIMIT {NEWEST}) r JOIN {table} d ON d.run_no = r.no"
    )
    names = sorted(row[0] for row in fetch(connection, query, project))
    return [name for name in names if not name.startswith(_HIDDEN_TAGS)]
