"""Pipelines that the tests load by name, as a project's own file would be."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

import millwright as mw


class Parts(NamedTuple):
    train: pa.Table
    test: pa.Table


@mw.step
def read(rows: int) -> pa.Table:
    return pa.table({"x": list(range(rows))})


@mw.step
def split(table: pa.Table, share: float) -> Parts:
    cut = round(table.num_rows * share)
    return Parts(train=table.slice(0, cut), test=table.slice(cut))


@mw.step
def count(table: pa.Table) -> int:
    return table.num_rows


@mw.pipeline
def sizes(rows: int = 10, share: float = 0.8) -> tuple[int, int]:
    parts = split(read(rows), share)
    return count(parts.train), count(parts.test)


def _mark(folder: Path, name: str) -> None:
    with (folder / "calls.txt").open("a") as file:
        file.write(f"{name} {os.getpid()}\n")


@mw.step(cache=False)
def first(folder: str) -> int:
    _mark(Path(folder), "first")
    return 1


@mw.step
def slow(folder: str, value: int) -> int:
    """Says that it runs, then waits for the gate file, which never comes in the first process."""
    _mark(Path(folder), "slow")
    gate = Path(folder) / "gate"
    while not gate.exists():
        time.sleep(0.01)
    return value + 1


@mw.step
def last(folder: str, value: int) -> int:
    _mark(Path(folder), "last")
    return value + 1


@mw.pipeline
def killable(folder: str) -> int:
    return last(folder, slow(folder, first(folder)))
