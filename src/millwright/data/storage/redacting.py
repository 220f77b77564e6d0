"""Texts of erased rows taken out of what was derived from them and is kept: suites of checks.

A suite that was inferred lists the values that a column had. The list loses the erased one; in any
other text it becomes a mark.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import select, update

from millwright.kernel.access import Actor
from millwright.kernel.store import Store
from millwright.kernel.tables import metadata

MARK = "(erased)"


def without(value: Any, texts: Collection[str]) -> Any:
    """A JSON value without these texts.

    >>> without({"values": ["a", "secret"], "note": "not secret"}, ["secret"])
    {'values': ['a'], 'note': 'not (erased)'}
    """
    if isinstance(value, dict):
        return {without(key, texts): without(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [without(item, texts) for item in value if item not in texts]
    if isinstance(value, str):
        for text in texts:
            value = value.replace(text, MARK)
    return value


def redact_suites(
    store: Store, actor: Actor, project: str, datasets: Collection[str], texts: Collection[str]
) -> None:
    """Take texts out of the suites of datasets, all their numbers; an event says of which."""
    suites = metadata.tables.get("dataset_suites")
    if suites is None or not texts:
        return
    s = suites.c
    with store.write(actor, project) as tx:
        query = select(suites).where(s.project == project, s.name.in_(datasets))
        changed = []
        for row in tx.execute(query).all():
            checks = json.dumps(without(json.loads(row.checks), texts))
            if checks != json.dumps(json.loads(row.checks)):
                here = (s.project == project, s.name == row.name, s.number == row.number)
                tx.execute(update(suites).where(*here).values(checks=checks))
                changed.append(f"{row.name} {row.number}")
        if changed:
            tx.event("dataset.suites-redacted", f"project:{project}", {"suites": changed})
