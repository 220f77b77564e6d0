"""Comments, mentions and shared views: every change in one transaction with its event."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.collaboration.mentions import mentioned
from millwright.collaboration.records import (
    Comment,
    CommentChange,
    Inbox,
    Mention,
    NewComment,
    NewView,
    SavedView,
)
from millwright.collaboration.tables import comments as _comments
from millwright.collaboration.tables import mentions as _mentions
from millwright.collaboration.tables import saved_views
from millwright.kernel import clock, events
from millwright.kernel.access import Actor, Permission
from millwright.kernel.errors import Forbidden, NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.nodes import describe_nodes
from millwright.kernel.store import Store, Transaction

MOST_COMMENTS = 500
MOST_MENTIONS = 200
_EVENTS_OF_PEOPLE = 1_000


def add_comment(store: Store, actor: Actor, project: str, new: NewComment) -> Comment:
    """Say something of a run or a version; whoever it names finds it in the inbox.

    Raises:
        NotFound: there is no such run or version in the project.
    """
    with store.write(actor, project) as tx:
        _known(tx.connection, project, new.subject)
        identifier, now = new_id(), clock.now_ms()
        values = {
            "id": identifier,
            "project": project,
            "subject": new.subject,
            "body": new.body,
            "actor": actor.name,
            "created_ms": now,
        }
        tx.execute(insert(_comments).values(**values))
        names = _name(tx, project, identifier, new.body, now)
        tx.event("comment.added", new.subject, {"comment": identifier, "mentions": names})
        return _one(tx.connection, project, identifier)


def change_comment(
    store: Store, actor: Actor, project: str, comment: str, change: CommentChange
) -> Comment:
    """Put one's own comment in other words; who is named anew finds it in the inbox.

    Raises:
        NotFound: there is no such comment.
        Forbidden: somebody else said it.
    """
    with store.write(actor, project) as tx:
        row = _row(tx.connection, project, comment)
        if row.actor != actor.name:
            raise _anothers(row.actor, "change")
        now = clock.now_ms()
        values = {"body": change.body, "edited_ms": now}
        tx.execute(update(_comments).where(_comments.c.id == comment).values(**values))
        names = _name(tx, project, comment, change.body, now)
        tx.event("comment.changed", row.subject, {"comment": comment, "mentions": names})
        return _one(tx.connection, project, comment)


def remove_comment(store: Store, actor: Actor, project: str, comment: str) -> Comment:
    """Take a comment back, one's own or, with the right to manage the project, anybody's.

    Raises:
        NotFound: there is no such comment.
        Forbidden: somebody else said it.
    """
    with store.write(actor, project) as tx:
        row = _row(tx.connection, project, comment)
        if row.actor != actor.name and not actor.may(Permission.ADMIN):
            raise _anothers(row.actor, "remove")
        gone = _one(tx.connection, project, comment)
        tx.execute(delete(_mentions).where(_mentions.c.comment == comment))
        tx.execute(delete(_comments).where(_comments.c.id == comment))
        tx.event("comment.removed", row.subject, {"comment": comment, "actor": row.actor})
        return gone


def comments(store: Store, project: str, subject: str) -> list[Comment]:
    """What was said of a run or a version, oldest first."""
    query = (
        select(_comments)
        .where(_comments.c.project == project, _comments.c.subject == subject)
        .order_by(_comments.c.created_ms, _comments.c.id)
        .limit(MOST_COMMENTS)
    )
    with store.read() as connection:
        return [_comment(row) for row in connection.execute(query)]


def inbox(store: Store, actor: Actor, project: str) -> Inbox:
    """The comments that name this actor, newest first."""
    mine = (_mentions.c.project == project, _mentions.c.person == actor.name)
    query = (
        select(_comments, _mentions.c.read_ms)
        .join(_mentions, _mentions.c.comment == _comments.c.id)
        .where(*mine)
        .order_by(_mentions.c.created_ms.desc())
        .limit(MOST_MENTIONS)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
        nodes = describe_nodes(connection, project, [row.subject for row in rows])
    found = tuple(
        Mention(
            comment=_comment(row),
            label=node.label,
            href=node.href,
            read=row.read_ms is not None,
        )
        for row, node in zip(rows, nodes, strict=True)
    )
    unread = sum(not mention.read for mention in found)
    return Inbox(person=actor.name, unread=unread, mentions=found)


def mark_read(store: Store, actor: Actor, project: str, wanted: tuple[str, ...]) -> int:
    """Say that the actor has seen these comments; how many were new."""
    mine = (
        _mentions.c.project == project,
        _mentions.c.person == actor.name,
        _mentions.c.comment.in_(wanted),
        _mentions.c.read_ms.is_(None),
    )
    with store.write(actor, project) as tx:
        done = tx.execute(update(_mentions).where(*mine).values(read_ms=clock.now_ms()))
        count = int(done.rowcount)
        if count:
            tx.event("comment.read", f"person:{actor.name}", {"count": count})
        return count


def people(store: Store, project: str) -> list[str]:
    """Who did something in the project lately: the names that an ``@`` is completed with."""
    with store.read() as connection:
        latest = events.read(
            connection, project=project, limit=_EVENTS_OF_PEOPLE, newest_first=True
        )
    return sorted({event.actor for event in latest})


def save_view(
    store: Store, actor: Actor, project: str, page: str, name: str, new: NewView
) -> SavedView:
    """Keep a view under its name for everybody; a view of this name is replaced."""
    key = _view_key(project, page, name)
    with store.write(actor, project) as tx:
        tx.execute(delete(saved_views).where(*key))
        row = {
            "project": project,
            "page": page,
            "name": name,
            "query": new.query,
            "actor": actor.name,
            "created_ms": clock.now_ms(),
        }
        tx.execute(insert(saved_views).values(**row))
        tx.event("view.saved", f"view:{page}", {"name": name})
        return _view(tx.execute(select(saved_views).where(*key)).one())


def remove_view(store: Store, actor: Actor, project: str, page: str, name: str) -> SavedView:
    """Forget a view; raises ``NotFound``."""
    key = _view_key(project, page, name)
    with store.write(actor, project) as tx:
        row = tx.execute(select(saved_views).where(*key)).first()
        if row is None:
            raise NotFound(
                "collaboration.unknown_view",
                f"There is no view '{name}' of this page.",
                hint="See the views in the menu of the page.",
                value=name,
            )
        tx.execute(delete(saved_views).where(*key))
        tx.event("view.removed", f"view:{page}", {"name": name})
        return _view(row)


def views(store: Store, project: str, page: str) -> list[SavedView]:
    """The views of a page by name."""
    table = saved_views.c
    query = select(saved_views).where(table.project == project, table.page == page)
    with store.read() as connection:
        return [_view(row) for row in connection.execute(query.order_by(table.name))]


def _name(tx: Transaction, project: str, comment: str, body: str, now: int) -> list[str]:
    """Put the comment into the inboxes of those it names and who have it not yet."""
    names = mentioned(body)
    query = select(_mentions.c.person).where(_mentions.c.comment == comment)
    known = {row.person for row in tx.execute(query)}
    rows = [
        {"comment": comment, "person": name, "project": project, "created_ms": now}
        for name in names
        if name not in known
    ]
    if rows:
        tx.execute(insert(_mentions), rows)
    return names


def _known(connection: Connection, project: str, subject: str) -> None:
    if describe_nodes(connection, project, [subject])[0].href is None:
        raise NotFound(
            "collaboration.unknown_subject",
            f"There is nothing called '{subject}' in this project.",
            hint="Name a run as run:ID or a version of a model as model-version:ID.",
            value=subject,
        )


def _row(connection: Connection, project: str, comment: str) -> Row[Any]:
    query = select(_comments).where(_comments.c.id == comment, _comments.c.project == project)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            "collaboration.unknown_comment",
            "There is no such comment.",
            hint="It may have been removed; load the page again.",
            value=comment,
        )
    return row


def _one(connection: Connection, project: str, comment: str) -> Comment:
    return _comment(_row(connection, project, comment))


def _comment(row: Row[Any]) -> Comment:
    return Comment(
        id=row.id,
        subject=row.subject,
        body=row.body,
        actor=row.actor,
        created_at=clock.rfc3339(row.created_ms),
        edited_at=None if row.edited_ms is None else clock.rfc3339(row.edited_ms),
        mentions=tuple(mentioned(row.body)),
    )


def _view(row: Row[Any]) -> SavedView:
    return SavedView(
        name=row.name,
        query=row.query,
        actor=row.actor,
        created_at=clock.rfc3339(row.created_ms),
    )


def _view_key(project: str, page: str, name: str) -> tuple[Any, ...]:
    table = saved_views.c
    return table.project == project, table.page == page, table.name == name


def _anothers(author: str, what: str) -> Forbidden:
    return Forbidden(
        "collaboration.not_yours",
        f"{author} said this; only they can {what} it.",
        hint="Answer it with a comment of your own.",
    )
