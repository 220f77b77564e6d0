"""The keys of ``millwright.yaml`` that say when a challenger is trained, and on which rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from millwright.kernel.config_types import Duration
from millwright.kernel.record import Record

AlertCause = Literal["data_drift", "column_drift", "prediction_drift", "performance", "loss"]
"""Kinds of alert that may be a cause to retrain."""
Windowing = Literal["sliding", "expanding", "since_drift", "measured"]
"""Which rows a challenger learns from."""


EARNED_BY = 5_000
"""Labels that earn a retraining, where the policy names no cause of its own."""
_CAUSES = ("triggers", "every", "labels", "on_features")


class CostConfig(Record):
    """What a retraining and a wrong prediction cost, in one unit of your choice."""

    retraining: Annotated[float, Field(gt=0.0)]
    error: Annotated[float, Field(gt=0.0)]
    """What one prediction that is wrong (for numbers: farther off than usual) costs."""
    horizon: Duration = "4w"
    """How long a challenger is expected to be of use."""


class RetrainingConfig(Record):
    """When and on what a challenger is trained.

    The defaults are the policy that erred no more than a calendar of every 2,500 rows at half its
    retrainings on the streams of ``benchmarks/monitoring/policies.py``.
    """

    triggers: tuple[AlertCause, ...] = ("loss",)
    every: Duration | None = None
    """Also so long after the last retraining, whatever the alerts say."""
    labels: Annotated[int, Field(ge=1)] | None = None
    """Also when so many labels have arrived since the last retraining."""
    on_features: bool = False
    """Also when what the project file says of features is not what the champion was made with."""
    earned_by: Annotated[int, Field(ge=1)] | None = None
    """Labels that earn one retraining. An alert spends one at once; one that is not spent is kept
    until there are two, and then spent without an alert. 5,000 in a policy that names no cause of
    its own."""
    settle: Annotated[int, Field(ge=0)] = 0
    """Labels that a rise of errors must have lasted for, so that there is enough to learn it from."""
    cooldown: Duration = "4w"
    max_runs: Annotated[int, Field(ge=1)] | None = None
    max_time: Duration | None = None
    """Retrainings, and the time they took altogether, within ``per``."""
    per: Duration = "7d"
    cost: CostConfig | None = None
    """Retrain on a loss that rose only where that is expected to pay."""
    window: Duration = "13w"
    windowing: Windowing = "measured"
    half_life: Duration | None = None
    """Rows that are older by this count half."""
    holdout: Duration = "4w"
    """The latest labelled rows, on which challenger and champion are compared."""
    budget: Duration = "20s"

    @model_validator(mode="before")
    @classmethod
    def _sound(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and not given.keys() & {*_CAUSES, "earned_by"}:
            return {**given, "earned_by": EARNED_BY}
        return given
