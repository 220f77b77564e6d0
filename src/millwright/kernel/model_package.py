"""The records of a model package: what a model takes, how rows become a matrix, which files.

A package is a folder: ``manifest.json`` (this module), the model, a reference sample, the
environment and the card. The model is an ONNX graph, or what its own library writes where it has
no such form. Loading one runs no code of the package, but for ``CODE_RUNTIMES``, which open only
where somebody says that they trust it.
"""

from __future__ import annotations

from typing import Literal

from millwright.kernel.record import Record

Kind = Literal["numeric", "categorical", "boolean"]
Task = Literal["binary", "multiclass", "regression"]

RuntimeName = Literal[
    "onnx", "scikit-learn", "lightgbm", "xgboost", "catboost", "torch", "pyfunc", "python", "graph"
]

MANIFEST = "manifest.json"
MODEL = "model.onnx"
MODEL_FILES: dict[RuntimeName, str] = {
    "onnx": MODEL,
    "scikit-learn": "model.skops",
    "lightgbm": "model.txt",
    "xgboost": "model.ubj",
    "catboost": "model.cbm",
    "torch": "model.pt2",
    "pyfunc": "model.zip",
    "python": "model.py",
    "graph": "graph.json",
}
"""The file of a package that holds the model, by what runs it. A graph joins models, whose packages
are folders in its own, and functions."""
CODE_RUNTIMES = frozenset({"torch", "pyfunc", "python"})
"""Runtimes that run code of the package."""
REFERENCE = "reference.arrow"
ENVIRONMENT = "environment.txt"
CARD_MARKDOWN = "card.md"
CARD_HTML = "card.html"
FORMAT = 1


class Field(Record):
    """One input column of a model, as callers send it."""

    name: str
    kind: Kind
    nullable: bool = True
    monitored: bool = True
    """False for columns that move by their nature (calendar parts), which drift ignores."""

    @property
    def datatype(self) -> Literal["FP64", "BYTES", "BOOL"]:
        """The Open Inference Protocol datatype of this column."""
        kinds: dict[Kind, Literal["FP64", "BYTES", "BOOL"]]
        kinds = {"numeric": "FP64", "categorical": "BYTES", "boolean": "BOOL"}
        return kinds[self.kind]


class EncodedColumn(Record):
    """One column of the matrix: how it is computed from one field.

    ``number``: the value (booleans 0/1), null replaced by ``fill`` (None keeps NaN), then
    ``(x - shift) / scale``. ``code``: position of the value in ``levels``; unknown is -1, null is
    ``fill`` (None gives NaN). ``indicator``: 1 where the value equals ``levels[0]``, else 0.
    ``missing``: 1 where null.
    """

    field: str
    how: Literal["number", "code", "indicator", "missing"]
    levels: tuple[str, ...] = ()
    fill: float | None = None
    shift: float = 0.0
    scale: float = 1.0

    @property
    def name(self) -> str:
        """A readable name of the matrix column."""
        return f"{self.field}={self.levels[0]}" if self.how == "indicator" else self.field


class Encoding(Record):
    """How a table of fields becomes a float32 matrix: one entry per matrix column."""

    columns: tuple[EncodedColumn, ...]


class Manifest(Record):
    """What a package promises. Digests are BLAKE3 in hexadecimal, by file name."""

    format: int = FORMAT
    model: str
    task: Task
    classes: tuple[str, ...] = ()
    """Class labels in the order of the probability columns; for binary the second is positive."""
    threshold: float = 0.5
    family: str
    signature: tuple[Field, ...]
    encoding: Encoding
    runtime: RuntimeName = "onnx"
    entry: str | None = None
    """The class of a Python module that is the model."""
    requires: tuple[str, ...] = ()
    """Libraries that the model needs beside Millwright, as pip takes them."""
    why_native: str | None = None
    """Why the model is not an ONNX graph, where it is none."""
    parity: float
    """Largest absolute difference between the trained model and the packaged one on a sample."""

    @property
    def model_file(self) -> str:
        """The file that holds the model."""
        return MODEL_FILES[self.runtime]

    digests: dict[str, str]
    created_at: str
