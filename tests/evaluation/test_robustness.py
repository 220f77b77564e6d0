"""Disturbed inputs: as strong as asked, and harmful to models that lean on what is disturbed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from millwright.evaluation import find_metric, observe, robustness
from millwright.evaluation.robustness import with_missing, with_noise
from millwright.kernel.config import RobustnessConfig
from millwright.kernel.encoding import from_arrow
from millwright.kernel.model_package import Field

pytestmark = pytest.mark.core

FIELDS = (
    Field(name="size", kind="numeric"),
    Field(name="city", kind="categorical"),
    Field(name="fixed", kind="numeric", nullable=False),
)


def made(rows=4_000):
    generator = np.random.default_rng(0)
    return pa.table(
        {
            "size": pa.array(generator.normal(5, 3, rows)),
            "city": pa.array(generator.choice(["Oslo", "Rome"], rows)),
            "fixed": pa.array(generator.integers(0, 9, rows)),
        }
    )


def by_size(table):
    return np.nan_to_num(from_arrow(table["size"]))


def test_noise_is_in_standard_deviations_and_leaves_text_alone():
    table = made()
    noisy = with_noise(table, FIELDS, 0.5, np.random.default_rng(1))
    change = from_arrow(noisy["size"]) - from_arrow(table["size"])
    assert change.std() == pytest.approx(1.5, rel=0.1)
    assert noisy["city"].equals(table["city"])


def test_values_go_missing_only_where_a_field_may_be_null():
    emptied = with_missing(made(), FIELDS, 0.2, np.random.default_rng(1))
    assert emptied["size"].null_count == pytest.approx(800, rel=0.15)
    assert emptied["city"].null_count == pytest.approx(800, rel=0.15)
    assert emptied["fixed"].null_count == 0


def test_more_disturbance_costs_more():
    table = made()
    observed = observe("regression", (), by_size(table), by_size(table))
    metric = find_metric("regression", "rmse")
    found = robustness(by_size, table, FIELDS, observed, metric, RobustnessConfig())
    for kind in ("noise", "missing"):
        steps = [d for d in found if d.kind == kind]
        assert [d.level for d in steps] == pytest.approx([0.05, 0.1, 0.2])
        assert [d.configured for d in steps] == [False, True, False]
        drops = [d.drop for d in steps]
        assert 0 < drops[0] < drops[1] < drops[2]


def test_levels_of_zero_disturb_nothing():
    table = made(100)
    observed = observe("regression", (), by_size(table), by_size(table))
    config = RobustnessConfig(noise=0, missing=0)
    assert robustness(by_size, table, FIELDS, observed, find_metric("regression"), config) == ()
