"""Data: tables read, described, checked and kept as versions that never change."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millwright.data.canonical_form import canonical
    from millwright.data.client import (
        get_profile,
        get_version,
        list_datasets,
        list_versions,
        load,
        load_version,
        snapshot,
    )
    from millwright.data.comparison.client import compare_versions, preview
    from millwright.data.handles.dataset import Dataset
    from millwright.data.parquet import from_parquet, to_parquet
    from millwright.data.quality.client import (
        check,
        confirm_checks,
        get_suite,
        history_of_checks,
        list_checks,
        override,
        put_suite,
        read_quarantine,
    )
    from millwright.data.quality.exchange import (
        Confirmation,
        DatasetSuite,
        NewCheck,
        Override,
        Standing,
        VersionCheck,
    )
    from millwright.data.quality.gate import require_usable
    from millwright.data.quality.inferring import infer_suite
    from millwright.data.quality.profile_records import ColumnProfile, Histogram, TableProfile
    from millwright.data.quality.profiling import profile_table
    from millwright.data.quality.records import Check, CheckReport, CheckResult, Suite
    from millwright.data.quality.running import Checked, run_checks
    from millwright.data.reading import read_table
    from millwright.data.records import DatasetVersion
    from millwright.data.schema import MAX_LEVELS, Column, Schema, describe_column, infer_schema
    from millwright.data.service import take_journal
    from millwright.data.storage.lazy_fetching import fetch_when_read
    from millwright.data.storage.transfers import take_transfers
    from millwright.data.trainable import Trainable, check_trainable

_HOMES = {
    "check": "quality.client",
    "confirm_checks": "quality.client",
    "get_suite": "quality.client",
    "history_of_checks": "quality.client",
    "list_checks": "quality.client",
    "override": "quality.client",
    "put_suite": "quality.client",
    "read_quarantine": "quality.client",
    "Confirmation": "quality.exchange",
    "DatasetSuite": "quality.exchange",
    "NewCheck": "quality.exchange",
    "Override": "quality.exchange",
    "Standing": "quality.exchange",
    "VersionCheck": "quality.exchange",
    "require_usable": "quality.gate",
    "infer_suite": "quality.inferring",
    "Check": "quality.records",
    "CheckReport": "quality.records",
    "CheckResult": "quality.records",
    "Suite": "quality.records",
    "Checked": "quality.running",
    "run_checks": "quality.running",
    "canonical": "canonical_form",
    "Dataset": "handles.dataset",
    "compare_versions": "comparison.client",
    "preview": "comparison.client",
    "get_profile": "client",
    "get_version": "client",
    "list_datasets": "client",
    "list_versions": "client",
    "load": "client",
    "load_version": "client",
    "snapshot": "client",
    "take_journal": "service",
    "from_parquet": "parquet",
    "to_parquet": "parquet",
    "ColumnProfile": "quality.profile_records",
    "Histogram": "quality.profile_records",
    "TableProfile": "quality.profile_records",
    "profile_table": "quality.profiling",
    "read_table": "reading",
    "DatasetVersion": "records",
    "MAX_LEVELS": "schema",
    "Column": "schema",
    "Schema": "schema",
    "describe_column": "schema",
    "infer_schema": "schema",
    "Trainable": "trainable",
    "check_trainable": "trainable",
    "fetch_when_read": "storage.lazy_fetching",
    "take_transfers": "storage.transfers",
}
__all__ = [
    "MAX_LEVELS",
    "Check",
    "CheckReport",
    "CheckResult",
    "Checked",
    "Column",
    "ColumnProfile",
    "Confirmation",
    "Dataset",
    "DatasetSuite",
    "DatasetVersion",
    "Histogram",
    "NewCheck",
    "Override",
    "Schema",
    "Standing",
    "Suite",
    "TableProfile",
    "Trainable",
    "VersionCheck",
    "canonical",
    "check",
    "check_trainable",
    "compare_versions",
    "confirm_checks",
    "describe_column",
    "fetch_when_read",
    "from_parquet",
    "get_profile",
    "get_suite",
    "get_version",
    "history_of_checks",
    "infer_schema",
    "infer_suite",
    "list_checks",
    "list_datasets",
    "list_versions",
    "load",
    "load_version",
    "override",
    "preview",
    "profile_table",
    "put_suite",
    "read_quarantine",
    "read_table",
    "require_usable",
    "run_checks",
    "snapshot",
    "take_journal",
    "take_transfers",
    "to_parquet",
]


def __getattr__(name: str) -> Any:
    # numpy and pyarrow are loaded by whoever uses the room, not by whoever names it.
    if name not in _HOMES:
        raise AttributeError(f"module 'millwright.data' has no attribute '{name}'")
    return getattr(importlib.import_module(f"millwright.data.{_HOMES[name]}"), name)
