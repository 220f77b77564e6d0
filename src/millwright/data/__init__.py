"""Data: tables read, described, checked and kept as versions that never change."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millwright.data.schema import MAX_LEVELS, Column, Schema, describe_column, infer_schema

_HOMES = {
    "MAX_LEVELS": "schema",
    "Column": "schema",
    "Schema": "schema",
    "describe_column": "schema",
    "infer_schema": "schema",
}
__all__ = [
    "MAX_LEVELS",
    "Column",
    "Schema",
    "describe_column",
    "infer_schema",
]


def __getattr__(name: str) -> Any:
    # numpy and pyarrow are loaded by whoever uses the room, not by whoever names it.
    if name not in _HOMES:
        raise AttributeError(f"module 'millwright.data' has no attribute '{name}'")
    return getattr(importlib.import_module(f"millwright.data.{_HOMES[name]}"), name)
