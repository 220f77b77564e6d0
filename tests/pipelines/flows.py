"""Pipelines that the tests load by name, as a project's own file would be."""

from __future__ import annotations

import os
import subprocess
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


@mw.step
def numbers(count: int) -> list[int]:
    return list(range(count))


@mw.step
def square(x: int, plus: int = 0) -> int:
    return x * x + plus


@mw.step
def total(values: list[int]) -> int:
    return sum(values)


@mw.step
def is_large(value: int) -> bool:
    return value > 10


@mw.step
def double(value: int) -> int:
    return 2 * value


@mw.pipeline
def sum_of_squares(count: int, plus: int = 0) -> int:
    return total(square.map(numbers(count), plus=plus))


@mw.pipeline
def judged(count: int = 3) -> int:
    found = sum_of_squares(count)
    return mw.branch(is_large(found), lambda: square(found), lambda: double(found))


@mw.pipeline
def grown(start: int = 1, at_most: int = 9) -> int:
    return mw.repeat(double, start, until=is_large, at_most=at_most)


@mw.pipeline
def asked(folder: str, timeout: str | None = None) -> int:
    before = first(folder)
    mw.approval("Ship it?", timeout=timeout)
    return last(folder, before)


@mw.step(timeout="300ms")
def stuck(folder: str) -> int:
    """Starts a process of its own and never returns."""
    child = subprocess.Popen(["sleep", "600"])
    (Path(folder) / "child").write_text(str(child.pid))
    child.wait()
    return 0


@mw.step(isolation="process", retries=1, backoff="10ms")
def dies_once(folder: str) -> int:
    _mark(Path(folder), "dies_once")
    if len((Path(folder) / "calls.txt").read_text().splitlines()) == 1:
        os.kill(os.getpid(), 9)
    return os.getpid()


@mw.step(isolation="process", environment={"MODE": "quiet"}, secrets={"key": "env:TEST_SECRET"})
def careful() -> list[str]:
    key = mw.step_context().secret("key")
    print(f"the key is {key}")
    return [os.environ["MODE"], str(len(key))]


@mw.pipeline
def timed_out(folder: str) -> int:
    return stuck(folder)


@mw.pipeline
def fragile(folder: str) -> int:
    return dies_once(folder)


@mw.pipeline
def secretive() -> list[str]:
    return careful()
