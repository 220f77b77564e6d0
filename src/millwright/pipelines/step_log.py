"""What a step says while it runs: its prints, log records, progress notes and traceback.

Output still goes where it went before; a copy of what the step's own thread writes is kept.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar, Token
from typing import Any

_LIMIT = 1 << 20
_current: ContextVar[StepLog | None] = ContextVar("millwright_step_log", default=None)


class StepLog:
    """The text a step wrote, at most the last mebibyte of it.

    As a context manager it collects what the block's thread, and those started with its context, write.
    """

    def __init__(
        self, on_text: Callable[[str], None] = lambda _: None, hidden: Iterable[str] = ()
    ) -> None:
        self._text = io.StringIO()
        self._dropped = False
        self._on_text = on_text
        self._token: Token[StepLog | None] | None = None
        self._hidden = [secret for secret in hidden if secret]

    def write(self, text: str) -> None:
        """Add text, in which secrets are covered."""
        text = self.covered(text)
        self._text.write(text)
        self._on_text(text)
        if self._text.tell() > 2 * _LIMIT:
            kept = self._text.getvalue()[-_LIMIT:]
            self._text = io.StringIO()
            self._text.write(kept)
            self._dropped = True

    def covered(self, text: str) -> str:
        """The text without the values of secrets."""
        for secret in self._hidden:
            text = text.replace(secret, "•••")
        return text

    def content(self) -> bytes:
        """All of it, in UTF-8."""
        text = self._text.getvalue()[-_LIMIT:]
        return (("… (earlier lines dropped)\n" if self._dropped else "") + text).encode()

    def __enter__(self) -> StepLog:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _current.reset(self._token)


@contextlib.contextmanager
def copied_output() -> Iterator[None]:
    """Within the block, prints and log records also reach the log of the step that made them."""
    listener = _Listener(level=logging.INFO)
    listener.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(listener)
    try:
        with (
            contextlib.redirect_stdout(_Copy(sys.stdout)),
            contextlib.redirect_stderr(_Copy(sys.stderr)),
        ):
            yield
    finally:
        root.removeHandler(listener)


def traceback_of(error: BaseException) -> str:
    """The traceback as Python prints it, from the step's own code on."""
    lines = traceback.TracebackException.from_exception(error)
    own = [frame for frame in lines.stack if "/millwright/pipelines/" not in frame.filename]
    lines.stack = traceback.StackSummary.from_list(own or list(lines.stack))
    return "".join(lines.format())


class _Copy:
    """A text stream that also writes to the current step's log."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        log = _current.get()
        if log is not None:
            log.write(text)
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Listener(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        log = _current.get()
        if log is not None:
            log.write(self.format(record) + "\n")
