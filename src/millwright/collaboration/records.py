"""The records of collaboration."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from millwright.kernel.record import Record


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    if "\x00" in text:
        raise ValueError("it holds the character NUL")
    return text.strip()


Body = Annotated[str, Field(max_length=10_000), AfterValidator(_said)]
"""Markdown. It is shown without any HTML that it holds."""
Subject = Annotated[str, Field(pattern=r"^(run|model-version):[0-9a-zA-Z-]{1,100}$")]
"""What is spoken of: ``run:ID`` or ``model-version:ID``."""
ViewName = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^/\x00-\x1f]+$"), AfterValidator(_said)
]


class NewComment(Record):
    """Something to say; ``@name`` in it reaches that person's inbox."""

    subject: Subject
    body: Body


class CommentChange(Record):
    """A comment in other words."""

    body: Body


class Comment(Record):
    """What somebody said of a run or a version."""

    id: str
    subject: str
    body: str
    actor: str
    created_at: str
    edited_at: str | None
    mentions: tuple[str, ...]


class Mention(Record):
    """A comment that names the reader, and where it stands."""

    comment: Comment
    label: str
    """What it speaks of, for people."""
    href: str | None
    read: bool


class Inbox(Record):
    """What was said to one person, newest first."""

    person: str
    unread: int
    mentions: tuple[Mention, ...]


class Seen(Record):
    """Ids of comments that their reader has seen."""

    comments: Annotated[tuple[str, ...], Field(max_length=500)]


class Marked(Record):
    """How many were marked."""

    count: int


class SavedView(Record):
    """A view of a page under a name; ``query`` is the page's own record of it, percent-encoded."""

    name: str
    query: str
    actor: str
    created_at: str


class NewView(Record):
    """A view to keep, or to keep anew under its name."""

    query: Annotated[str, Field(max_length=20_000, pattern=r"^[\x21-\x7e]*$")]
