"""The graphs that are measured: steps that do nothing, so what is left is the engine."""

from __future__ import annotations

import time

import millwright as mw


@mw.step
def add_one(value: int) -> int:
    return value + 1


@mw.pipeline
def chain(length: int = 200) -> int:
    value = 0
    for _ in range(length):
        value = add_one(value)
    return value


@mw.step(cache=False)
def add_one_durably(value: int) -> int:
    return value + 1


@mw.pipeline
def durable_chain(length: int = 200) -> int:
    """Each step's commit is waited for before the next one starts."""
    value = 0
    for _ in range(length):
        value = add_one_durably(value)
    return value


@mw.step
def numbers(count: int) -> list[int]:
    return list(range(count))


@mw.step
def square(value: int) -> int:
    return value * value


@mw.pipeline
def wide(count: int = 10_000) -> list[int]:
    return square.map(numbers(count))


@mw.step(isolation="process")
def isolated(value: int) -> int:
    return value + 1


@mw.pipeline
def isolated_chain(length: int = 50) -> int:
    value = 0
    for _ in range(length):
        value = isolated(value)
    return value


@mw.step(cache=False)
def when() -> float:
    return time.time()


@mw.pipeline
def triggered() -> float:
    return when()
