"""All controllers of a control plane. Importing this is importing most of Millwright."""

from __future__ import annotations

from collections.abc import Callable

from millwright.automation.bandits import BanditController
from millwright.automation.controller import Controller
from millwright.automation.launching.controller import LaunchController
from millwright.automation.notifications.controller import NotificationController
from millwright.automation.project_file import ProjectFileController
from millwright.automation.retraining import RetrainingController
from millwright.automation.rollouts import RolloutController
from millwright.automation.schedules.controller import ScheduleController
from millwright.automation.triggers.controller import TriggerController
from millwright.deployment import DeploymentController
from millwright.kernel.store import Store
from millwright.monitoring import MonitorController
from millwright.registry import WebhookController
from millwright.tracking import OpenLineageController, PurgeController


def controllers() -> dict[str, Callable[[Store, str], Controller]]:
    """How each is made, by name, of the store and the address of the control plane."""
    return {
        "bandits": lambda store, _: BanditController(store),
        "deployment": lambda store, _: DeploymentController(store),
        "launches": LaunchController,
        "monitoring": lambda store, url: MonitorController(store, url=url),
        "openlineage": lambda store, _: OpenLineageController(store),
        "project-file": lambda store, _: ProjectFileController(store),
        "purge": lambda store, _: PurgeController(store),
        "notifications": lambda store, _: NotificationController(store),
        "retraining": lambda store, _: RetrainingController(store),
        "rollouts": lambda store, _: RolloutController(store),
        "schedules": lambda store, _: ScheduleController(store),
        "triggers": lambda store, _: TriggerController(store),
        "webhooks": lambda store, _: WebhookController(store),
    }
