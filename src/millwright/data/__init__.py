"""Data: tables read, described, checked and kept as versions that never change."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millwright.data.canonical_form import canonical
    from millwright.data.checking import CheckReport, RuleResult, check_rules
    from millwright.data.client import (
        Dataset,
        check,
        confirm_rules,
        get_profile,
        get_rules,
        get_version,
        list_datasets,
        list_versions,
        load,
        load_version,
        put_rules,
        snapshot,
    )
    from millwright.data.parquet import from_parquet, to_parquet
    from millwright.data.profile import ColumnProfile, Histogram, TableProfile, profile_table
    from millwright.data.reading import read_table
    from millwright.data.records import Confirmation, DatasetRules, DatasetVersion, VersionCheck
    from millwright.data.rules import Rule, RuleSet, infer_rules
    from millwright.data.schema import MAX_LEVELS, Column, Schema, describe_column, infer_schema
    from millwright.data.trainable import Trainable, check_trainable

_HOMES = {
    "canonical": "canonical_form",
    "CheckReport": "checking",
    "RuleResult": "checking",
    "check_rules": "checking",
    "Dataset": "client",
    "check": "client",
    "confirm_rules": "client",
    "get_profile": "client",
    "get_rules": "client",
    "get_version": "client",
    "list_datasets": "client",
    "list_versions": "client",
    "load": "client",
    "load_version": "client",
    "put_rules": "client",
    "snapshot": "client",
    "from_parquet": "parquet",
    "to_parquet": "parquet",
    "ColumnProfile": "profile",
    "Histogram": "profile",
    "TableProfile": "profile",
    "profile_table": "profile",
    "read_table": "reading",
    "Confirmation": "records",
    "DatasetRules": "records",
    "DatasetVersion": "records",
    "VersionCheck": "records",
    "Rule": "rules",
    "RuleSet": "rules",
    "infer_rules": "rules",
    "MAX_LEVELS": "schema",
    "Column": "schema",
    "Schema": "schema",
    "describe_column": "schema",
    "infer_schema": "schema",
    "Trainable": "trainable",
    "check_trainable": "trainable",
}
__all__ = [
    "MAX_LEVELS",
    "CheckReport",
    "Column",
    "ColumnProfile",
    "Confirmation",
    "Dataset",
    "DatasetRules",
    "DatasetVersion",
    "Histogram",
    "Rule",
    "RuleResult",
    "RuleSet",
    "Schema",
    "TableProfile",
    "Trainable",
    "VersionCheck",
    "canonical",
    "check",
    "check_rules",
    "check_trainable",
    "confirm_rules",
    "describe_column",
    "from_parquet",
    "get_profile",
    "get_rules",
    "get_version",
    "infer_rules",
    "infer_schema",
    "list_datasets",
    "list_versions",
    "load",
    "load_version",
    "profile_table",
    "put_rules",
    "read_table",
    "snapshot",
    "to_parquet",
]


def __getattr__(name: str) -> Any:
    # numpy and pyarrow are loaded by whoever uses the room, not by whoever names it.
    if name not in _HOMES:
        raise AttributeError(f"module 'millwright.data' has no attribute '{name}'")
    return getattr(importlib.import_module(f"millwright.data.{_HOMES[name]}"), name)
