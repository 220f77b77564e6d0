"""What a project asks of its versions."""

from __future__ import annotations

from millwright.kernel.config import RegistryConfig
from millwright.kernel.errors import MillwrightError
from millwright.kernel.projects import config_of
from millwright.kernel.store import Store


def policy_of(store: Store, project: str) -> RegistryConfig:
    """The project's policy; none where it was never configured."""
    try:
        return config_of(store, project).registry
    except MillwrightError:
        return RegistryConfig()
