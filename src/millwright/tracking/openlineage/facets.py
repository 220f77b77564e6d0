"""What facets of datasets and jobs say, in the words of the graph. Pure.

Facets are somebody else's JSON: what has another shape than the specification gives it is passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from millwright.tracking.openlineage.records import Facets, OpenDataset

MOST = 500
"""Columns that are shown, and columns whose origin is read, of one dataset."""

_TEXT = 2_000


def said_of_dataset(facets: Facets) -> dict[str, str]:
    """Columns, description, place, version and end of a dataset, as far as its facets say.

    >>> said_of_dataset({"schema": {"fields": [{"name": "id", "type": "int"}, {"name": "at"}]}})
    {'columns': 'id int, at'}
    """
    said = {
        "columns": ", ".join(_columns(facets)),
        "description": _text(facets, "documentation", "description"),
        "address": _text(facets, "dataSource", "uri"),
        "version": _text(facets, "version", "datasetVersion"),
        "change": _text(facets, "lifecycleStateChange", "lifecycleStateChange"),
    }
    return {name: text for name, text in said.items() if text}


def said_of_job(facets: Facets) -> dict[str, str]:
    """Description, query and source of a job, as far as its facets say.

    >>> said_of_job({"sql": {"query": "SELECT 1"}})
    {'query': 'SELECT 1'}
    """
    said = {
        "description": _text(facets, "documentation", "description"),
        "query": _text(facets, "sql", "query"),
        "source": _text(facets, "sourceCodeLocation", "url"),
    }
    return {name: text for name, text in said.items() if text}


def columns_come_of(facets: Facets) -> list[OpenDataset]:
    """The datasets whose columns a dataset's columns were made of, each once."""
    found: dict[tuple[str, str], OpenDataset] = {}
    lineage = _dict(facets.get("columnLineage"))
    each: Any
    for field in list(_dict(lineage.get("fields")).values())[:MOST]:
        for each in _list(_dict(field).get("inputFields"))[:MOST]:
            _note(found, each)
    for each in _list(lineage.get("dataset"))[:MOST]:
        _note(found, each)
    return list(found.values())


def _note(found: dict[tuple[str, str], OpenDataset], field: Any) -> None:
    named = _dict(field)
    try:
        dataset = OpenDataset(namespace=named.get("namespace"), name=named.get("name"))
    except ValidationError:
        return
    found[dataset.namespace, dataset.name] = dataset


def _columns(facets: Facets) -> Iterator[str]:
    for each in _list(_dict(facets.get("schema")).get("fields"))[:MOST]:
        name, kind = _dict(each).get("name"), _dict(each).get("type")
        if isinstance(name, str):
            yield f"{name[:200]} {kind[:100]}" if isinstance(kind, str) else name[:200]


def _text(facets: Facets, facet: str, key: str) -> str:
    found = _dict(facets.get(facet)).get(key)
    return found[:_TEXT] if isinstance(found, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
