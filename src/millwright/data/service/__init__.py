"""Dataset versions: every change and query."""

from __future__ import annotations

from millwright.data.service.files import diff_files, list_files, open_tree
from millwright.data.service.intake import take_journal
from millwright.data.service.lineage_names import describe
from millwright.data.service.naming import delete_ref, list_refs, put_ref
from millwright.data.service.queries import (
    get_profile,
    get_version,
    list_datasets,
    list_versions,
    unknown_dataset,
)
from millwright.data.service.versions import commit_version

__all__ = [
    "commit_version",
    "delete_ref",
    "describe",
    "diff_files",
    "get_profile",
    "get_version",
    "list_datasets",
    "list_files",
    "list_refs",
    "list_versions",
    "open_tree",
    "put_ref",
    "take_journal",
    "unknown_dataset",
]
