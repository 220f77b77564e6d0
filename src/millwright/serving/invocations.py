"""The MLflow scoring protocol: ``POST /invocations`` in JSON or CSV.

Source: https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/ (accepted inputs).
Columns that the model does not know are ignored, as MLflow's schema enforcement does.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field
from millwright.serving.outcome import Outcome
from millwright.serving.questions import Question
from millwright.serving.signature import NATIVE, Column, InputSignature

_SHAPES = ("dataframe_split", "dataframe_records", "instances", "inputs")
_NULLS = frozenset({"", "null", "None", "NA", "NaN", "nan"})


class _Split(msgspec.Struct):
    columns: list[str]
    data: list[list[Any]]


def read_json(body: bytes, signature: InputSignature) -> Question:
    """The question in a JSON body.

    Raises:
        InvalidInput: it has none of the four shapes, or its columns do not fit the model.
    """
    try:
        request = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as cause:
        raise InvalidInput(
            "serving.json",
            f"The body is not a valid JSON object: {cause}.",
            hint="NaN and Infinity are not JSON; send null where a value is not known.",
        ) from cause
    except RecursionError as cause:
        raise InvalidInput("serving.json", "The JSON of the body is nested too deeply.") from cause
    given = [shape for shape in _SHAPES if shape in request]
    if len(given) != 1:
        raise InvalidInput(
            "serving.invocation",
            f"Expected exactly one of {', '.join(_SHAPES)}, got {', '.join(given) or 'none'}.",
        )
    columns, count = _read_shape(given[0], request[given[0]], signature)
    return _question(columns, count, signature)


def read_csv(body: bytes, signature: InputSignature) -> Question:
    """The question in a CSV body with a header line; empty cells are null.

    Raises:
        InvalidInput: it is not such a CSV, or its columns do not fit the model.
    """
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as cause:
        raise InvalidInput("serving.csv", f"The body is not valid CSV: {cause}.") from cause
    header, records = (lines[0], [line for line in lines[1:] if line]) if lines else ([], [])
    columns, count = _transpose(header, records, "CSV line")
    typed = {
        name: _parse_cells(signature.fields[signature.positions[name]], cells)
        for name, cells in columns.items()
        if name in signature.positions
    }
    return _question({**columns, **typed}, count, signature)


def write_predictions(outcome: Outcome) -> bytes:
    """The reply: ``predictions`` holds labels (or values, for regression), one per row.

    Classifiers add ``probabilities``, which MLflow's clients ignore. What a graph answers is a value
    for each row where it is one column, and an object where it is several.
    """
    if outcome.columns is not None:
        columns = {output.name: values for output, values in outcome.columns}
        if len(columns) == 1:
            return orjson.dumps({"predictions": next(iter(columns.values()))})
        rows = zip(*columns.values(), strict=True)
        return orjson.dumps({"predictions": [dict(zip(columns, row, strict=True)) for row in rows]})
    if outcome.labels is None:
        return orjson.dumps({"predictions": outcome.scores})
    return orjson.dumps(
        {"predictions": outcome.labels, "probabilities": outcome.probabilities or outcome.scores}
    )


def _question(columns: Mapping[str, Column], count: int, signature: InputSignature) -> Question:
    if count == 0:
        raise InvalidInput("serving.no_rows", "The request has no rows.")
    typed: list[Column | None] = [
        signature.column(index, NATIVE, columns[field.name]) if field.name in columns else None
        for index, field in enumerate(signature.fields)
    ]
    unknown = [name for name in columns if name not in signature.positions]
    return Question(signature.complete(typed, count, unknown))


def _read_shape(
    shape: str, content: object, signature: InputSignature
) -> tuple[dict[str, Column], int]:
    if shape == "dataframe_split":
        try:
            split = msgspec.convert(content, _Split)
        except msgspec.ValidationError as cause:
            raise InvalidInput(
                "serving.invocation", f"dataframe_split is not usable: {cause}."
            ) from cause
        return _transpose(split.columns, split.data, "row")
    if shape == "inputs" and isinstance(content, dict):
        return _columnar(content)
    if not isinstance(content, list):
        raise InvalidInput(
            "serving.invocation", f"{shape} should be a list of rows, got {_kind(content)}."
        )
    if content and all(isinstance(row, dict) for row in content):
        return _records(content), len(content)
    if shape == "dataframe_records" or any(isinstance(row, dict) for row in content):
        raise InvalidInput(
            "serving.invocation", f"{shape} should be a list of objects, one per row."
        )
    names = [field.name for field in signature.fields[: signature.required]]
    rows = [row if isinstance(row, list) else [row] for row in content]
    return _transpose(names, rows, "row")


def _transpose(
    names: Sequence[str], rows: Sequence[Sequence[Any]], what: str
) -> tuple[dict[str, Column], int]:
    repeated = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if repeated is not None:
        raise InvalidInput("serving.twice", f"Column '{repeated[:100]}' was sent twice.")
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise InvalidInput(
                "serving.row_length",
                f"{what} {number}: expected {len(names)} values, got {len(row)}.",
            )
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}, len(rows)


def _records(records: Sequence[dict[str, Any]]) -> dict[str, Column]:
    names = dict.fromkeys(name for record in records for name in record)
    columns: dict[str, Column] = {}
    for name in names:
        absent = next((i for i, record in enumerate(records) if name not in record), None)
        if absent is not None:
            raise InvalidInput(
                "serving.row_length", f"Row {absent} lacks '{name[:100]}', which others have."
            )
        columns[name] = [record[name] for record in records]
    return columns


def _columnar(content: dict[str, Any]) -> tuple[dict[str, Column], int]:
    columns = {
        name: values if isinstance(values, list) else [values] for name, values in content.items()
    }
    columns = {
        name: [v[0] if isinstance(v, list) and len(v) == 1 else v for v in values]
        for name, values in columns.items()
    }
    lengths = {name: len(values) for name, values in columns.items()}
    count = next(iter(lengths.values()), 0)
    for name, length in lengths.items():
        if length != count:
            raise InvalidInput(
                "serving.data_length",
                f"Column '{name[:100]}': expected {count} values like the first, got {length}.",
            )
    return columns, count


def _parse_cells(field: Field, cells: Sequence[str]) -> Column:
    if field.kind == "categorical":
        return [cell if cell != "" else None for cell in cells]
    return [_parse_cell(field, row, cell.strip()) for row, cell in enumerate(cells)]


def _parse_cell(field: Field, row: int, cell: str) -> float | bool | None:
    if cell in _NULLS:
        return None
    if field.kind == "boolean" and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    try:
        value = float(cell)
    except ValueError:
        value = float("inf")
    if value in (float("inf"), float("-inf")) or value != value:
        raise InvalidInput(
            "serving.value",
            f"Column '{field.name}', row {row}: expected a {field.kind} value, got '{cell[:60]}'.",
        )
    return value


def _kind(value: object) -> str:
    names = {dict: "an object", str: "text", int: "a number", float: "a number", bool: "a truth"}
    return names.get(type(value), "null")
