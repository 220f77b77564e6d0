"""A repository's history as versions of data: which commits changed which tracked path.

A commit makes a version of a path where its digest differs from that in every parent. Commits are
taken oldest first; a version's parents are the versions its commit's parents had, so branches and
merges of git become branches and merges of versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from millwright.data.dvc import git
from millwright.data.dvc.files import Output
from millwright.data.dvc.repository import Repository, Tracked, tracking_of
from millwright.kernel.errors import MillwrightError

_PATTERNS = (":(top,glob)**/*.dvc", ":(top,glob)**/dvc.lock", ":(top,glob)**/dvc.yaml")


class GitCommit(NamedTuple):
    """A commit that touched DVC's files."""

    id: str
    parents: tuple[str, ...]
    """The nearest commits before it that did so, too."""
    author: str
    date: str
    """When it was written, RFC 3339."""
    message: str
    tags: tuple[str, ...] = ()


class PathVersion(NamedTuple):
    """A version of a tracked path.

    Attributes:
        place: the path, relative to the DVC repository's root.
        out: what the commit recorded of it.
        commit: the commit that brought it; None for a working tree without git.
        parents: the commits whose versions of the path it came of.
        tags: the git tags under which it can be found.
    """

    place: str
    out: Output
    commit: GitCommit | None
    parents: tuple[str, ...]
    tags: tuple[str, ...]


class Reading(NamedTuple):
    """What a history holds: versions oldest first, and commits that could not be read."""

    versions: list[PathVersion]
    unreadable: list[tuple[str, str]]
    """Commit id and why."""


def read_history(repository: Repository, revision: str, *, whole: bool) -> Reading:
    """The versions of all tracked paths up to a revision; only its own where not ``whole``."""
    assert repository.git_root is not None
    root = repository.git_root
    head = git.resolve(root, revision)
    tags = _tags(root)
    if not whole:
        commit = next(_log(root, "--no-walk", head))
        named = tags.get(head, ())
        outs = _outs(repository, head)
        return Reading([PathVersion(t.place, t.out, commit, (), named) for t in outs], [])
    versions: list[PathVersion] = []
    unreadable: list[tuple[str, str]] = []
    states: dict[str, dict[str, tuple[str, str]]] = {}
    for commit in _log(root, "--topo-order", "--reverse", "--parents", head, "--", *_PATTERNS):
        before = [states.get(parent, {}) for parent in commit.parents]
        try:
            outs = _outs(repository, commit.id)
        except MillwrightError as error:
            unreadable.append((commit.id, error.message))
            states[commit.id] = before[0] if before else {}
            continue
        states[commit.id] = _state(outs, commit, before, versions)
    return Reading(_with_tags(root, head, versions, states, tags), unreadable)


def _state(
    outs: list[Tracked],
    commit: GitCommit,
    before: list[dict[str, tuple[str, str]]],
    versions: list[PathVersion],
) -> dict[str, tuple[str, str]]:
    """Per path, its digest and the commit that brought it; new versions are noted."""
    state: dict[str, tuple[str, str]] = {}
    for tracked in outs:
        md5 = tracked.out.md5
        if md5 is None or not tracked.out.cached:
            continue
        known = [each[tracked.place] for each in before if tracked.place in each]
        same = next((brought for digest, brought in known if digest == md5), None)
        if same is None:
            parents = tuple(dict.fromkeys(brought for _, brought in known))
            versions.append(PathVersion(tracked.place, tracked.out, commit, parents, ()))
            same = commit.id
        state[tracked.place] = (md5, same)
    return state


def _outs(repository: Repository, commit: str) -> list[Tracked]:
    root = repository.git_root or repository.root
    listing = git.tree(root, commit, repository.git_prefix)
    outs = tracking_of(root, listing, repository.git_prefix).outs
    return [t for t in outs if t.out.md5 is not None and t.out.cached]


def _log(root: str, *selection: str) -> Iterator[GitCommit]:
    shape = "--format=%x1e%H%x00%P%x00%an <%ae>%x00%aI%x00%B"
    listing = git.run(root, "log", "--no-color", "--no-decorate", shape, *selection)
    for block in listing.decode("utf-8", "replace").split("\x1e")[1:]:
        commit, parents, author, date, message = block.rstrip("\n").split("\x00", 4)
        yield GitCommit(commit, tuple(parents.split()), author, date, message.strip())


def _tags(root: str) -> dict[str, tuple[str, ...]]:
    shape = "--format=%(objectname) %(*objectname) %(refname:short)"
    found: dict[str, tuple[str, ...]] = {}
    listing = git.run(root, "for-each-ref", "--sort=refname", shape, "refs/tags")
    for line in listing.decode("utf-8", "replace").splitlines():
        own, peeled, name = line.split(" ", 2)
        commit = peeled or own
        found[commit] = (*found.get(commit, ()), name)
    return found


def _with_tags(
    root: str,
    head: str,
    versions: list[PathVersion],
    states: dict[str, dict[str, tuple[str, str]]],
    tags: dict[str, tuple[str, ...]],
) -> list[PathVersion]:
    """Every tag of the history names, per path, the version that was there at its commit."""
    named: dict[tuple[str, str], tuple[str, ...]] = {}
    reachable = set(git.run(root, "rev-list", head).decode().split()) if tags else set()
    for commit, names in tags.items():
        if commit not in reachable:
            continue
        for place, (_, brought) in _state_at(root, commit, states).items():
            named[place, brought] = (*named.get((place, brought), ()), *names)
    return [
        version._replace(tags=named.get((version.place, version.commit.id), ()))
        if version.commit is not None
        else version
        for version in versions
    ]


def _state_at(
    root: str, commit: str, states: dict[str, dict[str, tuple[str, str]]]
) -> dict[str, tuple[str, str]]:
    if commit in states:
        return states[commit]
    nearest = git.run(root, "rev-list", "-1", commit, "--", *_PATTERNS).decode().strip()
    return states.get(nearest, {})


def read_working_tree(repository: Repository) -> Reading:
    """The one version of every path that a repository without git has."""
    return Reading(
        [
            PathVersion(tracked.place, tracked.out, None, (), ())
            for tracked in repository.now.outs
            if tracked.out.md5 is not None and tracked.out.cached
        ],
        [],
    )
