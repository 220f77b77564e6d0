"""The kinds of value that keys of ``millwright.yaml`` take."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from millwright.kernel.clock import parse_duration


def _checked_duration(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[str, AfterValidator(_checked_duration)]
"""A length of time as text: ``60s``, ``7d``, ``13w``."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
"""A name that people give: letters, digits, ``_ . -``, at most 100 characters."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]
