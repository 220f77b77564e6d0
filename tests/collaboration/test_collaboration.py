"""Comments, mentions, inbox and shared views through the service and the door."""

from __future__ import annotations

import pytest

from millwright.collaboration.mentions import mentioned
from millwright.collaboration.records import CommentChange, NewComment, NewView
from millwright.collaboration.service import (
    add_comment,
    change_comment,
    comments,
    inbox,
    mark_read,
    people,
    remove_comment,
    save_view,
    views,
)
from millwright.kernel import events
from millwright.kernel.access import Actor, Role
from millwright.kernel.door import Door
from millwright.kernel.errors import Forbidden, InvalidInput, NotFound
from millwright.kernel.store import Store
from millwright.tracking import NewRun
from millwright.tracking.service import create_run

P = "flights"
ADA = Actor("ada", Role.EDITOR)
GRACE = Actor("grace", Role.EDITOR)


@pytest.fixture
def subject(store: Store) -> str:
    return f"run:{create_run(store, ADA, P, NewRun(name='one')).id}"


def test_who_is_named_finds_it_in_the_inbox(store: Store, subject: str) -> None:
    said = add_comment(store, ADA, P, NewComment(subject=subject, body="Look at this, @grace."))
    assert [each.body for each in comments(store, P, subject)] == [said.body]
    found = inbox(store, GRACE, P)
    assert (found.unread, found.mentions[0].label) == (1, "one")
    assert found.mentions[0].href == f"/runs/{subject.removeprefix('run:')}"
    assert inbox(store, ADA, P).mentions == ()
    assert mark_read(store, GRACE, P, (said.id,)) == 1
    assert mark_read(store, GRACE, P, (said.id,)) == 0
    assert inbox(store, GRACE, P).unread == 0


def test_every_change_is_an_event_without_the_words(store: Store, subject: str) -> None:
    said = add_comment(store, ADA, P, NewComment(subject=subject, body="A secret plan"))
    change_comment(store, ADA, P, said.id, CommentChange(body="Another plan for @grace"))
    remove_comment(store, ADA, P, said.id)
    with store.read() as connection:
        told = events.read(connection, project=P, subject=subject, limit=10)
    kinds = [each.kind for each in told if each.kind.startswith("comment.")]
    assert kinds == ["comment.added", "comment.changed", "comment.removed"]
    assert "plan" not in str([each.payload for each in told])
    assert inbox(store, GRACE, P).mentions == ()
    assert comments(store, P, subject) == []


def test_only_who_said_it_may_change_it(store: Store, subject: str) -> None:
    said = add_comment(store, ADA, P, NewComment(subject=subject, body="Mine"))
    with pytest.raises(Forbidden, match="ada said this"):
        change_comment(store, GRACE, P, said.id, CommentChange(body="Yours"))
    with pytest.raises(Forbidden):
        remove_comment(store, GRACE, P, said.id)
    assert remove_comment(store, Actor("root", Role.ADMIN), P, said.id).id == said.id
    with pytest.raises(NotFound):
        remove_comment(store, ADA, P, said.id)


def test_what_is_not_in_the_project_cannot_be_spoken_of(store: Store, subject: str) -> None:
    for unknown in (f"run:{'0' * 32}", "model-version:none"):
        with pytest.raises(NotFound):
            add_comment(store, ADA, P, NewComment(subject=unknown, body="?"))
    with pytest.raises(NotFound):
        add_comment(store, ADA, "other", NewComment(subject=subject, body="?"))


def test_views_are_kept_by_name_for_everybody(store: Store) -> None:
    save_view(store, ADA, P, "runs", "best", NewView(query="sort=metrics.auc"))
    save_view(store, GRACE, P, "runs", "best", NewView(query="sort=metrics.loss"))
    (kept,) = views(store, P, "runs")
    assert (kept.query, kept.actor) == ("sort=metrics.loss", "grace")
    assert views(store, "other", "runs") == []
    assert people(store, P) == ["ada", "grace"]


def test_over_http_bad_words_are_refused(door: Door) -> None:
    run = door.post(f"/projects/{P}/runs", {"name": "one"})["id"]
    path = f"/projects/{P}/comments"
    said = door.post(path, {"subject": f"run:{run}", "body": "  <b>hello</b> @local "})
    assert said["body"] == "<b>hello</b> @local"
    for body in ("", "   ", "x" * 10_001, "a\x00b"):
        with pytest.raises(InvalidInput):
            door.post(path, {"subject": f"run:{run}", "body": body})
    with pytest.raises(InvalidInput):
        door.post(path, {"subject": "../etc", "body": "x"})
    assert door.get(f"/projects/{P}/inbox")["unread"] == 1
    door.put(f"/projects/{P}/views/runs/mine", {"query": "q=a"})
    assert door.get(f"/projects/{P}/views/runs")[0]["name"] == "mine"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@ada, @bo.", ["ada", "bo"]),
        ("me@example.org and a/@b", []),
        ("`@code` ```\n@block\n``` @real", ["real"]),
        ("@ada @ada", ["ada"]),
        ("@", []),
    ],
    ids=["two", "addresses", "code", "once", "nobody"],
)
def test_names_are_found_in_text(text: str, names: list[str]) -> None:
    assert mentioned(text) == names
