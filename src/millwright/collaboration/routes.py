"""Collaboration over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from millwright.collaboration import service
from millwright.collaboration.records import (
    Comment,
    CommentChange,
    Inbox,
    Marked,
    NewComment,
    NewView,
    SavedView,
    Seen,
    Subject,
    ViewName,
)
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="collaboration")
_PROJECT = "/projects/{project}"
_VIEW = _PROJECT + "/views/{page}/{name}"
PageName = Annotated[str, Path(pattern=r"^[a-z-]{1,50}$")]


@router.get(_PROJECT + "/comments", permission=Permission.READ)
def list_comments(
    project: Name, subject: Subject, call: Call = Depends(current_call)
) -> list[Comment]:
    """What was said of a run or a version, oldest first."""
    return service.comments(call.store, project, subject)


@router.post(_PROJECT + "/comments", permission=Permission.WRITE, status_code=201)
def add_comment(project: Name, body: NewComment, call: Call = Depends(current_call)) -> Comment:
    """Say something of a run or a version."""
    return service.add_comment(call.store, call.actor, project, body)


@router.patch(_PROJECT + "/comments/{comment}", permission=Permission.WRITE)
def change_comment(
    project: Name, comment: str, body: CommentChange, call: Call = Depends(current_call)
) -> Comment:
    """Put one's own comment in other words."""
    return service.change_comment(call.store, call.actor, project, comment, body)


@router.delete(_PROJECT + "/comments/{comment}", permission=Permission.WRITE)
def remove_comment(project: Name, comment: str, call: Call = Depends(current_call)) -> Comment:
    """Take a comment back."""
    return service.remove_comment(call.store, call.actor, project, comment)


@router.get(_PROJECT + "/inbox", permission=Permission.READ)
def inbox(project: Name, call: Call = Depends(current_call)) -> Inbox:
    """The comments that name the caller, newest first."""
    return service.inbox(call.store, call.actor, project)


@router.post(_PROJECT + "/inbox/read", permission=Permission.WRITE)
def mark_read(project: Name, body: Seen, call: Call = Depends(current_call)) -> Marked:
    """Say that the caller has seen these comments."""
    return Marked(count=service.mark_read(call.store, call.actor, project, body.comments))


@router.get(_PROJECT + "/people", permission=Permission.READ)
def people(project: Name, call: Call = Depends(current_call)) -> list[str]:
    """Who did something in the project lately."""
    return service.people(call.store, project)


@router.get(_PROJECT + "/views/{page}", permission=Permission.READ)
def list_views(
    project: Name, page: PageName, call: Call = Depends(current_call)
) -> list[SavedView]:
    """The views of a page that were kept, by name."""
    return service.views(call.store, project, page)


@router.put(_VIEW, permission=Permission.WRITE)
def save_view(
    project: Name,
    page: PageName,
    name: ViewName,
    body: NewView,
    call: Call = Depends(current_call),
) -> SavedView:
    """Keep a view under a name, for everybody."""
    return service.save_view(call.store, call.actor, project, page, name, body)


@router.delete(_VIEW, permission=Permission.WRITE)
def remove_view(
    project: Name, page: PageName, name: ViewName, call: Call = Depends(current_call)
) -> SavedView:
    """Forget a view."""
    return service.remove_view(call.store, call.actor, project, page, name)
