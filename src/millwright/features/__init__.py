"""Features: what was known at the moment of the prediction, and nothing from after it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millwright.features.building import ROW, TARGET, TIME, FeatureSet, build_features
    from millwright.features.leakage import Leak, find_leaks
    from millwright.features.selection import Dropped
    from millwright.features.target import target_values

_HOMES = {
    "ROW": "building",
    "TARGET": "building",
    "TIME": "building",
    "FeatureSet": "building",
    "build_features": "building",
    "Leak": "leakage",
    "find_leaks": "leakage",
    "Dropped": "selection",
    "target_values": "target",
}
__all__ = [
    "ROW",
    "TARGET",
    "TIME",
    "Dropped",
    "FeatureSet",
    "Leak",
    "build_features",
    "find_leaks",
    "target_values",
]


def __getattr__(name: str) -> Any:
    # numpy and pyarrow are loaded by whoever uses the room, not by whoever names it.
    if name not in _HOMES:
        raise AttributeError(f"module 'millwright.features' has no attribute '{name}'")
    return getattr(importlib.import_module(f"millwright.features.{_HOMES[name]}"), name)
