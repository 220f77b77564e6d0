"""Tables that the training and evaluation tests learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from millwright.kernel.model_package import Field

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def real_table(name: str, target: str, *, text_target: bool, drop: tuple[str, ...] = ()):
    """A real table with ``__target``, and its fields; the test is skipped where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not beside this checkout, in shared/data")
    table = pyarrow.csv.read_csv(path)
    outcome = pc.cast(table[target], pa.string() if text_target else pa.float64())
    table = table.drop_columns([target, *drop])
    fields = tuple(
        Field(name=n, kind="categorical" if pa.types.is_string(table[n].type) else "numeric")
        for n in table.column_names
    )
    return table.append_column("__target", outcome), fields


def made_table(rows: int = 600, seed: int = 0, task: str = "binary"):
    """A small table with numbers, text, booleans and nulls, whose target follows from them."""
    generator = np.random.default_rng(seed)
    size = generator.normal(size=rows)
    city = generator.choice(["Oslo", "Rome", "Bern"], rows, p=[0.6, 0.3, 0.1])
    member = generator.random(rows) < 0.5
    signal = size + (city == "Rome") * 1.5 - member * 0.8 + generator.normal(size=rows) * 0.4
    target = {
        "binary": np.where(signal > 0.8, "late", "fine"),
        "multiclass": np.asarray(["a", "b", "c"])[np.digitize(signal, [-0.5, 1.0])],
        "regression": signal * 10,
    }[task]
    gaps = generator.random(rows) < 0.1
    table = pa.table(
        {
            "size": pa.array(np.where(gaps, np.nan, size), mask=gaps),
            "city": pa.array(city, mask=generator.random(rows) < 0.05),
            "member": pa.array(member),
            "noise": pa.array(generator.normal(size=rows)),
            "__time": pa.array(np.arange(rows) * 3_600_000_000, pa.timestamp("us", tz="UTC")),
            "__target": pa.array(target),
        }
    )
    fields = (
        Field(name="size", kind="numeric"),
        Field(name="city", kind="categorical"),
        Field(name="member", kind="boolean"),
        Field(name="noise", kind="numeric"),
    )
    return table, fields
