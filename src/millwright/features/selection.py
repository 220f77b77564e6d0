"""Which candidates become features, in which form, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from millwright.data import MAX_LEVELS, Column, describe_column
from millwright.features.candidates import Candidate
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field, Kind
from millwright.kernel.record import Record


class Dropped(Record):
    """A column that did not become a feature, and why, as a sentence for people."""

    column: str
    reason: str


def choose(candidate: Candidate, covered: frozenset[str]) -> Field | Dropped:
    """The field that a candidate becomes, or the reason why it does not.

    Args:
        candidate: the column.
        covered: the parts of the calendar of which the rows cover a whole cycle.
    """
    column = describe_column(candidate.name, candidate.values)
    if candidate.origin == "calendar" and not any(
        candidate.name.endswith(f"_{part}") for part in covered
    ):
        return Dropped(
            column=candidate.name, reason="The rows do not span a whole cycle of this part."
        )
    reason = _reason_against(column, len(candidate.values))
    # What was computed has no names to mistake for numbers: only its constancy speaks against it.
    if candidate.origin not in ("row", "joined") and column.kind == "id":
        reason = None
    if reason is not None:
        return Dropped(column=candidate.name, reason=reason)
    kinds: dict[str, Kind] = {"boolean": "boolean", "categorical": "categorical"}
    return Field(
        name=candidate.name,
        kind=kinds.get(column.kind, "numeric"),
        nullable=True,
        monitored=candidate.origin != "calendar",
    )


def shape(values: pa.ChunkedArray, field: Field) -> pa.ChunkedArray:
    """The values in the type of the field: float64, string or bool.

    Raises:
        InvalidInput: the values are of another kind, such as text where numbers are expected.
    """
    types = {"numeric": pa.float64(), "categorical": pa.string(), "boolean": pa.bool_()}
    try:
        return pc.cast(values, types[field.kind], safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as cause:
        raise InvalidInput(
            "features.kind",
            f"Feature '{field.name}' should be {field.kind}, but the data holds {values.type}.",
            hint="Give rows of the same kind as those the model was trained on.",
            value=field.name,
        ) from cause


def arrange(candidates: Sequence[Candidate], fields: Sequence[Field]) -> list[pa.ChunkedArray]:
    """The columns of the given fields, in their order.

    Raises:
        InvalidInput: a field cannot be computed from the data.
    """
    by_name = {candidate.name: candidate.values for candidate in candidates}
    for field in fields:
        if field.name not in by_name:
            raise InvalidInput(
                "features.missing_field",
                f"The model takes '{field.name}', which the data and the project do not yield.",
                hint="Give the columns and tables that the model was trained with.",
                value=field.name,
            )
    return [shape(by_name[field.name], field) for field in fields]


def _reason_against(column: Column, rows: int) -> str | None:
    if column.nulls == rows:
        return "It is empty in every row."
    if column.kind == "unusable":
        return f"It holds {column.type}, which is neither a number nor a category."
    if column.distinct == 1 and column.nulls == 0:
        return "It has the same value in every row."
    if column.kind == "time":
        return "A moment is not a feature; the hours from it to the prediction are."
    if column.kind == "text":
        return "It is prose; features from text are not built."
    if column.kind == "id":
        return (
            f"It has {column.distinct:,} distinct values (a category has at most {MAX_LEVELS}, "
            "each several times): it names single things."
        )
    return None
