"""Custom resource definitions made strict: a misspelt key fails, where a cluster would drop it."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parents[2] / "shared" / "schemas"


def complaints(file: str, manifest: dict[str, Any]) -> list[str]:
    """What a definition, of a file in shared/schemas, has to say against a manifest."""
    checker = _checker(file, manifest["apiVersion"].partition("/")[2])
    return [error.message for error in checker.iter_errors(manifest)]


@cache
def _checker(file: str, version: str) -> Draft202012Validator:
    path = SCHEMAS / file
    if not path.is_file():
        pytest.skip("the public schemas are not here: put them into ../shared/schemas")
    definition = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    known = next(one for one in definition["spec"]["versions"] if one["name"] == version)
    return Draft202012Validator(strict(known["schema"]["openAPIV3Schema"]))


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Unknown keys fail wherever the schema names the known ones."""
    found = copy.deepcopy(schema)
    _close(found)
    # The cluster knows what every object has.
    found["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    return found


def _close(node: Any) -> None:
    if isinstance(node, dict):
        if "properties" in node and not node.get("x-kubernetes-preserve-unknown-fields"):
            node.setdefault("additionalProperties", False)
        for child in node.values():
            _close(child)
    elif isinstance(node, list):
        for child in node:
            _close(child)
