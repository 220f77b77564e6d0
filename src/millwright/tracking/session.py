"""A run in progress in this process."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from millwright.kernel import clock
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.tracking import active, client
from millwright.tracking.logging_buffer import LoggingBuffer
from millwright.tracking.records import Artifact, MetricPoint, Run, RunStatus, plain


class RunSession:
    """The run that ``start_run`` gives: log to it, and leave the ``with`` block to end it.

    Metrics are buffered and sent in the background; everything else is sent at once. An exception
    that leaves the block marks the run failed.

    Attributes:
        record: the run as it was when it started.
        door: the way to the API.
    """

    def __init__(self, door: Door, record: Run, *, owns_door: bool) -> None:
        self.door = door
        self.record = record
        self._owns_door = owns_door
        self._ended = False
        self._inputs = set(record.inputs)
        self._buffer = LoggingBuffer(
            lambda points: client.log_metrics(self.door, self.record.id, points)
        )

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
        self._buffer.add(points)

    def log_param(self, key: str, value: Any) -> None:
        """Log a parameter."""
        self.log_params({key: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters; raises ``Conflict`` if one has another value already."""
        client.log_params(self.door, self.id, {key: plain(v) for key, v in params.items()})

    def set_tag(self, key: str, value: Any) -> None:
        """Set a tag, replacing its value."""
        client.set_tags(self.door, self.id, {key: str(value)})

    def log_input(self, version_id: str) -> None:
        """Name a dataset version, by id, that the run reads; again changes nothing.

        ``mw.dataset(…)`` does it for what is read while the run is active.
        """
        if version_id not in self._inputs:
            client.log_inputs(self.door, self.id, [version_id])
            self._inputs.add(version_id)

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
        """Send buffered metrics now."""
        self._buffer.flush()

    def end(self, status: RunStatus = "finished", error: str | None = None) -> None:
        """Send what is left and end the run; calling it again does nothing.

        Raises:
            MillwrightError: metrics could not be sent. The run is marked failed then.
        """
        if self._ended:
            return
        self._ended = True
        active.pop(self)
        try:
            try:
                self._buffer.close()
            except Exception as cause:
                reason = f"Some metrics could not be sent: {cause}"
                client.end_run(self.door, self.id, "failed", error=error or reason)
                raise
            client.end_run(self.door, self.id, status, error=error)
        finally:
            if self._owns_door:
                self.door.close()

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
        return client.log_artifact(self.door, self.project, self.id, name, content, media_type=kind)
