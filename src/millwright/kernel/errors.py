"""The one error hierarchy.

Every error a person can meet carries a stable code (``room.what``), a full sentence, the next
thing to try, an HTTP status and a CLI exit code, so that the API, the CLI and the Python API all
say the same thing about the same mistake.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable


class MillwrightError(Exception):
    """Base of all errors Millwright raises on purpose.

    Args:
        code: stable identifier such as ``data.unknown_target``.
        message: what was wrong, as a full sentence.
        hint: what to do next, as a full sentence.
        value: the offending value, if showing it helps and it is no secret.

    >>> error = NotFound("registry.unknown_model", "There is no model named 'x'.", hint="Run mw status.")
    >>> error.status, error.exit_code, str(error)
    (404, 3, "There is no model named 'x'. Run mw status.")
    """

    status: int = 500
    exit_code: int = 1

    def __init__(
        self, code: str, message: str, *, hint: str | None = None, value: object | None = None
    ) -> None:
        super().__init__(message if hint is None else f"{message} {hint}")
        self.code = code
        self.message = message
        self.hint = hint
        self.value = value

    def problem(self) -> dict[str, object]:
        """The body of an HTTP error answer."""
        body: dict[str, object] = {
            "code": self.code,
            "message": self.message,
            "status": self.status,
        }
        if self.hint is not None:
            body["hint"] = self.hint
        if self.value is not None:
            body["value"] = repr(self.value)[:200]
        return {"error": body}


class InvalidInput(MillwrightError):
    """What was given cannot be used as it is."""

    status, exit_code = 400, 2


class Unauthenticated(MillwrightError):
    """The caller has not said who they are."""

    status, exit_code = 401, 5


class Forbidden(MillwrightError):
    """The caller is known and may not do this."""

    status, exit_code = 403, 5


class NotFound(MillwrightError):
    """The thing named does not exist (or the caller may not know that it does)."""

    status, exit_code = 404, 3


class Conflict(MillwrightError):
    """The thing exists already, or has changed since the caller looked."""

    status, exit_code = 409, 4


class TooLarge(MillwrightError):
    """The request is larger than this installation accepts."""

    status, exit_code = 413, 2


class Unavailable(MillwrightError):
    """Something needed is not there right now: a server, a port, disk space, an extra."""

    status, exit_code = 503, 6


class Corrupt(MillwrightError):
    """Stored bytes or records are not what was written."""

    status, exit_code = 500, 7


ERRORS_BY_STATUS: dict[int, type[MillwrightError]] = {
    kind.status: kind
    for kind in (
        InvalidInput,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        TooLarge,
        Unavailable,
    )
}


def from_problem(status: int, body: object) -> MillwrightError:
    """The error that an HTTP error answer describes: the inverse of ``problem``."""
    detail = body.get("error") if isinstance(body, dict) else None
    kind = ERRORS_BY_STATUS.get(status, MillwrightError)
    if not isinstance(detail, dict):
        return kind("http.error", f"The server answered {status}: {str(body)[:300]}")
    if status == Corrupt.status:
        # A failure nobody foresaw has no body of ours.
        kind = Corrupt
    hint = detail.get("hint")
    return kind(
        str(detail.get("code", "http.error")),
        str(detail.get("message", f"The server answered {status}.")),
        hint=None if hint is None else str(hint),
        value=detail.get("value"),
    )


def disk_full(cause: OSError, place: str | None = None) -> Unavailable | None:
    """What to say when an operating system's error means that nothing more can be written."""
    if cause.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return None
    where = f"the disk that holds {place}" if place else "the disk"
    return Unavailable(
        "disk.full",
        f"There is no space left on {where}.",
        hint="Free some space and run the same command again; nothing was lost.",
    )


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like ``word``, for "did you mean" hints.

    >>> nearest("targt", ["source", "target", "time"])
    'target'
    >>> nearest("zzz", ["source"]) is None
    True
    """
    import difflib

    found = difflib.get_close_matches(word, list(candidates), n=1, cutoff=0.6)
    return found[0] if found else None


def database_full(cause: Exception, place: str) -> Unavailable | None:
    """The error for an SQLite file that cannot grow as its disk is full; none for another trouble.

    SQLite says of a full disk either that or, where it needs room to read, that reading failed.
    """
    if not getattr(cause, "sqlite_errorname", "").startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return None
    return disk_full(OSError(errno.ENOSPC, "no space"), place)
