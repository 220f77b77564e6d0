"""Manifests as YAML that people read: no anchors, and several lines as several lines."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import JsonValue


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Plain.add_representer(str, _text)


def as_yaml(*documents: JsonValue) -> str:
    """The documents as one text.

    >>> print(as_yaml({"a": ["one", "two"]}), end="")
    a:
    - one
    - two
    """
    text: str = yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, width=10_000)
    return text
