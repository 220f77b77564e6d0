"""Turn the ranges of ``pyproject.toml`` into constraints at their lower ends.

    python ci/lowest.py [EXTRA...]

prints one ``name==lower`` line per requirement of the base install and of the extras named
(default: ``test``, and everything it refers to). ``pip install -c`` with that file installs the
oldest versions the ranges promise to work with. A range without a lower end stops the script: such
a promise could not be checked.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
_REQUIREMENT = re.compile(
    r"^\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^]]*)\])?\s*(?P<range>[^;]*)"
)
_LOWER = re.compile(r"(?:>=|==|~=)\s*([0-9][A-Za-z0-9.!+]*)")


def requirements(project: dict[str, object], extras: list[str]) -> Iterator[tuple[str, str]]:
    """(name, range) of the base requirements and of ``extras``, followed into one another."""
    optional: dict[str, list[str]] = project.get("optional-dependencies", {})  # type: ignore[assignment]
    wanted, seen = list(extras), set[str]()
    lists: list[list[str]] = [project["dependencies"]]  # type: ignore[list-item]
    while wanted:
        extra = wanted.pop()
        if extra in seen:
            continue
        seen.add(extra)
        if extra not in optional:
            raise SystemExit(f"pyproject.toml has no extra {extra!r}: it has {sorted(optional)}.")
        lists.append(optional[extra])
        for line in optional[extra]:
            match = _REQUIREMENT.match(line)
            if match and match["name"] == project["name"]:
                wanted += [part.strip() for part in (match["extras"] or "").split(",")]
    for line in (line for group in lists for line in group):
        match = _REQUIREMENT.match(line)
        if match is None:
            raise SystemExit(f"pyproject.toml: {line!r} is not a requirement.")
        if match["name"] != project["name"]:
            yield match["name"], match["range"].strip()


def lowest(extras: list[str]) -> list[str]:
    """The sorted constraint lines."""
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    lines = set()
    for name, versions in requirements(project, extras):
        lower = _LOWER.search(versions)
        if lower is None:
            raise SystemExit(
                f"pyproject.toml gives no lowest version of {name}: write name>=version."
            )
        lines.add(f"{name}=={lower[1]}")
    return sorted(lines, key=str.lower)


if __name__ == "__main__":
    print("\n".join(lowest(sys.argv[1:] or ["test"])))
