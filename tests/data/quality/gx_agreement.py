"""Our answer beside the one of Great Expectations, case by case."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from millwright.data.parquet import to_parquet
from millwright.data.quality.records import Check, Suite
from millwright.data.quality.running import run_checks
from millwright.data.quality.world import OtherTable, World

from . import gx_cases

TYPES = {
    "float": pa.float64(),
    "int": pa.int64(),
    "text": pa.string(),
    "time": pa.timestamp("us", tz="UTC"),
}


def table(name: str) -> pa.Table:
    """One of the tables, as Millwright keeps it."""
    columns = {}
    for column, values in gx_cases.TABLES[name].items():
        kind = gx_cases.KINDS[column]
        if kind == "time":
            values = [v and datetime.fromisoformat(v).replace(tzinfo=UTC) for v in values]
        columns[column] = pa.array(values, TYPES[kind])
    return pa.table(columns)


def world(folder: Path) -> World:
    """The other tables, as dataset versions."""

    def other(reference: str) -> OtherTable:
        name = reference.split(".")[-1]
        path = folder / f"{name}.parquet"
        path.write_bytes(to_parquet(table(name)))
        return OtherTable(name, path, table(name).num_rows)

    return World(table=other)


def ours(name: str, cases: list[gx_cases.Case], folder: Path) -> list[dict[str, Any]]:
    """What our checks of these cases say of a table, in the peer's words."""
    checks = []
    for number, (kind, kwargs) in enumerate(cases):
        given = dict(kwargs)
        if kind == "expect_query_results_to_match_comparison":
            given["comparison_data_source_name"] = given["comparison_query"].split()[-1]
        checks.append(Check.model_validate({"id": str(number), "kind": kind, **given}))
    report = run_checks(
        table(name), Suite(checks=tuple(checks)), world=world(folder), quarantine=True
    ).report
    found = []
    for result in report.results:
        answer: dict[str, Any] = {"success": result.passed}
        if result.error:
            answer["error"] = result.message
        answer["unexpected_count"] = result.failed_rows
        found.append(answer)
    return found


READS_200_ROWS = ("drawn", "expect_query_results_to_match_comparison")
"""The peer compares the first 200 rows of each query only; ours are compared whole."""


def differences(peer: dict[str, Any], folder: Path) -> list[str]:
    """Every case on which the two do not agree, as a sentence."""
    told = []
    for name in gx_cases.TABLES:
        for key, cases in (("case", gx_cases.cases()), ("sql", gx_cases.sql_cases())):
            mine = ours(name, cases, folder)
            for theirs in peer["results"]:
                if theirs["table"] != name or key not in theirs:
                    continue
                case, answer = cases[theirs[key]], mine[theirs[key]]
                if "error" in theirs or (name, case[0]) == READS_200_ROWS:
                    continue
                if case[0] == "unexpected_rows_expectation":
                    theirs = {**theirs, "unexpected_count": theirs["observed_value"]}
                same = answer["success"] == theirs["success"]
                if "unexpected_count" in theirs and "error" not in answer:
                    same &= answer["unexpected_count"] == (theirs["unexpected_count"] or 0)
                if not same:
                    told.append(f"{name}: {case[0]} {case[1]}: {theirs} and ours {answer}")
    return told
