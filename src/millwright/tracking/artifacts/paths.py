"""Paths of artifacts: which text is one, and what it belongs to.

Pure. A path never touches a file system, yet clients write artifacts to theirs under the same names:
whatever would climb, be absolute or mean something else after another round of decoding is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from millwright.tracking.mlflow.errors import invalid

MAX_PATH = 800
MAX_RUN_NAME = 250
_FORBIDDEN = frozenset("\\#?;")
_DRIVE = re.compile(r"^[A-Za-z]:")
_RUN = re.compile(r"^(?:.*/)?(?P<run>[0-9a-f]{32})/artifacts(?:/(?P<name>.*))?$", re.DOTALL)
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class InRun:
    """A place among the artifacts of a run; ``name`` is empty for their root."""

    run: str
    name: str


def checked_path(path: str, *, empty: bool = False) -> str:
    """The path without a trailing slash.

    Args:
        path: as decoded once from a URL, or from a JSON body.
        empty: whether a folder to list is meant: the root too, and with the ``.`` in it that
            clients send when they fetch everything.

    Raises:
        MlflowError: it is absolute, climbs, is encoded twice to hide that, or holds characters
            that end a path elsewhere.

    >>> checked_path("model/MLmodel"), checked_path("plots/", empty=True)
    ('model/MLmodel', 'plots')
    """
    if empty:
        path = "/".join(part for part in path.split("/") if part != ".")
    if not path:
        if empty:
            return ""
        raise invalid("Invalid path")
    plain = path
    for _ in range(_ROUNDS):
        _refuse(plain)
        decoded = unquote(plain)
        if decoded == plain:
            break
        plain = decoded
    else:
        raise invalid("Invalid path")
    if len(path) > MAX_PATH:
        raise invalid(f"Invalid path: it has more than {MAX_PATH} characters")
    return path.rstrip("/")


def run_place(path: str) -> InRun | None:
    """The run whose artifacts a path leads into, if it looks like one.

    >>> run_place("0/0123456789abcdef0123456789abcdef/artifacts/model/MLmodel")
    InRun(run='0123456789abcdef0123456789abcdef', name='model/MLmodel')
    >>> run_place("notes/readme.md") is None
    True
    """
    found = _RUN.match(path)
    return None if found is None else InRun(found["run"], found["name"] or "")


def joined(*parts: str) -> str:
    """Path parts as one path, empty parts left out."""
    return "/".join(part for part in parts if part)


def children(paths: dict[str, int], below: str) -> list[tuple[str, bool, int]]:
    """What lies directly below a path: name, whether it is a folder, its size in bytes.

    >>> children({"a/b/c": 3, "a/d": 5}, "a")
    [('b', True, 0), ('d', False, 5)]
    """
    start = f"{below}/" if below else ""
    found: dict[str, tuple[bool, int]] = {}
    for path, size in paths.items():
        if not path.startswith(start):
            continue
        name, slash, _ = path[len(start) :].partition("/")
        found[name] = (True, 0) if slash else found.get(name, (False, size))
    return [(name, is_dir, size) for name, (is_dir, size) in sorted(found.items())]


def _refuse(path: str) -> None:
    parts = path.rstrip("/").split("/")
    if (
        any(ord(letter) < 32 or ord(letter) == 127 for letter in path)
        or any(letter in _FORBIDDEN for letter in path)
        or any(part in ("", ".", "..") or part.strip() == ".." for part in parts)
        or _DRIVE.match(path)
        or any("\ud800" <= letter <= "\udfff" or letter in "\u2028\u2029" for letter in path)
    ):
        raise invalid("Invalid path")
