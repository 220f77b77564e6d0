"""The keys of ``millwright.yaml`` that say when a challenger is trained, and on which rows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from millwright.kernel.config_types import Duration
from millwright.kernel.record import Record

AlertCause = Literal["data_drift", "column_drift", "prediction_drift", "performance", "loss"]
"""Kinds of alert that may be a cause to retrain."""
Windowing = Literal["sliding", "expanding", "since_drift", "measured"]
"""Which rows a challenger learns from."""


class CostConfig(Record):
    """What a retraining and a wrong prediction cost, in one unit of your choice."""

    retraining: Annotated[float, Field(gt=0.0)]
    error: Annotated[float, Field(gt=0.0)]
    """What one prediction that is wrong (for numbers: farther off than usual) costs."""
    horizon: Duration = "4w"
    """How long a challenger is expected to be of use."""


class RetrainingConfig(Record):
    """When and on what a challenger is trained."""

    triggers: tuple[AlertCause, ...] = ("data_drift", "performance")
    every: Duration | None = None
    """Also so long after the last retraining, whatever the alerts say."""
    labels: Annotated[int, Field(ge=1)] | None = None
    """Also when so many labels have arrived since the last retraining."""
    on_features: bool = False
    """Also when what the project file says of features is not what the champion was made with."""
    earned_by: Annotated[int, Field(ge=1)] | None = None
    """Labels that earn one retraining. An alert spends one at once; one that is not spent is kept
    until there are two, and then spent without an alert."""
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
    windowing: Windowing = "sliding"
    half_life: Duration | None = None
    """Rows that are older by this count half."""
    holdout: Duration = "4w"
    """The latest labelled rows, on which challenger and champion are compared."""
    budget: Duration = "20s"
