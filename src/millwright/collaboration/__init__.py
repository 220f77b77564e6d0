"""What people say to each other about runs and versions, and the views that they share."""

from millwright.collaboration.records import Comment, Inbox, Mention, SavedView
from millwright.collaboration.service import add_comment, comments, inbox

__all__ = ["Comment", "Inbox", "Mention", "SavedView", "add_comment", "comments", "inbox"]
