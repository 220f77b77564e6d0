"""DVC's saved experiments: commits under ``refs/exps``, named after the commit they start from."""

from __future__ import annotations

from typing import NamedTuple

from millwright.data.dvc import git


class Experiment(NamedTuple):
    """A saved experiment: the commit it starts from, its name, its own commit."""

    baseline: str
    name: str
    commit: str


def refs(root: str) -> list[Experiment]:
    """All saved experiments of a git repository, newest first."""
    listing = git.run(
        root,
        "for-each-ref",
        "--sort=-committerdate",
        "--format=%(objectname) %(refname)",
        "refs/exps",
    )
    found = []
    for line in listing.decode().splitlines():
        commit, _, ref = line.partition(" ")
        parts = ref.split("/")
        if len(parts) == 5 and len(parts[2]) == 2 and len(parts[3]) == 38:
            found.append(Experiment(parts[2] + parts[3], parts[4], commit))
    return found


class Commit(NamedTuple):
    """A commit: its id, when it was made (RFC 3339), and what refers to it."""

    id: str
    date: str
    name: str | None


def commits(root: str, *selection: str) -> list[Commit]:
    """Commits as ``git log`` selects them, newest first."""
    listing = git.run(
        root, "log", "--no-color", "--format=%H%x00%cI%x00%D", "--decorate=full", *selection
    )
    found = []
    for line in listing.decode("utf-8", "replace").splitlines():
        commit, date, decoration = line.split("\x00")
        found.append(Commit(commit, date, _short(decoration)))
    return found


def _short(decoration: str) -> str | None:
    for part in decoration.split(", "):
        ref = part.removeprefix("HEAD -> ").removeprefix("tag: ")
        for head in ("refs/heads/", "refs/tags/"):
            if ref.startswith(head):
                return ref[len(head) :]
    return None
