"""The server's end of the process that scores beside it: started, asked, and let go."""

from __future__ import annotations

import select
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from millwright.kernel import process
from millwright.kernel.serving_config import WorkersConfig
from millwright.serving.config import ServerConfig
from millwright.serving.outcome import Outcome
from millwright.serving.shadow import messages
from millwright.serving.signature import Rows

_ERRORS = Path("/dev/stderr")
_LOOK_MS = 250
_END_SECONDS = 5.0


class ShadowGone(Exception):
    """The process ended, or nobody waits for its answer any more."""


class ShadowProcess:
    """Scores what one endpoint answered. Used from one thread; blocks it."""

    def __init__(self, given_up: Callable[[], bool]) -> None:
        """``given_up`` says whether an answer that does not come is to be waited for no longer."""
        self._given_up = given_up
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._serving: ServerConfig | None = None

    def serve(self, config: ServerConfig) -> None:
        """Have it serve what ``config`` names, starting it where it is not there.

        Raises:
            ShadowGone: it ended, which its log says why.
        """
        if self._serving is config:
            return
        if self._socket is None:
            self._start()
        alone = {
            "spool": None,
            "workers": WorkersConfig(),
            "keys": (),
            "oidc": None,
            "traces": None,
            "guard": "off",
            "others": (),
            "memory_bytes": None,
            "cache_rows": 0,
        }
        said = config.model_copy(update=alone).model_dump_json().encode()
        self._asked(messages.Serve(said))
        self._serving = config

    def score(self, version_id: str, requests: Sequence[Rows]) -> Sequence[Outcome | None]:
        """The outcome of each request, None where the model failed on it; raises as ``serve``."""
        found = self._asked(messages.Score(version_id, list(requests)))
        return found.outcomes if isinstance(found, messages.Scored) else [None] * len(requests)

    def end(self) -> None:
        """Let the process go."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            process.stop(self._process, grace_seconds=_END_SECONDS)
        self._process = self._socket = self._serving = None

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = process.spawn(
                ["-m", "millwright.serving.shadow", str(theirs.fileno())],
                log=_ERRORS,
                inherit=[theirs.fileno()],
            )
        self._socket = ours

    def _asked(self, message: messages.Serve | messages.Score) -> messages.Ready | messages.Scored:
        assert self._socket is not None, "it was started"
        try:
            messages.send(self._socket, message)
        except OSError as cause:
            self.end()
            raise ShadowGone from cause
        coming = select.poll()
        coming.register(self._socket, select.POLLIN)
        while not coming.poll(_LOOK_MS):
            if self._given_up():
                self.end()
                raise ShadowGone
        content = messages.receive(self._socket)
        if content is None:
            self.end()
            raise ShadowGone
        return messages.answered(content)
