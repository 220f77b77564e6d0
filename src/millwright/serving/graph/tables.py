"""A graph asked for a whole table, as rows of a request are."""

from __future__ import annotations

import pyarrow as pa

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field, Kind
from millwright.serving.graph.frame import Values
from millwright.serving.graph.model import Graph
from millwright.serving.outcome import Outcome

_TYPES: dict[Kind, pa.DataType] = {
    "numeric": pa.float64(),
    "categorical": pa.string(),
    "boolean": pa.bool_(),
}


def score_table(graph: Graph, table: pa.Table) -> Outcome:
    """What the graph says of each row of a table that has every column that it takes.

    Raises:
        InvalidInput: a column is missing or of another kind, or a node refuses the rows.
    """
    columns = {field.name: _values(table, field) for field in graph.manifest.signature}
    return graph.score(columns, table.num_rows)


def _values(table: pa.Table, field: Field) -> Values:
    if field.name not in table.column_names:
        raise InvalidInput(
            "serving.graph_column",
            f"The data has no column '{field.name}', which the graph takes.",
            hint=f"It has: {', '.join(table.column_names[:20])}.",
            value=field.name,
        )
    try:
        values: Values = table[field.name].cast(_TYPES[field.kind]).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as cause:
        raise InvalidInput(
            "serving.graph_column",
            f"The column '{field.name}' is {field.kind} for the graph, and holds something else: "
            f"{cause}.",
            value=field.name,
        ) from cause
    if field.kind == "categorical":
        return values
    # Inside, truths are numbers, and a number that is none is not known.
    return [None if one is None or one != one else float(one) for one in values]
