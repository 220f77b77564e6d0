"""Every change and query of the registry, each change in one transaction with its event."""

from __future__ import annotations

from millwright.registry.service.aliases import point_alias, remove_alias, set_alias
from millwright.registry.service.approvals import approvals, approve
from millwright.registry.service.models import get_model, list_models
from millwright.registry.service.versions import (
    file_digest,
    get_version,
    register_version,
    without_package,
)
from millwright.registry.service.waiting import waiting

# Under these names in the room's public face, where the client's functions have the others.
find_version = get_version
find_model = get_model

__all__ = [
    "approvals",
    "approve",
    "file_digest",
    "find_model",
    "find_version",
    "get_model",
    "get_version",
    "list_models",
    "point_alias",
    "register_version",
    "remove_alias",
    "set_alias",
    "waiting",
    "without_package",
]
