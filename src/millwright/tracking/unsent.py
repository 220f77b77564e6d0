"""What a run has logged and nobody has taken yet, on disk: one file a run, a line an entry.

Lines are appended and flushed to the disk, and the file is removed when all of it was taken. Sending
an entry twice changes nothing, so whoever is interrupted begins again at the first line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from millwright.kernel.errors import Conflict, NotFound
from millwright.kernel.locks import exclusive
from millwright.kernel.workspace import Workspace
from millwright.tracking.records import MetricPoint, ParamValue

MOST_BYTES = 1 << 30
_SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to tell the server about a run."""

    what: Literal["metrics", "params", "tags", "inputs", "end"]
    points: tuple[MetricPoint, ...] = ()
    values: dict[str, ParamValue] = field(default_factory=dict)
    """Parameters or tags; ids of dataset versions; of an end its ``status`` and ``error``."""


class Unsent:
    """The file of one run, held by this process as long as it is open.

    Args:
        path: where it is; the folder is made when there is something to write.
        url: of the server that it is meant for; None where the workspace is asked in-process.
    """

    def __init__(self, path: Path, url: str | None) -> None:
        self.path = path
        self._url = url
        self._held = ExitStack()
        self.dropped = 0
        """Points left out because the file had grown to its limit."""

    @property
    def empty(self) -> bool:
        """Whether nothing waits in it."""
        return not self.path.exists()

    def append(self, entries: Sequence[Entry]) -> None:
        """Keep entries; they are on the disk when this returns."""
        if self.empty:
            self._begin()
        elif self.path.stat().st_size > MOST_BYTES:
            self.dropped += sum(len(entry.points) for entry in entries)
            entries = [entry for entry in entries if entry.what != "metrics"]
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(_line(entry) for entry in entries)
            file.flush()
            os.fsync(file.fileno())

    def entries(self) -> Iterator[Entry]:
        """What waits, in order; a line that was cut off by a kill is left out."""
        if self.empty:
            return
        with self.path.open(encoding="utf-8") as file:
            next(file, None)
            for line in file:
                if line.endswith("\n"):
                    yield _entry(json.loads(line))

    def clear(self) -> None:
        """Forget everything: it was taken."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the file, and what is in it, to others."""
        self._held.close()
        if self.empty:
            self.path.with_suffix(".lock").unlink(missing_ok=True)

    def _begin(self) -> None:
        self._held.close()
        self._held.enter_context(exclusive(self.path.with_suffix(".lock")))
        with self.path.open("w", encoding="utf-8") as file:
            file.write(json.dumps({"run": self.path.stem, "url": self._url}) + "\n")


def folder_here() -> Path:
    """Where runs of this folder leave what was not taken: the workspace, or the user's cache."""
    try:
        return Workspace.find().state / "unsent"
    except NotFound:
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return Path(cache) / "millwright" / "unsent"


def left_behind(folder: Path) -> list[tuple[Path, str | None]]:
    """Files that no living process holds, the oldest first, each with the server it is meant for."""
    found = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            with (
                exclusive(path.with_suffix(".lock"), wait=False),
                path.open(encoding="utf-8") as file,
            ):
                first = file.readline()
        except (Conflict, OSError):
            continue
        header = json.loads(first) if first.endswith("\n") else {}
        found.append((path, header.get("url")))
    return found


def _line(entry: Entry) -> str:
    content: dict[str, Any] = {"what": entry.what}
    if entry.points:
        content["points"] = [[p.key, p.value, p.step, p.time_ms] for p in entry.points]
    if entry.values:
        content["values"] = entry.values
    return json.dumps(content) + "\n"


def _entry(content: dict[str, Any]) -> Entry:
    points = tuple(
        MetricPoint(key=key, value=value, step=step, time_ms=time_ms)
        for key, value, step, time_ms in content.get("points", ())
    )
    return Entry(content["what"], points, content.get("values", {}))
