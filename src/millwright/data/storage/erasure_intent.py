"""What an erasure set out to do, kept in a file until it is done, so that a kill does not end it.

The file holds samples of what is erased, since the search at the end looks for them; it is readable
by its owner alone, and removed when the erasure ends.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millwright.data.storage.erasure_plan import Plan, Rewrite
from millwright.kernel.objects.filesystem import sync_folder


@dataclass(frozen=True)
class Intent:
    """An erasure that was begun."""

    id: str
    project: str
    remotes: tuple[str, ...]
    plan: Plan
    chunks: frozenset[bytes]
    """The chunks of all objects of the rewritten versions as they were."""


def keep_intent(state: Path, intent: Intent) -> None:
    """Write an intent down; durable on return."""
    folder = _folder(state)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    plan = intent.plan
    content = {
        "id": intent.id,
        "project": intent.project,
        "remotes": intent.remotes,
        "rewrites": [
            {"row": one.row, "values": one.values, "paths": one.paths, "rows": one.rows}
            for one in plan.rewrites
        ],
        "erased": _written(plan.erased),
        "before": _written(plan.before),
        "samples": _written(plan.samples),
        "chunks": _written(intent.chunks),
    }
    temporary = folder / f"{intent.id}.new"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / f"{intent.id}.json")
    sync_folder(folder)


def pending_intents(state: Path, project: str) -> list[Intent]:
    """The erasures of a project that did not come to their end, oldest first."""
    folder = _folder(state)
    for torn in folder.glob("*.new"):
        torn.unlink()
    found = [_read(json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.json"))]
    return [intent for intent in found if intent.project == project]


def drop_intent(state: Path, erasure_id: str) -> None:
    """The erasure ended, or never began."""
    (_folder(state) / f"{erasure_id}.json").unlink(missing_ok=True)


def _folder(state: Path) -> Path:
    return state / "erasures"


def _written(names: set[bytes] | frozenset[bytes]) -> list[str]:
    return sorted(name.hex() for name in names)


def _read(raw: dict[str, Any]) -> Intent:
    def names(key: str) -> set[bytes]:
        return {bytes.fromhex(name) for name in raw[key]}

    plan = Plan(
        rewrites=[Rewrite(**one) for one in raw["rewrites"]],
        erased=names("erased"),
        before=names("before"),
        samples=names("samples"),
    )
    remotes = tuple(raw["remotes"])
    return Intent(raw["id"], raw["project"], remotes, plan, frozenset(names("chunks")))
