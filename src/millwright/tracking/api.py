"""The Python API of tracking: ``mw.start_run``, ``mw.log_metric`` and their kin.

Example:
    >>> import millwright as mw                                          # doctest: +SKIP
    >>> with mw.start_run(experiment="flights", seed=7) as run:          # doctest: +SKIP
    ...     mw.log_param("depth", 6)
    ...     for epoch in range(10):
    ...         mw.log_metric("loss", 1 / (epoch + 1), step=epoch)
    ...     mw.log_artifact("report.html")
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from millwright.kernel.config import FILE_NAME
from millwright.kernel.door import Door, connect
from millwright.kernel.provenance import hear_reads, knows_feeding, origin_now
from millwright.kernel.workspace import Workspace
from millwright.tracking import active, client
from millwright.tracking import environment as surroundings
from millwright.tracking.delivery import sync_aside
from millwright.tracking.records import Artifact, NewRun, plain
from millwright.tracking.session import RunSession
from millwright.tracking.source_code import Source, keep_source, source_here
from millwright.tracking.system_metrics import system_metrics_wanted
from millwright.tracking.unsent import folder_here

RUN_VARIABLE = "MILLWRIGHT_RUN_ID"
"""The id that the first run of a process takes; set by whoever starts the process."""
_implicit_lock = threading.Lock()


def start_run(
    name: str | None = None,
    experiment: str = "default",
    *,
    project: str | None = None,
    seed: int | None = None,
    inputs: Sequence[str] = (),
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    parent: str | None = None,
    system_metrics: bool | None = None,
    door: Door | None = None,
) -> RunSession:
    """Start a run and make it active until its ``with`` block, ``end()`` or the process ends.

    Code, environment, machine, seeds and command line are recorded without being asked.

    Args:
        name: for people; made up if not given.
        experiment: groups runs.
        project: whose run; by default that of the ``millwright.yaml`` around the working
            directory, or ``MILLWRIGHT_PROJECT``.
        seed: the seed that makes the run repeatable.
        inputs: ids of the dataset versions it reads.
        params, tags: to log and to set at once.
        parent: id of the parent run; the active run if there is one.
        system_metrics: whether to log how the machine is used; by default where the run has no
            parent here, unless ``MILLWRIGHT_SYSTEM_METRICS`` is ``0``.
        door: an open door to use; otherwise one is opened, and closed with the run.

    Raises:
        NotFound: there is no project here.
    """
    outer = active.innermost()
    opened = door or (outer.door if outer is not None else None)
    owns_door = opened is None
    opened = opened or connect()
    try:
        owner = project or (outer.project if outer is not None else project_here(opened))
        source = source_here()
        new = NewRun(
            **_surroundings(opened, owner, source),
            experiment=experiment,
            name=name,
            parent=parent or (outer.id if outer is not None else None),
            seed=seed,
            inputs=tuple(inputs),
            params={key: plain(value) for key, value in (params or {}).items()},
            tags=dict(tags or {}),
        )
        record = client.create_run(opened, owner, new)
        session = RunSession(opened, record, owns_door=owns_door)
        keep_source(opened, owner, record.id, source)
    except BaseException:
        if owns_door:
            opened.close()
        raise
    if system_metrics_wanted(system_metrics if outer is None else bool(system_metrics)):
        session.watch_system()
    return _made_active(session)


def _surroundings(door: Door, project: str, source: Source) -> dict[str, Any]:
    """What is recorded of this process without being asked."""
    lock = door.upload(project, surroundings.packages().encode())
    return {
        "id": os.environ.pop(RUN_VARIABLE, None),
        "origin": origin_now(),
        "code": source.version,
        "environment": surroundings.run_environment(lock),
        "command": surroundings.command_line(),
    }


def _made_active(session: RunSession) -> RunSession:
    """Hear what is read from now on, and send what earlier runs left."""
    sync_aside(session.door, folder_here())
    hear_reads(_heard)
    active.push(session)
    return session


def _heard(project: str, version_id: str) -> None:
    run = active.innermost()
    if run is not None and run.project == project:
        run.log_input(version_id)


@knows_feeding
def _feeds(project: str) -> bool:
    run = active.innermost()
    return run is not None and run.project == project


def active_run() -> RunSession:
    """The active run; one is started, and ended with the process, if there is none."""
    found = active.innermost()
    if found is not None:
        return found
    with _implicit_lock:
        found = active.innermost()
        if found is None:
            found = start_run()
        return found


def log_metric(key: str, value: float, step: int | None = None) -> None:
    """Log a value of a metric to the active run."""
    active_run().log_metric(key, value, step)


def log_metrics(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Log several metrics of the same step to the active run."""
    active_run().log_metrics(metrics, step)


def log_param(key: str, value: Any) -> None:
    """Log a parameter to the active run."""
    active_run().log_param(key, value)


def log_params(params: Mapping[str, Any]) -> None:
    """Log parameters to the active run."""
    active_run().log_params(params)


def set_tag(key: str, value: Any) -> None:
    """Set a tag on the active run."""
    active_run().set_tag(key, value)


def log_artifact(content: str | Path | bytes, name: str | None = None) -> list[Artifact]:
    """Log a file, a folder's files, or bytes to the active run."""
    return active_run().log_artifact(content, name)


def project_here(door: Door) -> str:
    """The project of this folder, known to the server from now on; or ``MILLWRIGHT_PROJECT``.

    Raises:
        NotFound: there is no project here.
    """
    named = os.environ.get("MILLWRIGHT_PROJECT")
    if named:
        return named
    workspace = Workspace.find()
    config = workspace.starts()
    if config.has_data:
        # The control plane may not have seen the project file yet.
        text = (workspace.root / FILE_NAME).read_text("utf-8")
        door.put(f"/projects/{config.project}", {"config": text})
    return config.project
