"""The guide's table of checks is the vocabulary."""

from __future__ import annotations

from pathlib import Path

from millwright.data.quality.expressions import FUNCTIONS
from millwright.data.quality.kinds import as_markdown

GUIDE = Path(__file__).parents[3] / "docs/guide/quality.md"


def test_the_table_in_the_guide_is_the_vocabulary() -> None:
    assert as_markdown() in GUIDE.read_text(encoding="utf-8")


def test_the_guide_names_every_function_of_expressions() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in FUNCTIONS)
