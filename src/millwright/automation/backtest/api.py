"""The Python API of replays: ``mw.backtest``.

Example:
    >>> import millwright as mw                                             # doctest: +SKIP
    >>> found = mw.backtest("log.parquet", target="late", time="at")        # doctest: +SKIP
    >>> {curve.name: curve.error for curve in found.policies}               # doctest: +SKIP
    {'never': 0.31, 'always': 0.22, 'millwright': 0.24}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from millwright.automation.backtest.log import log_of
from millwright.automation.backtest.records import Backtest
from millwright.automation.backtest.running import Progress, candidates
from millwright.automation.backtest.running import backtest as run_all
from millwright.kernel.config_retraining import RetrainingConfig
from millwright.kernel.errors import InvalidInput, nearest
from millwright.monitoring import table_of


def backtest(
    log: Any,
    *,
    target: str,
    time: str | None = None,
    ignore: Sequence[str] = (),
    task: Literal["auto", "classification", "regression"] = "auto",
    policies: Sequence[str] | None = None,
    project: RetrainingConfig | None = None,
    first_rows: int = 2_500,
    window_rows: int = 250,
    on_progress: Progress = lambda *_: None,
) -> Backtest:
    """What each retraining policy would have come to on a log of labelled rows.

    Args:
        log: an Arrow table, a Pandas or Polars frame, a dictionary of columns, or a path.
        target: column of what came true.
        time: column with the moment of the prediction; without one the rows are in order.
        ignore: columns that no model may use.
        task: ``auto`` takes numbers with more than ten different values for regression.
        policies: names of those to try; all by default.
        project: a policy of your own, tried as ``project``.
        first_rows: rows that every policy's first model learns from.
        window_rows: rows that are predicted before their truth is heard.
        on_progress: hears of each window.

    Raises:
        InvalidInput: a column or a policy is unknown, or the log is too short.
        Unavailable: LightGBM, which the replay trains with, is not installed.
    """
    read = log_of(table_of(log), target, time, ignore, task)
    every = {candidate.name: candidate for candidate in candidates(read, project)}
    for name in policies or ():
        if name not in every:
            guess = nearest(name, list(every))
            raise InvalidInput(
                "backtest.unknown_policy",
                f"There is no policy '{name}'.",
                hint=f"Did you mean '{guess}'?" if guess else f"There are: {', '.join(every)}.",
                value=name,
            )
    tried = [every[name] for name in policies or every]
    return run_all(read, tried, first_rows, window_rows, on_progress)
