"""Parameters, metrics and plot data: trees of values in YAML, JSON, TOML, CSV and TSV files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from millwright.data.dvc import plain_yaml
from millwright.kernel.errors import InvalidInput


def read_values(text: str, place: str) -> Any:
    """The tree in a parameters or metrics file.

    Raises:
        InvalidInput: the text is not what the file's name says.
    """
    suffix = place.rpartition(".")[2].lower()
    try:
        if suffix == "json":
            return json.loads(text)
        if suffix == "toml":
            import tomllib

            return tomllib.loads(text)
    except ValueError as error:
        raise InvalidInput("dvc.values", f"{place} cannot be read: {error}.") from error
    return plain_yaml.load(text, place)


def lookup(tree: Any, key: str) -> Any:
    """The value at a dotted key, None where there is none."""
    for part in key.split("."):
        if isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        elif isinstance(tree, dict):
            tree = tree.get(part)
        else:
            return None
    return tree


def leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a tree with its dotted key."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from leaves(value, f"{prefix}.{key}" if prefix else str(key))
    elif prefix or not isinstance(tree, dict):
        yield prefix, tree


def read_points(text: str, place: str) -> list[dict[str, Any]]:
    """The rows of a plot's data file."""
    suffix = place.rpartition(".")[2].lower()
    if suffix in ("csv", "tsv"):
        rows = csv.DictReader(io.StringIO(text), delimiter="\t" if suffix == "tsv" else ",")
        return [{key: _number(value) for key, value in row.items()} for row in rows]
    tree = read_values(text, place)
    if isinstance(tree, dict):
        lists = [value for value in tree.values() if isinstance(value, list)]
        tree = lists[0] if lists else [tree]
    if not isinstance(tree, list):
        return []
    return [row for row in tree if isinstance(row, dict)]


def _number(text: str | None) -> Any:
    try:
        return (
            float(text) if text is not None and not text.lstrip("-").isdigit() else int(text or 0)
        )
    except ValueError:
        return text
