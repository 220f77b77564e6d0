"""What an import has brought over already, kept beside the workspace."""

from __future__ import annotations

import json
from pathlib import Path

from blake3 import blake3


class Journal:
    """Marks of what came over: of each thing, the state that it was in.

    Args:
        folder: where journals are kept.
        project: into which project the import goes.
        place: how the user named the source.
    """

    def __init__(self, folder: Path, project: str, place: str) -> None:
        name = blake3(f"{project} {place}".encode()).hexdigest()[:32]
        self._path = folder / f"{name}.json"
        self._marks: dict[str, str] = {}
        if self._path.exists():
            self._marks = json.loads(self._path.read_text("utf-8"))

    def has(self, key: str, mark: str) -> bool:
        """Whether a thing came over in just this state."""
        return self._marks.get(key) == mark

    def note(self, marks: dict[str, str]) -> None:
        """Note what came over, durably enough for the next import to go on here."""
        self._marks.update(marks)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(self._marks), "utf-8")
        temporary.replace(self._path)
