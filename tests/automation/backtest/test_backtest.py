"""A log lived through again: each policy meets the same rows, and decides as the controllers do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import millwright as mw
from millwright.automation.backtest.records import Backtest
from millwright.automation.policy_commands import policy
from millwright.kernel.config_retraining import RetrainingConfig
from millwright.kernel.errors import InvalidInput
from millwright.monitoring import LossCount, loss_rise

ROWS, CHANGE = 13_000, 8_000
NAMES = ("never", "every 2,500", "millwright", "project")


@pytest.fixture(scope="module")
def log() -> pa.Table:
    """Which of two numbers says what comes true changes at row 8,000."""
    rng = np.random.default_rng(3)
    one, two = rng.normal(size=ROWS), rng.normal(size=ROWS)
    truth = np.where(np.arange(ROWS) < CHANGE, one, two) + rng.normal(0, 0.3, ROWS) > 0
    place = rng.choice(["north", "south"], ROWS)
    return pa.table({"one": one, "two": two, "place": place, "truth": truth})


@pytest.fixture(scope="module")
def found(log: pa.Table) -> Backtest:
    own = RetrainingConfig(
        triggers=("loss",), settle=750, cooldown="1d", windowing="measured", holdout="5d"
    )
    return mw.backtest(log, target="truth", policies=NAMES, project=own)


def test_a_change_is_seen_and_learned_anew_from(found: Backtest) -> None:
    curves = {curve.name: curve for curve in found.policies}
    for name, longest in (("millwright", 250), ("project", 1_000)):
        seen = next(d for d in curves[name].decisions if d.trigger == "loss")
        assert CHANGE < seen.row <= CHANGE + longest
        assert "Errors have become more frequent" in seen.reason
        assert curves[name].retrainings < curves["every 2,500"].retrainings
    assert curves["millwright"].error < curves["never"].error
    assert curves["project"].error < 0.6 * curves["never"].error


def test_every_window_has_its_loss_and_its_auc(found: Backtest) -> None:
    windows = (ROWS - 2_500) // 250
    for curve in found.policies:
        assert len(curve.losses) == len(curve.aucs) == len(found.times) == windows
        assert curve.error == pytest.approx(np.mean(curve.losses))
        assert all(area is not None and 0.3 < area <= 1.0 for area in curve.aucs)


def test_the_command_prints_the_table_and_writes_the_curves(log: pa.Table, tmp_path: Path) -> None:
    path, page = tmp_path / "log.parquet", tmp_path / "curves.html"
    pq.write_table(log.slice(7_000), path)
    given = ["backtest", str(path), "--target", "truth", "--policy", "never", "--policy", "drift"]
    short = ["--first", "1000", "--window", "500"]
    told = CliRunner().invoke(policy, [*given, *short, "--html", str(page)], catch_exceptions=False)
    assert told.exit_code == 0
    assert "never" in told.output
    assert "retraining:\n  triggers: [loss]" in told.output
    text = page.read_text("utf-8")
    assert text.count("<polyline") == 4
    assert "<script" not in text
    answer = CliRunner().invoke(policy, [*given, *short, "--json"], catch_exceptions=False)
    assert [curve["name"] for curve in json.loads(answer.output)["policies"]] == ["never", "drift"]


def test_values_are_predicted_too_and_time_may_be_named() -> None:
    rng = np.random.default_rng(5)
    level = np.where(np.arange(3_000) < 1_500, 0.0, 5.0)
    value = rng.normal(size=3_000)
    days = (np.arange(3_000) * 86_400_000).astype("datetime64[ms]")
    table = pa.table({"at": days[::-1], "x": value, "y": (value + level)[::-1]})
    found = mw.backtest(
        table.take(rng.permutation(3_000)),
        target="y",
        time="at",
        policies=["never", "always"],
        first_rows=500,
    )
    assert found.loss == "absolute error"
    assert found.times[0] < found.times[-1]
    never, always = found.policies
    assert always.error < never.error


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"target": "trth"}, "backtest.unknown_column"),
        ({"policies": ["neverr"]}, "backtest.unknown_policy"),
        ({"first_rows": 13_000}, "backtest.short"),
        ({"target": "one", "task": "classification"}, "backtest.classes"),
        ({"time": "place"}, "backtest.time"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_replayed_is_said(
    log: pa.Table, change: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        mw.backtest(log, **({"target": "truth"} | change))  # type: ignore[arg-type]
    assert raised.value.code == code


def test_a_rise_of_errors_is_told_with_its_beginning_and_chance_says_so_rarely() -> None:
    rng = np.random.default_rng(11)

    def windows(rates: list[float]) -> list[LossCount]:
        return [LossCount(at, 250, int(rng.binomial(250, rate))) for at, rate in enumerate(rates)]

    found = loss_rise(windows([0.1] * 10 + [0.2] * 3))
    assert found is not None
    assert 9 <= found.since_ms <= 11
    assert found.before < 0.14 < found.after
    alarms = sum(loss_rise(windows([0.1] * 60)) is not None for _ in range(200))
    assert alarms <= 200 * 60 / 1_000
