"""Why performance has changed: by other inputs, by another concept, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import csv

import millwright as mw
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.commands import monitor
from millwright.monitoring.estimation import PerformanceChange


def rows(seed: int, count: int = 3000, far: float = 0.0, strike: float = 0.0) -> dict[str, Any]:
    """Deliveries that are the harder to foretell the farther; ``strike`` delays one region."""
    rng = np.random.default_rng(seed)
    distance = rng.uniform(far, 1.0, count)
    region = rng.choice(["north", "south", "west"], count)
    said = 30.0 + 20.0 * distance
    late = rng.normal(0.0, 1.0 + 4.0 * distance) + strike * (region == "west")
    return {"distance": distance, "region": region, "said": said, "took": said + late}


def why(now: dict[str, Any], **changed: Any) -> PerformanceChange:
    asked = {"target": "took", "prediction": "said", "loss": "absolute"} | changed
    return mw.explain_performance(rows(1), now, **asked)


def test_where_only_inputs_moved_the_concept_is_cleared() -> None:
    found = why(rows(2, far=0.4))
    assert found.inputs == pytest.approx(found.now - found.then, abs=0.4)
    assert found.concept_p > 0.001
    assert found.columns[0].column == "distance"
    assert "'distance' adds most" in str(found)


def test_a_change_of_concept_is_found_with_its_segment() -> None:
    found = why(rows(2, strike=15.0))
    assert abs(found.inputs) < 0.2
    assert found.concept == pytest.approx(found.now - found.then - found.inputs - found.unseen)
    assert found.concept_p < 1e-12
    worst = found.segments[0]
    assert (worst.column, worst.values) == ("region", "west")
    assert worst.measured > worst.expected + 8.0
    assert "Surest where region is west" in str(found)


def test_rows_unlike_any_of_the_reference_are_counted_apart() -> None:
    now = rows(2)
    now["distance"] = now["distance"] + np.repeat([0.0, 5.0], [2000, 1000])
    now["took"] = now["took"] + np.repeat([0.0, 30.0], [2000, 1000])
    found = why(now)
    assert found.unseen_share == pytest.approx(1 / 3, abs=0.01)
    assert found.unseen > 5.0
    assert found.concept_p > 0.001
    assert found.now - found.then == pytest.approx(found.inputs + found.unseen + found.concept)
    assert "33% of the rows have inputs that the reference lacks" in str(found)


def test_where_nothing_changed_nothing_is_told() -> None:
    sure = [why(rows(seed)) for seed in range(10, 16)]
    assert all(found.concept_p > 0.001 for found in sure)
    assert all(found.segments[0].p_value > 0.001 for found in sure)


@pytest.mark.parametrize("words", [False, True])
def test_classes_are_right_or_wrong(words: bool) -> None:
    def answered(seed: int, turned: bool) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        x, group = rng.normal(size=2000), rng.choice(["a", "b"], 2000)
        truth = (x + rng.normal(0.0, 0.5, 2000) > 0) ^ (turned & (group == "b"))
        said = x > 0
        if words:
            return {
                "x": x,
                "g": group,
                "said": np.where(said, "yes", "no"),
                "true": np.where(truth, "yes", "no"),
            }
        return {"x": x, "g": group, "said": said.astype(int), "true": truth.astype(float)}

    found = mw.explain_performance(
        answered(1, False), answered(2, True), target="true", prediction="said", loss="error"
    )
    assert found.now > found.then + 0.2
    assert (found.segments[0].column, found.segments[0].values) in {("g", "a"), ("g", "b")}
    assert found.concept_p < 1e-12


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"target": "truth"}, "no column 'truth'"),
        ({"loss": "hinge"}, "no loss 'hinge'"),
        ({"inputs": ["weather"]}, "no column 'weather'"),
    ],
)
def test_what_cannot_be_explained_is_told(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        why(rows(2, 200), **changed)
    with pytest.raises(InvalidInput, match="100 are needed"):
        why(rows(2, 20))


def test_the_command_prints_the_reasons(tmp_path: Path) -> None:
    for name, table in (("then", rows(1, 1000)), ("now", rows(2, 1000, strike=15.0))):
        csv.write_csv(pa.table(table), tmp_path / f"{name}.csv")
    asked = ["explain", str(tmp_path / "then.csv"), str(tmp_path / "now.csv")]
    asked += ["--target", "took", "--prediction", "said", "--loss", "absolute"]
    said = CliRunner().invoke(monitor, asked, catch_exceptions=False).output
    assert "region: west" in said
    found = json.loads(
        CliRunner().invoke(monitor, [*asked, "--json"], catch_exceptions=False).output
    )
    assert found["concept_p"] < 1e-6
