"""The records of releases: which version went where, by what settings, and what came of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from millwright.deployment.records import Choice
from millwright.kernel.config import Name
from millwright.kernel.record import Record
from millwright.kernel.target_config import Target

Made = dict[str, Annotated[str, Field(max_length=2000)]]
"""What a release made, by kind: the image, the endpoint, the published version."""


class NewRelease(Choice):
    """A version that is at a target now."""

    model: Name
    settings: Target
    made: Annotated[Made, Field(max_length=50)] = Field(default_factory=dict)


class Return(Record):
    """That a target serves again what it served before its last release."""

    left: str
    """Id of the release that was taken back."""
    reason: Annotated[str, Field(max_length=2000)] = ""
    made: Annotated[Made, Field(max_length=50)] = Field(default_factory=dict)


class ReleaseView(Record):
    """One release, for people; ``left_at`` says when it was taken back."""

    id: str
    name: str
    target: str
    model: str
    version: int
    version_id: str
    settings: dict[str, JsonValue]
    made: Made
    actor: str
    released_at: str
    left_at: str | None
    reason: str


class ReleaseList(Record):
    """Releases, newest first."""

    releases: tuple[ReleaseView, ...]
