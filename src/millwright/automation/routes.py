"""Routes of the controllers' decisions."""

from __future__ import annotations

from fastapi import Depends, Query

from millwright.automation.outlook import begin_by_hand, canary_outlook, retraining_outlook
from millwright.automation.policy import Decision as RetrainingDecision
from millwright.automation.records import NewRetraining, Retraining
from millwright.automation.service import list_retrainings
from millwright.deployment import Decision as CanaryDecision
from millwright.deployment import find_deployment
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.record import Record
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="automation")


class Outlook(Record):
    """What the policies say of a deployment at this moment."""

    retraining: RetrainingDecision
    canary: CanaryDecision | None
    """None where no canary is on trial."""


@router.get("/projects/{project}/retrainings", permission=Permission.READ)
def get_retrainings(
    project: Name, limit: int = Query(100, ge=1, le=1000), call: Call = Depends(current_call)
) -> list[Retraining]:
    """What the retraining policy decided, newest first."""
    return list_retrainings(call.store, project, limit=limit)


@router.post(
    "/projects/{project}/deployments/{name}/retrainings",
    permission=Permission.OPERATE,
    status_code=202,
)
def start_retraining(
    project: Name, name: Name, body: NewRetraining, call: Call = Depends(current_call)
) -> Retraining:
    """Train a challenger now, by a person's word; budgets and cool-down do not count."""
    deployment = find_deployment(call.store, project, name)
    return begin_by_hand(call.store, call.actor, deployment, body)


@router.get("/projects/{project}/deployments/{name}/outlook", permission=Permission.READ)
def get_outlook(project: Name, name: Name, call: Call = Depends(current_call)) -> Outlook:
    """Whether a challenger would be trained now, and what the evidence says of the canary."""
    deployment = find_deployment(call.store, project, name)
    return Outlook(
        retraining=retraining_outlook(call.store, deployment),
        canary=canary_outlook(call.store, deployment),
    )
