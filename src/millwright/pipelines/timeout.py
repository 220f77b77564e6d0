"""Calling one step: in its context, within its time, with its output kept."""

from __future__ import annotations

import contextvars
import ctypes
import threading
from collections.abc import Callable
from typing import Any

from millwright.kernel.clock import format_duration
from millwright.kernel.errors import Unavailable

_GRACE_SECONDS = 1.0


class StepTimeout(Unavailable):
    """A step took longer than it may."""

    def __init__(self, name: str, timeout_ms: int) -> None:
        super().__init__(
            "pipelines.timeout",
            f"The step {name!r} took longer than its timeout of {format_duration(timeout_ms)}.",
            hint="Give it more time with @mw.step(timeout=…), or make it do less.",
        )


class _Interrupted(BaseException):
    """Raised inside a step's thread to end it."""


def call_within(name: str, timeout_ms: int | None, function: Callable[[], Any]) -> Any:
    """What ``function`` returns, or ``StepTimeout`` when it does not return in time.

    With a timeout the function runs in a thread of its own. Python code in it is interrupted; a
    call into C that never returns is left behind, and its thread ends with the process.
    """
    if timeout_ms is None:
        return function()
    answer: list[Any] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            answer.append(function())
        except BaseException as error:  # it is raised again in the caller's thread
            raised.append(error)

    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(run,), name=f"step-{name}", daemon=True
    )
    thread.start()
    thread.join(timeout_ms / 1000)
    if thread.is_alive():
        assert thread.ident is not None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(_Interrupted)
        )
        thread.join(_GRACE_SECONDS)
        raise StepTimeout(name, timeout_ms)
    if raised:
        raise raised[0]
    return answer[0]
