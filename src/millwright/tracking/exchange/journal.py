"""What an import has brought over already, kept beside the workspace."""

from __future__ import annotations

import contextlib
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
        self._path = folder / f"{name}.ndjson"
        self._marks: dict[str, str] = {}
        if self._path.exists():
            for line in self._path.read_text("utf-8").splitlines():
                # A line that was cut off by a crash tells of what simply comes over again.
                with contextlib.suppress(ValueError):
                    self._marks.update(json.loads(line))

    def has(self, key: str, mark: str) -> bool:
        """Whether a thing came over in just this state."""
        return self._marks.get(key) == mark

    def note(self, marks: dict[str, str]) -> None:
        """Note what came over, so that the next import goes on here."""
        self._marks.update(marks)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(marks))
