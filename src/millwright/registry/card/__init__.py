"""The model card: what a person has to know before relying on a model, as Markdown and HTML."""

from __future__ import annotations

from millwright.registry.card.content import (
    CardContent,
    CardData,
    ExcludedColumn,
    PackagedFile,
    card_content,
)
from millwright.registry.card.limitations import limitations
from millwright.registry.card.render import render_html, render_markdown

__all__ = [
    "CardContent",
    "CardData",
    "ExcludedColumn",
    "PackagedFile",
    "card_content",
    "limitations",
    "render_html",
    "render_markdown",
]
