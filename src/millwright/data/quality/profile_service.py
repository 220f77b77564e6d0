"""The profile of a version as a page."""

from __future__ import annotations

from millwright.data.quality.profile_page import page
from millwright.data.service import get_profile, get_version
from millwright.kernel.store import Store


def report_page(store: Store, project: str, name: str, version: str) -> str:
    """The profile of a version as one page of HTML; raises as ``get_profile`` does."""
    found = get_version(store, project, name, version)
    return page(get_profile(store, project, name, version), found.reference)
