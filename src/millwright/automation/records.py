"""Records of the controllers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from millwright.kernel.record import Record

Status = Literal["running", "canary", "promoted", "rolled_back", "refused", "failed"]
"""``running`` trains; ``canary`` is tried on live traffic; the others are how it ended."""
OPEN: tuple[Status, ...] = ("running", "canary")


class Cause(Record):
    """Why a retraining was started."""

    trigger: str
    reason: str
    alert_ids: tuple[str, ...] = ()


class NewRetraining(Record):
    """A person's wish that a challenger be trained."""

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class HeldOutComparison(Record):
    """Champion and challenger on the same held-out rows."""

    metric: str
    rows: int
    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    better: bool
    reason: str


class Retraining(Record):
    """One decision of the retraining policy, from its cause to its end."""

    id: str
    project: str
    deployment_id: str
    deployment: str
    pipeline_run_id: str
    status: Status
    cause: Cause
    event_time: str
    champion_version_id: str
    champion_version: int
    challenger_version_id: str | None
    challenger_version: int | None
    comparison: HeldOutComparison | None
    reason: str | None
    created: str
    finished: str | None
