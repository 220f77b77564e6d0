"""``.mwignore``: what is left out of a dataset, in the syntax of ``.gitignore``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from millwright.kernel.errors import InvalidInput

FILE = ".mwignore"
NEVER = frozenset({".git", ".hg", ".svn", ".millwright", ".dvc", "__pycache__", ".DS_Store"})
"""Names that are no data wherever they stand."""

Ignores = Callable[[str, bool], bool]
"""Takes a path below the dataset's folder and whether it is a folder."""


@dataclass(frozen=True, slots=True)
class _Rule:
    matches: Callable[[str], object]
    keeps: bool
    folders_only: bool


def read_ignores(folder: Path, root: Path) -> Ignores | None:
    """The rules for a folder: of the ``.mwignore`` files from the workspace's root down to it.

    None where there is no such file, which is the rule, so that nobody pays for matching.

    Raises:
        InvalidInput: a pattern cannot be read.
    """
    rules: list[_Rule] = []
    around = [folder, *folder.parents]
    around = around[: around.index(root) + 1] if root in around else [folder]
    for place in reversed(around):
        try:
            lines = (place / FILE).read_text("utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            continue
        prefix = folder.relative_to(place).as_posix()
        above = "" if prefix == "." else prefix + "/"
        rules += [rule for line in lines if (rule := _parsed(line, above)) is not None]
    return _first_that_decides(rules) if rules else None


def _first_that_decides(rules: list[_Rule]) -> Ignores:
    last_first = rules[::-1]

    def ignores(path: str, is_folder: bool) -> bool:
        for rule in last_first:
            if (is_folder or not rule.folders_only) and rule.matches(path):
                return not rule.keeps
        return False

    return ignores


def _parsed(line: str, above: str) -> _Rule | None:
    text = re.sub(r"(?<!\\)\s+$", "", line)
    if not text or text.startswith("#"):
        return None
    keeps = text.startswith("!")
    text = text[1:] if keeps else text.removeprefix("\\") if text[:2] in ("\\#", "\\!") else text
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    try:
        expression = re.compile(_expression(text.lstrip("/"), anchored=anchored), re.DOTALL)
    except re.error as cause:
        raise InvalidInput(
            "data.ignore",
            f"The line '{line}' of {FILE} cannot be read: {cause}.",
            hint="Write it as in .gitignore.",
            value=line,
        ) from cause
    match = expression.fullmatch
    return _Rule(lambda path: match(above + path), keeps, folders_only)


def _expression(pattern: str, *, anchored: bool) -> str:
    found = [] if anchored else ["(?:.*/)?"]
    for part in re.findall(r"\*\*/|/\*\*$|\*+|\?|\[!?\]?[^]]*\]|\\.|.", pattern):
        if part == "**/":
            found.append("(?:.*/)?")
        elif part == "/**":
            found.append("/.*")
        elif part.startswith("*"):
            found.append("[^/]*")
        elif part == "?":
            found.append("[^/]")
        elif part.startswith("[") and len(part) > 2:
            inside = part[1:-1].replace("\\", "\\\\")
            found.append(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
        else:
            found.append(re.escape(part.removeprefix("\\") if len(part) > 1 else part))
    return "".join(found)
