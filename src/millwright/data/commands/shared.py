"""What the commands of the room have in common: options, the door, amounts, JSON on the screen."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from millwright.kernel.door import Door

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_NAMED = 12
PROJECT = click.option("--project", help="Project; that of the nearest millwright.yaml if omitted.")


@contextmanager
def opened(project: str | None, *, start: bool = False) -> Iterator[tuple[Door, str]]:
    """The door, and the project named or found around the working folder.

    ``start`` makes a workspace where there is none, as ``mw data add`` does.
    """
    from millwright.data.working.place import Place
    from millwright.kernel.door import connect

    place = Place.find(project, start=start)
    with connect(place.workspace) as door:
        yield door, place.project


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2))


def amount(size: float) -> str:
    """Bytes for people.

    >>> amount(999), amount(81_920_000), amount(3.2e12)
    ('999 B', '81.9 MB', '3.2 TB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "file"), counted(20_000, "file")
    ('1 file', '20,000 files')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def progress(verb: str, what: str = "files") -> Callable[[int, int], None] | None:
    """A line on the terminal that says how far long work has come; None where nobody watches."""
    if not sys.stderr.isatty():
        return None
    started = last = time.monotonic()

    def show(done: int, of: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done < of and now - last < 0.1:
            return
        last = now
        rate = done / max(now - started, 1e-6)
        left = f", {(of - done) / rate:.0f} s left" if 0 < done < of else ""
        line = f"{verb} {done:,} of {of:,} {what} ({rate:,.0f}/s{left})"
        click.echo(f"\r\x1b[K{line}" if done < of else "\r\x1b[K", nl=False, err=True)

    return show


def first_names(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more (all: --json)" if more > 0 else "")
