"""Another repository as a source of data: a folder here, or an address that git can clone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from millwright.data.dvc import git, linking, remotes
from millwright.data.dvc.dir_objects import is_dir
from millwright.data.dvc.files import Output
from millwright.data.dvc.object_cache import ObjectCache
from millwright.data.dvc.repository import Repository, Tracked, find
from millwright.kernel.errors import InvalidInput, MillwrightError, NotFound


class Member(NamedTuple):
    """A file of a source.

    Attributes:
        path: its place in the source.
        md5: digest where DVC tracks it, else None.
        blob: git's name where git keeps it, else None.
        kind: hash name of the digest.
        executable: whether it may be executed.
    """

    path: str
    md5: str | None
    blob: str | None
    kind: str
    executable: bool


class Source:
    """A repository, at a commit or (``commit`` None) as its working tree is."""

    def __init__(self, repository: Repository, commit: str | None) -> None:
        self.repository = repository
        self.commit = commit
        self.outs = repository.now.outs if commit is None else repository.at(commit).outs

    def out_for(self, path: str) -> tuple[Tracked, str] | None:
        """The output that a path is or lies in, with the rest of the path."""
        for tracked in self.outs:
            if path == tracked.place:
                return tracked, ""
            if path.startswith(tracked.place + "/"):
                return tracked, path[len(tracked.place) + 1 :]
        return None

    def outs_below(self, path: str) -> list[Tracked]:
        """The outputs inside a folder ("" for all)."""
        return [t for t in self.outs if not path or t.place.startswith(path + "/")]

    def obtain(self, wanted: remotes.Wanted, cache: ObjectCache) -> None:
        """Bring objects (and what folders hold) into a cache, from the source's cache or remote.

        Raises:
            NotFound: some are in neither.
        """
        for kind, names in wanted.items():
            own = remotes.Folder(self.repository.cache.folder)
            _, nowhere = remotes.fetch(own, cache, {kind: names})
            if not nowhere:
                continue
            place = remotes.place_of(self.repository.config.remote(None))
            _, nowhere = remotes.fetch(place, cache, {kind: names})
            if nowhere:
                raise NotFound(
                    "dvc.not_on_remote",
                    f"{len(nowhere)} objects are in neither the cache nor the remote of "
                    f"{self.repository.root}: {', '.join(sorted(nowhere)[:5])}.",
                    hint="Push them from a machine that has them: `mw-dvc push`.",
                )

    def entries(self, out: Output, cache: ObjectCache) -> dict[str, str]:
        """What an output holds, path inside → MD5; a folder's list is brought into ``cache``."""
        if out.md5 is None:
            return {}
        if not is_dir(out.md5):
            return {"": out.md5}
        for held in (cache, self.repository.cache):
            if held.has(out.md5, out.hash):
                return dict(held.entries(out.md5, out.hash))
        place = remotes.place_of(self.repository.config.remote(None))
        temporary = linking.temporary_name(cache.ready(out.md5, out.hash))
        try:
            place.download(out.md5, out.hash, temporary)
            os.chmod(temporary, linking.READ_ONLY)
            os.replace(temporary, cache.path(out.md5, out.hash))
        except FileNotFoundError:
            raise NotFound(
                "dvc.not_on_remote", f"The list of files {out.md5} is not on the remote."
            ) from None
        return dict(cache.entries(out.md5, out.hash))


@contextmanager
def open_source(url: str, revision: str | None = None) -> Iterator[Source]:
    """A repository by folder or git address; a clone is kept while the source is open."""
    if url.startswith("-"):
        raise InvalidInput("dvc.source", f"{url!r} is no repository.", value=url)
    if os.path.isdir(url):
        full = os.path.realpath(url)
        repository = _repository_at(full)
        commit = git.resolve(full, revision) if revision else None
        yield Source(repository, commit)
        return
    with tempfile.TemporaryDirectory(prefix="mw-dvc-") as folder:
        try:
            git.run(folder, "clone", "-q", "--", url, "clone")
        except MillwrightError as error:
            raise NotFound(
                "dvc.source",
                f"{url} is neither a folder nor a repository that git can clone: {error.message}",
                value=url,
            ) from error
        root = f"{folder}/clone"
        if revision:
            git.run(
                root, "checkout", "-q", "--detach", git.resolve(root, _on_origin(root, revision))
            )
        yield Source(_repository_at(root), None)


def _on_origin(root: str, revision: str) -> str:
    known = git.run(
        root, "rev-parse", "-q", "--verify", f"origin/{revision}^{{commit}}", check=False
    )
    return f"origin/{revision}" if known else revision


def _repository_at(root: str) -> Repository:
    if os.path.isdir(f"{root}/.dvc"):
        return Repository(root)
    try:
        return find(root)
    except NotFound:
        return Repository(root)  # a repository of git alone: nothing is tracked by DVC


def head_of(source: Source) -> str | None:
    """The commit that a source's working tree stands on, or the one it was opened at."""
    if source.commit is not None:
        return source.commit
    root = source.repository.git_root
    if root is None or not git.has_commits(root):
        return None
    return git.resolve(root, "HEAD")
