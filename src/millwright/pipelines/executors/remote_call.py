"""One call of a step on another machine: what is sent there, what happens there, what comes back.

Nothing of this process is pickled. A step is named, its code is an object of the store, its inputs
and outputs are digests (small ones travel along), and its secrets are references that are resolved
where it runs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from millwright.kernel.errors import InvalidInput, MillwrightError, from_problem
from millwright.pipelines import isolated
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.board import Live
from millwright.pipelines.call import Made
from millwright.pipelines.code_snapshot import code_folder, keep_code
from millwright.pipelines.crew import Ended
from millwright.pipelines.entry_point import PACKAGE
from millwright.pipelines.graph import Reference
from millwright.pipelines.inline import seed_of
from millwright.pipelines.records import Failure
from millwright.pipelines.secret_values import resolved
from millwright.pipelines.session import Session
from millwright.pipelines.step_log import StepLog

Message = dict[str, Any]
_SMALL = 1 << 18


class Sender:
    """Makes the messages of one engine."""

    def __init__(self, session: Session, executor: str) -> None:
        self._session = session
        self._executor = executor
        self._code: str | None = None

    def message(self, live: Live, artifacts: Mapping[Reference, Artifact]) -> Message:
        """What another machine has to know to call a step.

        Raises:
            InvalidInput: the step asks for what only this machine has.
        """
        assert live.key is not None
        setting, session = live.setting, self._session
        if setting.python is not None or setting.packages:
            raise InvalidInput(
                "pipelines.local_environment",
                f"The step {live.name!r} asks for an environment of its own, which is made on this "
                f"machine and not on {self._executor}.",
                hint="Put its packages into the image or environment of the workers.",
                value=live.name,
            )
        return {
            "number": 0,
            "run_id": session.run_id,
            "project": session.project,
            "task": live.name,
            "attempt": live.attempt,
            "seed": seed_of(live.key),
            "step": live.node.step,
            "code": self._code_digest(live),
            "inputs": live.node.inputs,
            "artifacts": self._inputs(live, artifacts),
            "environment": setting.environment,
            "memory_mb": setting.memory_mb,
            "secrets": setting.secrets,
            "url": session.around.address["url"],
            "objects": session.around.address["objects"],
            "workspace": session.around.address["workspace"],
        }

    def _inputs(
        self, live: Live, artifacts: Mapping[Reference, Artifact]
    ) -> dict[str, tuple[dict[str, Any], bytes | None]]:
        found: dict[str, tuple[dict[str, Any], bytes | None]] = {}
        for reference in live.node.references().values():
            artifact = artifacts[reference]
            if artifact.kind == "list":
                self._session.settle()  # its parts are read from the store
            content = self._session.fetch(artifact.digest) if artifact.size <= _SMALL else None
            found[f"{reference.node}\0{reference.output}"] = (artifact.stored(), content)
        return found

    def _code_digest(self, live: Live) -> str | None:
        if live.node.step.partition(".")[0] == PACKAGE:
            return None
        if self._code is None:
            self._code = keep_code(self._session.plan, self._session.put)
        if self._code is None:
            raise InvalidInput(
                "pipelines.no_code",
                "The project's code cannot be sent to other machines: it is over 20 MB.",
                hint="Put the pipeline into a module of its own, and large data beside it.",
            )
        return self._code


def perform(message: Message) -> Message:
    """Call the step that a message names, and say what it made or how it failed, with its log."""
    answers: list[Message] = []
    with tempfile.TemporaryDirectory(prefix="mw-call-") as scratch:
        try:
            folder = _folder(message, scratch)
            job = {
                **message,
                "root": str(folder),
                "secrets": resolved(message["secrets"]),
                "scratch": scratch,
                # Without a control plane the workspace's folder is shared, and is the way in.
                "workspace": message["workspace"] if message["url"] is None else scratch,
            }
        except MillwrightError as error:
            return _refused(error)
        isolated.do(job, answers.append)
    log = "".join(answer["text"] for answer in answers if answer["kind"] == "lines")
    return {**answers[-1], "log": log}


def heard(live: Live, log: StepLog, answer: Message) -> Ended:
    """The end of a step from what came back."""
    if answer["log"]:
        log.write(answer["log"])
    if answer["kind"] == "made":
        made = {
            name: Made(Artifact.loaded(artifact), content)
            for name, (artifact, content) in answer["outputs"].items()
        }
        return Ended(live, log, made=made)
    failure = Failure(
        kind=answer["type"],
        message=answer["message"] or answer["type"],
        task=live.name,
        traceback=answer["traceback"],
    )
    error = None if answer["error"] is None else from_problem(answer["status"], answer["error"])
    return Ended(live, log, failure=failure, error=error)


def lost(live: Live, log: StepLog, why: str) -> Ended:
    """A step whose worker or node is gone: the engine sends it again."""
    failure = Failure(kind="WorkerLost", message=why, task=live.name)
    return Ended(live, log, failure=failure, lost=True)


def _refused(error: MillwrightError) -> Message:
    return {
        "kind": "failed", "type": type(error).__name__, "message": error.message, "log": "",
        "traceback": None, "error": error.problem(), "status": error.status,
    }  # fmt: skip


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    """A folder that lives as long as this worker process: for code, which many calls share."""
    return tempfile.TemporaryDirectory(prefix="mw-code-")


def _folder(message: Message, scratch: str) -> Path:
    if message["code"] is None:
        return Path(scratch)
    state = Path(_kept().name)

    def fetch(digest: str) -> bytes:
        return isolated.fetch({**message, "workspace": str(state)}, {}, digest)

    # A folder that is not there is never what the code was packed from.
    return code_folder(message["code"], state / "none", state, fetch)
