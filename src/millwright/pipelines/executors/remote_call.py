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

from millwright.kernel.errors import InvalidInput, MillwrightError
from millwright.pipelines import isolated
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.board import Live
from millwright.pipelines.code_snapshot import code_folder, keep_code
from millwright.pipelines.entry_point import PACKAGE
from millwright.pipelines.graph import Reference
from millwright.pipelines.messages import Ended, Message, heard, message_of
from millwright.pipelines.secret_values import resolved
from millwright.pipelines.session import Session
from millwright.pipelines.step_log import StepLog


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
            **message_of(session, live, artifacts, 0),
            "code": self._code_digest(live),
            "secrets": setting.secrets,
        }

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


def returned(live: Live, log: StepLog, answer: Message) -> Ended:
    """The end of a step from what came back, with what it wrote."""
    if answer["log"]:
        log.write(answer["log"])
    return heard(live, log, answer)


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
