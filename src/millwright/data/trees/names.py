"""Which paths a dataset may hold: those that stay inside the folder they are written to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from millwright.kernel.errors import InvalidInput

MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 4096
_PLAIN = re.compile(r"(?:[A-FH-Za-fh-z0-9_][A-Za-z0-9_.-]*/)*[A-FH-Za-fh-z0-9_][A-Za-z0-9_.-]*")
"""Most paths: nothing is wrong with these. Names of folders that control git begin otherwise."""
_PLAIN_LINES = re.compile(
    r"(?:(?:[A-FH-Za-fh-z0-9_][A-Za-z0-9_.-]*+/)*+[A-FH-Za-fh-z0-9_][A-Za-z0-9_.-]*+\n)*+"
)
"""The same for many at once, each with a line feed behind it."""
_LINES = 512
_CONTROL_FOLDERS = frozenset({".git", "git~1", ".millwright"})
"""Folders in which a file would become configuration or code; never part of a dataset."""


def check_paths(paths: Sequence[str]) -> None:
    """Refuse what ``check_path`` refuses, in a fraction of the time for many paths.

    >>> check_paths(["a/b.txt", "c"])
    """
    for start in range(0, len(paths), _LINES):
        some = paths[start : start + _LINES]
        text = "\n".join([*some, ""])
        plain = _PLAIN_LINES.fullmatch(text) and text.count("\n") == len(some)
        if not plain or max(map(len, some)) > MAX_NAME_BYTES:
            for path in some:
                check_path(path)


def check_path(path: str) -> bytes:
    """The key of a path: its UTF-8 bytes, if it is relative, plain and stays inside.

    Raises:
        InvalidInput: it is empty, absolute, climbs with ``..``, holds NUL, is not Unicode text, is
            too long, or leads into ``.git`` or ``.millwright`` however that is spelled.

    >>> check_path("photos/été.jpg").decode()
    'photos/été.jpg'
    """
    if len(path) <= MAX_NAME_BYTES and _PLAIN.fullmatch(path):
        return path.encode()
    try:
        key = path.encode()
    except UnicodeEncodeError:
        raise _refused(path, "its name is not Unicode text") from None
    if not key or len(key) > MAX_PATH_BYTES:
        raise _refused(path, f"its path is empty or longer than {MAX_PATH_BYTES} bytes")
    if b"\0" in key:
        raise _refused(path, "its name holds a NUL character")
    if key[:1] == b"/":
        raise _refused(path, "it is absolute")
    for name in path.split("/"):
        _check_name(path, name)
    return key


def _check_name(path: str, name: str) -> None:
    if name in ("", ".", ".."):
        raise _refused(path, "it has an empty part or one that is '.' or '..'")
    if len(name) > MAX_NAME_BYTES // 4 and len(name.encode()) > MAX_NAME_BYTES:
        raise _refused(path, f"one of its parts is longer than {MAX_NAME_BYTES} bytes")
    # Only names that begin like one of these can be one of them, so most are done here.
    if (name[0] in ".gG" or not name.isascii()) and is_control_folder(name):
        raise _refused(path, "it leads into a folder that controls git or Millwright")


def is_control_folder(name: str) -> bool:
    """Whether a file system may take this name for ``.git`` or ``.millwright``.

    Case, characters that are not shown, trailing dots and blanks, and NTFS streams are ignored, as
    some file systems ignore them (CVE-2014-9390).

    >>> [is_control_folder(name) for name in (".git", ".GIT ", ".g\\u200cit", ".gitignore")]
    [True, True, True, False]
    """
    seen = "".join(c for c in name if unicodedata.category(c) != "Cf")
    return seen.partition(":")[0].rstrip(". ").casefold() in _CONTROL_FOLDERS


def check_target(path: str, target: str) -> str:
    """The target of a symbolic link at ``path``, if following it stays inside the dataset.

    ``..`` is allowed at the front only: behind a name it could climb out through another link.

    Raises:
        InvalidInput: the link points outside.
    """
    parts = target.split("/")
    climbs = 0
    while climbs < len(parts) and parts[climbs] == "..":
        climbs += 1
    inside = climbs <= path.count("/") and ".." not in parts[climbs:]
    if not target or "\0" in target or target.startswith("/") or not inside:
        raise InvalidInput(
            "data.link_outside",
            f"'{path}' is a link to '{target}', which is not inside the dataset.",
            hint="Remove the link, or keep what it points to with --follow.",
            value=path,
        )
    for name in parts[climbs:]:
        if is_control_folder(name):
            raise _refused(path, "it links into a folder that controls git or Millwright")
    return target


def _refused(path: str, why: str) -> InvalidInput:
    return InvalidInput(
        "data.path",
        f"{path[:200]!r} cannot be part of a dataset: {why}.",
        hint="Rename it, or leave it out with a line in .mwignore.",
        value=path,
    )
