"""A run in progress in this process."""

from __future__ import annotations

import json
import mimetypes
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from millwright.kernel import clock
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput, NotFound, Unavailable
from millwright.tracking import active, client
from millwright.tracking.delivery import moved, tell
from millwright.tracking.outbox import Outbox
from millwright.tracking.records import Artifact, MetricPoint, Run, RunStatus, plain
from millwright.tracking.system_metrics import SystemMetrics
from millwright.tracking.unsent import Entry, Unsent, folder_here

PATIENCE_VARIABLE = "MILLWRIGHT_PATIENCE"
_PATIENCE_SECONDS = 30.0


class RunSession:
    """The run that ``start_run`` gives: log to it, and leave the ``with`` block to end it.

    Metrics are taken at once and sent in the background. Parameters and tags are sent at once where
    the server answers; while it is away everything but files is kept on disk and sent when it is
    back. An exception that leaves the block marks the run failed.

    Attributes:
        record: the run as it was when it started.
        door: the way to the API.
    """

    def __init__(self, door: Door, record: Run, *, owns_door: bool) -> None:
        self.door = door
        self.record = record
        self._owns_door = owns_door
        self._ended = False
        self._system: SystemMetrics | None = None
        self._inputs = set(record.inputs)
        self._unsent = Unsent(folder_here() / f"{record.id}.jsonl", door.url)
        self._outbox = Outbox(self._tell, self._unsent)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.record.id

    @property
    def project(self) -> str:
        """The run's project."""
        return self.record.project

    def log_metric(self, key: str, value: float, step: int | None = None) -> None:
        """Log one value; ``step`` is 0 if not given."""
        self.log_metrics({key: value}, step=step)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log several values of the same step.

        Raises:
            InvalidInput: a value is no number.
        """
        now = clock.now_ms()
        points = []
        for key, value in metrics.items():
            try:
                number = float(value)
            except (TypeError, ValueError) as cause:
                raise InvalidInput(
                    "tracking.metric_value",
                    f"The metric '{key}' has the value {value!r}, which is no number.",
                    hint="Log text with log_param or set_tag.",
                ) from cause
            points.append(MetricPoint(key=key, value=number, step=step or 0, time_ms=now))
        self._outbox.add(points)

    def log_param(self, key: str, value: Any) -> None:
        """Log a parameter."""
        self.log_params({key: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters; raises ``Conflict`` if one has another value already."""
        self._say(Entry("params", values={key: plain(v) for key, v in params.items()}))

    def set_tag(self, key: str, value: Any) -> None:
        """Set a tag, replacing its value."""
        self._say(Entry("tags", values={key: str(value)}))

    def log_input(self, version_id: str) -> None:
        """Name a dataset version, by id, that the run reads; again changes nothing.

        ``mw.dataset(…)`` does it for what is read while the run is active.
        """
        if version_id not in self._inputs:
            self._inputs.add(version_id)
            self._say(Entry("inputs", values={version_id: None}))

    def log_artifact(self, content: str | Path | bytes, name: str | None = None) -> list[Artifact]:
        """Log a file, every file of a folder, or bytes.

        Args:
            content: a path, or the bytes themselves.
            name: the logical name; the file's own if not given. Bytes need one.

        Raises:
            NotFound: there is no such file.
            InvalidInput: bytes came without a name, or the name is not usable.
        """
        if isinstance(content, bytes):
            if name is None:
                raise InvalidInput(
                    "tracking.artifact_name",
                    "Bytes have no name of their own.",
                    hint="Call log_artifact(content, name='plots/roc.png').",
                )
            return [self._upload(name, content)]
        path = Path(content)
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            prefix = name or path.name
            return [self._upload(f"{prefix}/{f.relative_to(path).as_posix()}", f) for f in files]
        if not path.exists():
            raise NotFound("tracking.no_file", f"There is no file {path}.", value=str(path))
        return [self._upload(name or path.name, path)]

    def log_dict(self, content: Any, name: str) -> Artifact:
        """Log plain data as a JSON artifact."""
        return self._upload(name, json.dumps(content, indent=1, default=str).encode())

    def flush(self) -> None:
        """Send what waits, now.

        Raises:
            Unavailable: the server does not answer; what waits is kept.
        """
        self._outbox.flush()

    def end(self, status: RunStatus = "finished", error: str | None = None) -> None:
        """Send what is left and end the run; calling it again does nothing.

        Where the server does not answer within ``MILLWRIGHT_PATIENCE`` (30 s), everything is kept on
        disk, the end too, and a sentence on standard error says so.

        Raises:
            MillwrightError: the server refused something that was logged. The run is marked failed
                then.
        """
        if self._ended:
            return
        self._ended = True
        active.pop(self)
        if self._system is not None:
            self._system.stop()
        try:
            self._close(status, error)
        finally:
            if self._owns_door:
                self.door.close()

    def watch_system(self) -> None:
        """Log how the machine is used until the run ends, as metrics below ``system/``."""
        if self._system is None:
            self._system = SystemMetrics(self._outbox.add)

    def _close(self, status: RunStatus, error: str | None) -> None:
        with suppress(Unavailable):
            self._outbox.flush()
        refusal = self._outbox.refusal
        if refusal is not None:
            status, error = "failed", error or f"Some of the log was refused: {refusal}"
        self._outbox.put(Entry("end", values={"status": status, "error": error}))
        if not self._outbox.close(patience()):
            sys.stderr.write(
                f"Nothing answers at {self.door.url}: what the run {self.record.name} logged waits in "
                f"{self._unsent.path}. It is sent with the next run here, or by: mw runs sync\n"
            )
        elif self._outbox.refusal is not None:
            raise self._outbox.refusal

    def _say(self, entry: Entry) -> None:
        """Tell the server now, so that a refusal is heard where it belongs; later if it is away."""
        if not self._outbox.away:
            try:
                self._tell([entry])
            except Unavailable:
                self._outbox.put(entry)
        else:
            self._outbox.put(entry)

    def _tell(self, entries: Sequence[Entry]) -> None:
        try:
            tell(self.door, self.id, entries)
        except Unavailable:
            found = moved(self.door) if self._owns_door else None
            if found is None:
                raise
            self.door = found
            tell(self.door, self.id, entries)

    def __enter__(self) -> RunSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.end()
            return
        status: RunStatus = "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"
        try:
            self.end(status, f"{type(error).__name__}: {error}"[:5000])
        except Exception as also:
            # The error of the block is the one to see; this one goes along as a note.
            error.add_note(f"The run's log is incomplete: {also}")

    def _upload(self, name: str, content: bytes | Path) -> Artifact:
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        deadline = time.monotonic() + patience()
        while True:
            try:
                return client.log_artifact(
                    self.door, self.project, self.id, name, content, media_type=kind
                )
            except Unavailable:
                # Files are not copied aside: their bytes wait where they are for the server.
                if time.monotonic() >= deadline:
                    raise
                self.door = (moved(self.door) if self._owns_door else None) or self.door
                time.sleep(0.2)


def patience() -> float:
    """For how many seconds the end of a run waits for a server that does not answer."""
    try:
        return float(os.environ.get(PATIENCE_VARIABLE, _PATIENCE_SECONDS))
    except ValueError:
        return _PATIENCE_SECONDS
