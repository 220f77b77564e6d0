"""Three-way merge of tables by row and column: held to a merge of dictionaries."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.data.comparison.table_file import TableFile
from millwright.data.merging.ancestry import common_ancestor
from millwright.data.merging.conflicts import Side
from millwright.data.merging.rows import Versions, plan_merge
from millwright.data.merging.writing import describe, resolve, write_merged
from millwright.data.parquet import ParquetSink, from_parquet, to_parquet
from millwright.kernel.errors import Conflict, InvalidInput

Rows = dict[int, dict[str, Any]]
COLUMNS = ("x", "s")


def table_of(rows: Rows) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(list(rows), pa.int64()),
            "x": pa.array([row["x"] for row in rows.values()], pa.float64()),
            "s": pa.array([row["s"] for row in rows.values()], pa.string()),
        }
    )


def versions_of(*tables: pa.Table) -> Versions:
    files = []
    for table in tables:
        target = io.BytesIO()
        pq.write_table(table, target, row_group_size=3)
        files.append(TableFile(io.BytesIO(target.getvalue())))
    return Versions(*files)


def merged(versions: Versions, prefer: Side | None = None) -> tuple[pa.Table, list[Any]]:
    plan = plan_merge(versions, ["id"])
    conflicts = describe(plan.conflicts, versions, ["id"])
    left = resolve(plan, [prefer] * len(plan.conflicts))
    assert (not left) == (prefer is not None or not conflicts)
    target = io.BytesIO()
    with ParquetSink(target) as sink:
        write_merged(plan, versions, sink)
    return from_parquet(target.getvalue()), conflicts


def oracle(base: Rows, ours: Rows, theirs: Rows, prefer: Side) -> tuple[Rows, set[Any]]:
    found: Rows = {}
    conflicts: set[Any] = set()
    for key in [*ours, *(k for k in theirs if k not in ours)]:
        b, o, t = base.get(key), ours.get(key), theirs.get(key)
        if o is not None and t is not None:
            row = {}
            for name in COLUMNS:
                old = b[name] if b is not None else None
                known = b is not None
                if o[name] == t[name] or (known and t[name] == old):
                    row[name] = o[name]
                elif known and o[name] == old:
                    row[name] = t[name]
                else:
                    conflicts.add(("changed", key, name))
                    row[name] = (o if prefer == "ours" else t)[name]
            found[key] = row
        elif b is None:
            found[key] = o or t or {}
        elif o is None and t != b:
            conflicts.add(("removed-by-ours", key, None))
            if prefer == "theirs":
                found[key] = t or {}
        elif t is None and o != b:
            conflicts.add(("removed-by-theirs", key, None))
            if prefer == "ours":
                found[key] = o or {}
    return found, conflicts


values = st.fixed_dictionaries(
    {"x": st.sampled_from([None, 0.0, 1.0, 2.5]), "s": st.sampled_from([None, "", "a", "b"])}
)
rows = st.dictionaries(st.integers(0, 9), values, max_size=8)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Rows, Rows, Rows]:
    base = draw(rows)
    sides = []
    for _ in range(2):
        side = {k: dict(v) for k, v in base.items() if draw(st.integers(0, 3)) != 0}
        for key in side:
            for name in COLUMNS:
                if draw(st.integers(0, 3)) == 0:
                    side[key][name] = draw(values)[name]
        sides.append(side | draw(st.dictionaries(st.integers(10, 13), values, max_size=3)))
    return base, sides[0], sides[1]


@settings(max_examples=30, deadline=None)
@given(histories(), st.sampled_from(["ours", "theirs"]))
def test_a_merge_is_that_of_dictionaries(history: tuple[Rows, Rows, Rows], prefer: Side) -> None:
    expected, clashes = oracle(*history, prefer)
    found, conflicts = merged(versions_of(*map(table_of, history)), prefer)
    assert {row.pop("id"): row for row in found.to_pylist()} == expected
    assert {(c.kind, c.key["id"], c.column) for c in conflicts} == clashes


BASE = {i: {"x": float(i), "s": "a"} for i in range(6)}


def changed(rows: Rows, key: int, **values: Any) -> Rows:
    return rows | {key: {**rows[key], **values}}


def test_different_columns_of_one_row_are_both_kept() -> None:
    ours, theirs = changed(BASE, 2, x=9.0), changed(BASE, 2, s="z")
    found, conflicts = merged(versions_of(*map(table_of, (BASE, ours, theirs))))
    assert conflicts == []
    assert found.to_pylist()[2] == {"id": 2, "x": 9.0, "s": "z"}


def test_a_conflict_names_the_row_the_column_and_all_three_values() -> None:
    ours, theirs = changed(BASE, 2, x=9.0), changed(BASE, 2, x=8.0)
    found, conflicts = merged(versions_of(*map(table_of, (BASE, ours, theirs))))
    (conflict,) = conflicts
    assert (conflict.key, conflict.column) == ({"id": 2}, "x")
    assert (conflict.base, conflict.ours, conflict.theirs) == (2.0, 9.0, 8.0)
    assert found["x"].to_pylist()[2] == 9.0


def test_columns_that_either_side_added_or_removed_are_merged() -> None:
    base = table_of(BASE)
    ours = base.append_column("mine", pa.array([1] * 6))
    theirs = base.drop_columns(["s"]).append_column("yours", pa.array(["y"] * 6))
    theirs = theirs.slice(1)
    found, conflicts = merged(versions_of(base, ours, theirs))
    assert conflicts == []
    assert found.column_names == ["id", "x", "mine", "yours"]
    assert found["yours"].to_pylist() == ["y"] * 5
    assert found["id"].to_pylist() == [1, 2, 3, 4, 5]


def test_a_type_that_theirs_widened_is_taken_with_its_values() -> None:
    base = pa.table({"id": [1, 2, 3], "n": [1, 2, 3]})
    theirs = pa.table({"id": [1, 2, 3], "n": [1.0, 2.5, 3.0]})
    ours = pa.table({"id": [1, 2, 3], "n": [1, 2, 7]})
    found, conflicts = merged(versions_of(base, ours, theirs))
    assert conflicts == []
    assert found["n"].to_pylist() == [1.0, 2.5, 7.0]


def test_work_in_a_column_that_the_other_side_removed_is_never_lost_silently() -> None:
    base = table_of(BASE)
    ours = table_of(changed(BASE, 1, s="new"))
    with pytest.raises(Conflict, match="removed column 's', the other changed 1"):
        plan_merge(versions_of(base, ours, base.drop_columns(["s"])), ["id"])


def test_one_new_column_on_both_sides_conflicts_where_the_values_do() -> None:
    base = table_of(BASE)
    ours = base.append_column("n", pa.array([0, 1, 2, 3, 4, 5]))
    theirs = base.append_column("n", pa.array([0, 1, 2, 3, 4, 9]))
    _, conflicts = merged(versions_of(base, ours, theirs))
    assert [(c.key["id"], c.column, c.ours, c.theirs) for c in conflicts] == [(5, "n", 5, 9)]


def test_rows_that_cannot_be_told_apart_are_not_merged() -> None:
    twice = pa.table({"id": [1, 1], "x": [1, 2]})
    with pytest.raises(Conflict, match="2 rows repeat a key"):
        plan_merge(versions_of(twice, twice, twice[:1]), ["id"])
    with pytest.raises(InvalidInput, match="--key"):
        plan_merge(versions_of(twice, twice, twice), [])


def test_the_merge_base_is_the_nearest_common_ancestor() -> None:
    parents = {"b": ["a"], "c": ["b"], "d": ["b"], "e": ["c", "d"], "f": ["d"], "g": ["e"]}
    assert common_ancestor(parents, "c", "d") == "b"
    assert common_ancestor(parents, "g", "f") == "d"
    assert common_ancestor(parents, "g", "c") == "c"
    assert common_ancestor(parents, "a", "x") is None


def test_merging_equal_tables_gives_the_same_bytes() -> None:
    table = table_of(BASE)
    files = Versions(*(TableFile(io.BytesIO(to_parquet(table))) for _ in range(3)))
    target = io.BytesIO()
    with ParquetSink(target) as sink:
        write_merged(plan_merge(files, ["id"]), files, sink)
    assert target.getvalue() == to_parquet(table)
