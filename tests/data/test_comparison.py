"""Two versions of a table compared by key: held to a full outer join in DuckDB."""

from __future__ import annotations

import io
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.data.comparison.comparing import compare_tables
from millwright.data.comparison.keys import Keys
from millwright.data.comparison.pairing import pair_keys
from millwright.data.comparison.records import TableDiff
from millwright.data.comparison.table_file import TableFile
from millwright.data.parquet import to_parquet
from millwright.kernel.errors import InvalidInput


def opened(table: pa.Table, groups_of: int = 7) -> TableFile:
    """The table as a file with many row groups, its values untouched.

    Short dictionaries are left to Arrow, and so are columns that miss a value; the others are not.
    """
    target = io.BytesIO()
    pq.write_table(
        table, target, row_group_size=groups_of, compression="zstd", use_dictionary=["c0"]
    )
    return TableFile(io.BytesIO(target.getvalue()))


def compared(before: pa.Table, after: pa.Table, *key: str, limit: int = 1000) -> TableDiff:
    return compare_tables(opened(before), opened(after), key, limit=limit)


KEYS = {
    "int": (pa.int64(), st.one_of(st.none(), st.integers(0, 12), st.just(2**63 - 1))),
    "text": (pa.string(), st.sampled_from([None, "", "a", "b", "ab", "ü", "0", "1"])),
    "float": (pa.float64(), st.sampled_from([None, 0.0, -0.0, 1.0, 1.5, float("nan"), 1e300])),
    "time": (pa.timestamp("us", "UTC"), st.one_of(st.none(), st.integers(0, 5))),
    "bool": (pa.bool_(), st.sampled_from([None, True, False])),
}


@st.composite
def tables(draw: st.DrawFn, kinds: tuple[str, ...]) -> pa.Table:
    rows = draw(st.integers(0, 24))
    columns = {}
    for i, kind in enumerate(kinds):
        arrow, values = KEYS[kind]
        found = draw(st.lists(values, min_size=rows, max_size=rows))
        columns[f"c{i}"] = pa.array(found, arrow)
    return pa.table(columns)


@st.composite
def two_versions(draw: st.DrawFn) -> tuple[pa.Table, pa.Table, list[str]]:
    kinds = tuple(draw(st.lists(st.sampled_from(list(KEYS)), min_size=1, max_size=4)))
    before = draw(tables(kinds))
    related = draw(st.booleans())
    after = draw(tables(kinds)) if not related else _edited(before, draw)
    retyped = draw(st.booleans())
    if retyped and kinds[-1] == "int":
        last = after["c" + str(len(kinds) - 1)]
        small = pa.chunked_array(
            [[None if v is None else v % 9 for v in last.to_pylist()]], "int64"
        )
        after = after.set_column(len(kinds) - 1, f"c{len(kinds) - 1}", small.cast(pa.float64()))
    width = draw(st.integers(1, len(kinds)))
    return before, after, [f"c{i}" for i in range(width)]


def _edited(table: pa.Table, draw: st.DrawFn) -> pa.Table:
    """Some rows gone, some twice, some exchanged."""
    rows = list(range(table.num_rows))
    kept = draw(st.lists(st.sampled_from(rows), max_size=30)) if rows else []
    return table.take(pa.array(sorted(kept) if draw(st.booleans()) else kept, pa.int64()))


def oracle(before: pa.Table, after: pa.Table, key: list[str]) -> dict[str, Any]:
    """The same facts by a full outer join; rows with the same key are paired in their order."""
    engine = duckdb.connect()
    engine.register("before_rows", before.append_column("n", pa.array(range(before.num_rows))))
    engine.register("after_rows", after.append_column("n", pa.array(range(after.num_rows))))
    by = ", ".join(key)
    for side in ("before", "after"):
        engine.execute(
            f"create temp table {side}_t as select *, row_number() over (partition by {by} "
            f"order by n) as nth from {side}_rows"
        )
    match = " and ".join(f"a.{name} is not distinct from b.{name}" for name in [*key, "nth"])
    others = [name for name in after.column_names if name not in key]
    changed = [f"(a.{name} is distinct from b.{name})" for name in others]
    both = "a.n is not null and b.n is not null"
    counts = [f"count(*) filter ({both} and {one})" for one in changed]
    anyone = f"count(*) filter ({both} and ({' or '.join(changed) or 'false'}))"
    row = engine.execute(
        f"select count(*) filter (a.n is null), count(*) filter (b.n is null), {anyone}"
        f"{''.join(', ' + count for count in counts)} "
        f"from before_t a full outer join after_t b on {match}"
    ).fetchall()[0]
    repeated = {
        side: engine.execute(
            f"select count(*), coalesce(sum(c), 0), coalesce(sum(c - 1), 0) from "
            f"(select count(*) c from {side}_t group by {by} having count(*) > 1)"
        ).fetchall()[0]
        for side in ("before", "after")
    }
    return {
        "added": row[0],
        "removed": row[1],
        "changed": row[2],
        "columns": dict(zip(others, row[3:], strict=True)),
        "repeated": repeated,
    }


@settings(max_examples=30, deadline=None)
@given(two_versions())
def test_a_comparison_says_what_a_full_outer_join_says(
    versions: tuple[pa.Table, pa.Table, list[str]],
) -> None:
    before, after, key = versions
    found, expected = compared(before, after, *key), oracle(before, after, key)
    assert (found.added, found.removed, found.changed) == (
        expected["added"],
        expected["removed"],
        expected["changed"],
    )
    assert {c.name: c.changed for c in found.columns} == expected["columns"]
    for facts, side in ((found.key_before, "before"), (found.key_after, "after")):
        counted = (facts.repeated_keys, facts.repeated_rows, facts.surplus_rows)
        assert counted == expected["repeated"][side]
    assert found.unchanged + found.changed + found.added == after.num_rows
    assert len(found.changed_rows) == found.changed
    assert sum(len(row.cells) for row in found.changed_rows) == sum(expected["columns"].values())


def test_rows_in_another_order_are_told_apart_however_few_changed() -> None:
    random = np.random.default_rng(5)
    rows = 20_000
    before = pa.table(
        {
            "id": np.arange(rows),
            "same": random.normal(size=rows),
            "negated": random.normal(size=rows),
            "lost": pa.array(random.integers(0, 9, rows), mask=np.arange(rows) % 7 == 0),
            "flag": random.random(rows) < 0.5,
            "zero": np.zeros(rows),
            "word": [f"w{i % 5000}" for i in range(rows)],
        }
    )
    columns = before.to_pydict()
    columns["negated"][4321] *= -1
    columns["lost"][8], columns["flag"][17] = None, not columns["flag"][17]
    columns["word"][19_999] = "other"
    columns["zero"] = [-0.0] * rows
    after = pa.table(columns, before.schema).take(pa.array(random.permutation(rows)))
    after = after.filter(pa.array(np.asarray(after["id"]) % 100 != 50))
    found = compare_tables(opened(before, 3000), opened(after, 3000), ["id"])
    assert {c.name: c.changed for c in found.columns} == {
        "same": 0,
        "negated": 1,
        "lost": 1,
        "flag": 1,
        "zero": 0,
        "word": 1,
    }
    assert (found.added, found.removed, found.changed) == (0, rows // 100, 4)


BEFORE = pa.table({"id": [1, 2, 3, 4], "x": [1.0, 2.0, None, 4.0], "s": ["a", "b", "c", "d"]})


def test_rows_are_shown_with_what_they_were_and_are() -> None:
    after = pa.table({"id": [2, 3, 4, 5], "x": [2.0, 3.0, 4.0, 5.0], "s": ["b", "C", "d", "e"]})
    found = compared(BEFORE, after, "id")
    assert (found.added, found.removed, found.changed, found.unchanged) == (1, 1, 1, 2)
    (changed,) = found.changed_rows
    assert (changed.row_before, changed.row_after, changed.key) == (3, 2, {"id": 3})
    assert changed.cells == {"x": (None, 3.0), "s": ("c", "C")}
    assert found.added_rows[0].values == {"id": 5, "x": 5.0, "s": "e"}
    assert (found.removed_rows[0].row, found.removed_rows[0].values["id"]) == (1, 1)


def test_the_limit_bounds_what_is_shown_and_never_what_is_counted() -> None:
    after = BEFORE.set_column(1, "x", pa.array([9.0] * 4))
    found = compared(BEFORE, after, "id", limit=2)
    assert found.changed == 4
    assert [row.key["id"] for row in found.changed_rows] == [1, 2]


def test_missing_equals_missing_and_nan_equals_nan_and_zero_equals_minus_zero() -> None:
    values = [None, float("nan"), 0.0]
    before = pa.table({"id": [1, 2, 3], "x": pa.array(values)})
    after = pa.table({"id": [1, 2, 3], "x": pa.array([None, float("nan"), -0.0])})
    assert compared(before, after, "id").same
    crossed = pa.table({"id": [1, 2, 3], "x": pa.array([float("nan"), None, 0.0])})
    assert compared(before, crossed, "id").changed == 2


def test_whole_numbers_equal_floats_by_value_exactly() -> None:
    big = 2**53
    before = pa.table({"id": [1, 2, 3], "x": [1, big, big + 1]})
    after = pa.table({"id": [1, 2, 3], "x": [1.0, float(big), float(big)]})
    found = compared(before, after, "id")
    assert found.changed == 1
    (retyped,) = found.schema_changes.retyped
    assert (retyped.name, retyped.before, retyped.after) == ("x", "int64", "double")


def test_a_number_is_not_the_text_of_it() -> None:
    before = pa.table({"id": [1, 2], "x": [1, None]})
    after = pa.table({"id": [1, 2], "x": ["1", None]})
    assert compared(before, after, "id").changed == 1
    by_text = pa.table({"id": ["1", "2"], "x": [1, None]})
    assert compared(before, by_text, "id").added == 2


def test_a_renamed_column_is_suggested_and_counted_as_neither() -> None:
    after = BEFORE.rename_columns(["id", "value", "s"]).append_column("n", pa.array([1] * 4))
    found = compared(BEFORE, after, "id")
    changes = found.schema_changes
    assert (changes.added, changes.removed) == (("value", "n"), ("x",))
    assert [(r.before, r.after, r.equal) for r in changes.renames_suggested] == [("x", "value", 1)]
    assert found.changed == 0


def test_repeated_keys_are_paired_in_order_and_reported_in_both_countings() -> None:
    before = pa.table({"k": ["a", "a", "b"], "v": [1, 2, 3]})
    after = pa.table({"k": ["a", "b", "a", "a"], "v": [1, 3, 5, 6]})
    found = compared(before, after, "k")
    assert (found.added, found.removed, found.changed) == (1, 0, 1)
    assert found.changed_rows[0].cells == {"v": (2, 5)}
    facts = found.key_after
    assert (facts.repeated_keys, facts.repeated_rows, facts.surplus_rows) == (1, 3, 2)


def test_a_missing_key_is_a_key_and_counted() -> None:
    before = pa.table({"k": pa.array([None, 1]), "v": [1, 2]})
    after = pa.table({"k": pa.array([1, None]), "v": [2, 7]})
    found = compared(before, after, "k")
    assert (found.added, found.removed, found.changed) == (0, 0, 1)
    assert found.key_before.rows_with_null == found.key_after.rows_with_null == 1


def test_without_a_key_whole_rows_are_there_or_not() -> None:
    after = pa.concat_tables([BEFORE[1:], BEFORE[3:]])
    found = compared(BEFORE, after)
    assert (found.added, found.removed, found.changed) == (1, 1, 0)
    assert found.key_origin == "rows"


def test_nested_and_binary_values_are_compared_too() -> None:
    before = pa.table({"id": [1, 2], "l": [[1, 2], [3]], "b": [b"x", None], "d": [{"a": 1}, None]})
    after = pa.table({"id": [1, 2], "l": [[1, 2], [4]], "b": [b"x", b""], "d": [{"a": 1}, None]})
    found = compared(before, after, "id")
    assert {c.name: c.changed for c in found.columns} == {"l": 1, "b": 1, "d": 0}
    assert found.changed_rows[0].cells == {"l": ("[3]", "[4]"), "b": (None, "")}


def test_names_with_dots_are_plain_names() -> None:
    before = pa.table({"a.id": [1, 2], "a.b.c": [1, 2]})
    after = pa.table({"a.id": [1, 2], "a.b.c": [1, 3]})
    assert compared(before, after, "a.id").columns[0].changed == 1


def test_an_unknown_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="Did you mean 'id'"):
        compared(BEFORE, BEFORE, "idd")


def test_two_keys_that_meet_in_one_hash_ask_for_another_salt() -> None:
    old = Keys(np.array([5, 7], np.uint64), np.array([1, 2], np.uint64), 0)
    met = Keys(np.array([5, 7], np.uint64), np.array([1, 3], np.uint64), 0)
    assert pair_keys(old, old) is not None
    assert pair_keys(old, met) is None
    within = Keys(np.array([5, 5], np.uint64), np.array([1, 3], np.uint64), 0)
    assert pair_keys(within, within) is None


def test_unchanged_columns_are_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 400_000
    random = np.random.default_rng(0)
    names = [f"f{i}" for i in range(4)]
    columns = {
        "id": np.arange(rows),
        "day": np.arange(rows) // 1000,
        **{n: random.normal(size=rows) for n in names},
    }
    before = pa.table(columns)
    after = before.set_column(2, "f0", pa.array(columns["f0"] + 1))
    read: list[str] = []
    original = TableFile.fill

    def noted(self: TableFile, group: int, name: str, *into: np.ndarray[Any, Any]) -> bool:
        read.append(name)
        return original(self, group, name, *into)

    monkeypatch.setattr(TableFile, "fill", noted)
    files = [TableFile(io.BytesIO(to_parquet(table))) for table in (before, after)]
    assert compare_tables(*files, ["id"], limit=1).changed == rows
    assert set(read) == {"id", "f0"}
