"""Expressions of a simple shape, judged without an engine: the answers are RE2's."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from millwright.data import Check, Suite, run_checks, to_parquet
from millwright.data.quality.text_shapes import shape_of

ATOMS = st.sampled_from(
    ["a", "u", "-", r"\.", r"\d", r"\w", "[0-9]", "[a-c-]", r"[\dx]", "[A-Za-z_]", r"[\-\]a]", " "]
)
TIMES = st.sampled_from(["", "", "", "+", "*", "?", "{2}", "{1,3}", "{2,}", "{0}", "{0,2}"])
PATTERNS = st.lists(st.tuples(ATOMS, TIMES), max_size=5).map(
    lambda parts: "^" + "".join(atom + times for atom, times in parts) + "$"
)
TEXTS = st.lists(
    st.none() | st.text(st.sampled_from("aub-.]x09Zé日\n \0_"), max_size=6), max_size=12
)


def unlike(pattern: str, texts: list[str | None]) -> list[int]:
    found = duckdb.execute(
        "SELECT row FROM (SELECT unnest(?::VARCHAR[]) AS text, generate_subscripts(?::VARCHAR[], 1) "
        "AS row) WHERE NOT regexp_matches(text, ?) ORDER BY row",
        [texts, texts, pattern],
    )
    return [row - 1 for (row,) in found.fetchall()]


@settings(max_examples=150, deadline=None)
@given(PATTERNS, TEXTS, st.booleans())
@example("^u[0-9]+$", ["u1", "", None, "u", "u1\n", "1u", "u12é"], False)
def test_a_shape_knows_the_texts_that_the_engine_knows(
    pattern: str, texts: list[str | None], cut: bool
) -> None:
    shape = shape_of(pattern)
    free = sum(pattern.count(times) for times in ("+", "*", "?", ",3}", ",}", ",2}"))
    assert (shape is None) == (len(pattern) < 3 or free > 1)
    if shape is None:
        return
    column = pa.array(texts, pa.string())
    if cut:
        column = pa.concat_arrays([pa.array(["a9", None]), column]).slice(2)
    assert shape.unlike(column).tolist() == unlike(pattern, texts)
    assert shape.unlike(column.cast(pa.large_string())).tolist() == unlike(pattern, texts)


@pytest.mark.parametrize(
    "pattern",
    [
        "u[0-9]+$", "^u[0-9]+", "^(a|b)$", "^a|b$", "^.$", "^[^a]$", "^a+?$", "^a{2}{3}$", "^a{,3}$",
        "^a{1001}$", "^[[:alpha:]]$", r"^\s$", r"^\bab$", r"^a\$", "^(?i)ab$", "^é$", r"^[\w-z]$",
        "^[z-a]$", "^[]a]$", "^a{3,2}$", "^a*b*$", "^" + "a" * 17 + "$",
    ],
)  # fmt: skip
def test_what_is_no_simple_shape_is_left_to_the_engine(pattern: str) -> None:
    assert shape_of(pattern) is None


def test_a_version_read_from_its_file_is_judged_like_a_table_in_memory(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    rows = 150_000
    codes = np.char.add("u", random.integers(0, 1 << 40, rows).astype(str)).astype(object)
    codes[random.integers(0, rows, 900)] = "broken"
    codes[random.integers(0, rows, 900)] = None
    table = pa.table(
        {
            "code": pa.array(codes, pa.string()),
            "x": pa.array(random.normal(size=rows), mask=random.random(rows) < 0.01),
        }
    )
    path = tmp_path / "t.parquet"
    path.write_bytes(to_parquet(table))
    checks = (
        Check(kind="matches", columns=("code",), arguments={"patterns": ("^u[0-9]+$",)}),
        Check(kind="not_matches", columns=("code",), arguments={"patterns": (r"^u\d{1,11}$",)}),
        Check(kind="between", columns=("x",), arguments={"minimum": -3, "maximum": 3}),
        Check(kind="not_null", columns=("code",), mostly=0.9),
    )
    for chosen in (checks, checks[:2], checks[2:]):
        suite = Suite(checks=chosen)
        for whole in (False, True):
            from_file, from_memory = (
                run_checks(data, suite, quarantine=True, whole_rows=whole) for data in (path, table)
            )
            assert from_file.report == from_memory.report
            assert from_file.quarantine is not None
            assert from_memory.quarantine is not None
            assert from_file.quarantine.equals(from_memory.quarantine)
        assert from_file.report.quarantined == from_file.report.broken_rows > 400


def test_texts_that_are_long_or_few_are_left_to_the_engine(tmp_path: Path) -> None:
    for name, texts in {"long": ["u" + "1" * 200] * 9, "few": ["u1", "u2"] * 20_000}.items():
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(to_parquet(pa.table({"s": texts})))
        suite = Suite(
            checks=(Check(kind="matches", columns=("s",), arguments={"patterns": ("^u[02-9]+$",)}),)
        )
        (result,) = run_checks(path, suite).report.results
        assert result.failed_rows == sum("1" in text for text in texts)
