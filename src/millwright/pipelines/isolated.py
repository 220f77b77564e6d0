"""A worker: calls the steps that an engine sends it, one after another, in a process of its own."""

from __future__ import annotations

import os
import resource
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millwright.kernel.errors import MillwrightError
from millwright.pipelines import frames
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.call import arguments, outputs
from millwright.pipelines.context import Progress, StepContext, current, unknown_secret
from millwright.pipelines.entry_point import load_entry_point
from millwright.pipelines.graph import Reference
from millwright.pipelines.placement import become_worker
from millwright.pipelines.step_log import StepLog, copied_output, traceback_of
from millwright.pipelines.steps import Step

if TYPE_CHECKING:
    from millwright.kernel.door import Door
    from millwright.kernel.objects import ProjectObjects

Message = dict[str, Any]


def work(connection: socket.socket) -> None:
    """Call one step after another until the engine closes the connection."""
    become_worker()
    incoming, lock = frames.Incoming(connection), threading.Lock()

    def answer(message: Message) -> None:
        with lock:
            frames.send(connection, message)

    with copied_output():
        while (job := incoming.wait()) is not None:
            try:
                do(job, answer)
            except BrokenPipeError:
                return


def do(job: Message, answer: Callable[[Message], None]) -> None:
    """Call the step that a job names, and answer as it goes."""
    number = job["number"]
    answer({"kind": "began", "number": number})
    hidden = job["secrets"].values()
    log = StepLog(lambda text: answer({"kind": "lines", "number": number, "text": text}), hidden)
    try:
        _limit(job)
        made = _call(job, log, answer)
    except BaseException as error:  # whatever a step raises is the step's failure
        trace = log.covered(traceback_of(error))
        log.write(trace)
        answer({
            "kind": "failed", "number": number, "type": type(error).__name__,
            "message": log.covered(str(error)), "traceback": trace,
            "error": error.problem() if isinstance(error, MillwrightError) else None,
            "status": error.status if isinstance(error, MillwrightError) else 0,
        })  # fmt: skip
        return
    answer({"kind": "made", "number": number, "outputs": made})


def _call(job: Message, log: StepLog, answer: Callable[[Message], None]) -> Message:
    step = _step(job["step"], job["root"])
    project = job["project"]
    with tempfile.TemporaryDirectory(prefix="mw-step-", dir=job["scratch"]) as name:
        workdir = Path(name)
        near = {Artifact.loaded(one).digest: content for one, content in job["artifacts"].values()
                if content is not None}  # fmt: skip
        given = arguments(
            job["inputs"],
            {_reference(key): Artifact.loaded(one) for key, (one, _) in job["artifacts"].items()},
            partial(fetch, job, near),
            project=project,
            workdir=lambda: workdir / "inputs",
        )
        context = StepContext(
            run_id=job["run_id"],
            project=project,
            task=job["task"],
            attempt=job["attempt"],
            seed=job["seed"],
            _workdir=lambda: workdir,
            _door=lambda: _door(job["workspace"], job["url"]),
            _report=partial(_report, job["number"], log, answer),
            _is_cancelled=lambda: False,
            _secret=partial(_secret, job["secrets"]),
        )
        token = current.set(context)
        try:
            with log:
                returned = step.function(**given)
        finally:
            current.reset(token)
        made = outputs(step, returned, partial(_put, job), project=project, workdir=lambda: workdir)
    return {key: (one.artifact.stored(), one.content) for key, one in made.items()}


def _limit(job: Message) -> None:
    """The environment and the memory that the step asks for; the worker serves no other after."""
    os.environ.update(job["environment"])
    if job["memory_mb"] is not None:
        most = job["memory_mb"] << 20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


@cache
def _step(entry_point: str, root: str) -> Step[..., Any]:
    found = load_entry_point(entry_point, Path(root))
    assert isinstance(found, Step)
    return found


def _reference(key: str) -> Reference:
    node, _, output = key.rpartition("\0")
    return Reference(node, output)


def fetch(job: Message, near: Mapping[str, bytes], digest: str) -> bytes:
    """The bytes of an input: near at hand, over HTTP, or from the folder of the store."""
    if digest in near:
        return near[digest]
    if job["url"] is not None:
        return _door(job["workspace"], job["url"]).fetch(job["project"], digest)
    return _objects(job["objects"], job["project"]).read(digest)


def _put(job: Message, content: bytes | Path) -> str:
    if job["url"] is not None:
        return _door(job["workspace"], job["url"]).upload(job["project"], content)
    return _objects(job["objects"], job["project"]).put(content)


@cache
def _objects(root: str, project: str) -> ProjectObjects:
    from millwright.kernel.objects import ObjectStore

    return ObjectStore(Path(root)).of(project)


@cache
def _door(workspace: str, url: str | None) -> Door:
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace

    return connect(Workspace(Path(workspace)), url)


def _secret(secrets: Mapping[str, str], name: str) -> str:
    return secrets[name] if name in secrets else unknown_secret(name)


def _report(
    number: int, log: StepLog, answer: Callable[[Message], None], progress: Progress
) -> None:
    if progress.note:
        log.write(progress.note + "\n")
    told = (progress.done, progress.total, progress.note, progress.rate, progress.left_ms)
    answer({"kind": "progress", "number": number, "progress": told})
