"""The base of every typed record that crosses a boundary."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record; unknown fields are refused so that a misspelt one is never lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")
