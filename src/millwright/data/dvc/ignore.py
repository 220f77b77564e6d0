"""``.dvcignore``: which paths DVC does not look at, by the rules of ``.gitignore``.

Patterns of a file hold for its folder and below; the last that matches decides; ``!`` takes back;
a folder that is ignored takes everything in it along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

FILE = ".dvcignore"
ALWAYS = frozenset({".git", ".hg", ".dvc"})


class Rules:
    """The patterns in force in one folder: its own and those above it."""

    __slots__ = ("_patterns",)

    def __init__(self, patterns: tuple[tuple[str, re.Pattern[str], bool, bool], ...] = ()) -> None:
        self._patterns = patterns

    def with_file(self, folder: str, text: str) -> Rules:
        """These rules and those of a ``.dvcignore`` in ``folder`` ("" at the root)."""
        added = tuple(_compiled(folder, text.splitlines()))
        return Rules(self._patterns + added) if added else self

    def ignores(self, path: str, name: str, is_dir: bool) -> bool:
        """Whether a path (relative to the root, with its last name) is ignored."""
        if name in ALWAYS:
            return True
        for prefix, pattern, only_dirs, ignore in reversed(self._patterns):
            if not path.startswith(prefix) or (only_dirs and not is_dir):
                continue
            if pattern.match(path, len(prefix)):
                return ignore
        return False

    @property
    def empty(self) -> bool:
        """Whether only what is always ignored is ignored."""
        return not self._patterns


def _compiled(
    folder: str, lines: Iterable[str]
) -> Iterable[tuple[str, re.Pattern[str], bool, bool]]:
    prefix = f"{folder}/" if folder else ""
    for raw in lines:
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        ignore = not line.startswith("!")
        body = line if ignore else line[1:]
        body = body[1:] if body.startswith("\\") and body[1:2] in "#!" else body
        only_dirs = body.endswith("/")
        body = body.rstrip("/")
        if body:
            yield prefix, re.compile(_regex(body)), only_dirs, ignore


def _regex(pattern: str) -> str:
    anchored = "/" in pattern
    parts = pattern.lstrip("/").split("/")
    text = "" if anchored else "(?:.*/)?"
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            text += ".*" if last else "(?:.*/)?"
        else:
            text += _name(part) + ("" if last else "/")
    return text + r"\Z"


def _name(part: str) -> str:
    out, at = "", 0
    while at < len(part):
        char = part[at]
        at += 1
        if char == "*":
            out += "" if out.endswith("[^/]*") else "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "[" and (end := part.find("]", at + 1)) > 0:
            inner = part[at:end].replace("\\", "\\\\")
            out += f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
            at = end + 1
        elif char == "\\" and at < len(part):
            out += re.escape(part[at])
            at += 1
        else:
            out += re.escape(char)
    return out
