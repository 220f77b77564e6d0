"""A DVC repository on disk: where it begins, what it tracks now, what a commit of it tracked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from millwright.data.dvc import files, git, ignore
from millwright.data.dvc.config import Config
from millwright.data.dvc.memory import Memory
from millwright.data.dvc.object_cache import ObjectCache
from millwright.kernel.errors import InvalidInput, NotFound


class Tracked(NamedTuple):
    """An output with where it is tracked.

    Attributes:
        place: its path relative to the repository's root, ``/`` between names.
        source: the file that tracks it, relative to the root (``d.dvc``, ``sub/dvc.yaml``).
        stage: the stage's name for ``dvc.yaml``, None for a ``.dvc`` file.
        out: what is recorded of it.
    """

    place: str
    source: str
    stage: str | None
    out: files.Output

    @property
    def address(self) -> str:
        """How ``status`` calls what tracks it: ``d.dvc``, or ``train``, or ``sub/dvc.yaml:train``."""
        if self.stage is None:
            return self.source
        return self.stage if self.source == files.PIPELINE else f"{self.source}:{self.stage}"


class Tracking(NamedTuple):
    """Everything that a working tree or a commit tracks."""

    outs: list[Tracked]
    dvc_files: dict[str, files.DvcFile]
    stages: dict[str, list[files.Stage]]


class Repository:
    """A folder with ``.dvc`` in it."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.dvc_dir = f"{root}/.dvc"

    @cached_property
    def config(self) -> Config:
        """Its configuration."""
        return Config(self.dvc_dir)

    @cached_property
    def cache(self) -> ObjectCache:
        """Its cache."""
        return ObjectCache(self.config.cache_dir())

    @cached_property
    def memory(self) -> Memory:
        """What its files were when last read."""
        return Memory(os.path.join(self.dvc_dir, "tmp", "mw-dvc"))

    @cached_property
    def git_root(self) -> str | None:
        """The git working tree it lies in, None without git."""
        if self.config.flag("core", "no_scm"):
            return None
        return git.root_of(self.root)

    @cached_property
    def git_prefix(self) -> str:
        """The repository's root as git sees it, with a slash behind unless empty."""
        if self.git_root is None or self.git_root == self.root:
            return ""
        return os.path.relpath(self.root, self.git_root).replace(os.sep, "/") + "/"

    @cached_property
    def rules(self) -> ignore.Rules:
        """The patterns of the ``.dvcignore`` at the root."""
        return self._rules_in("", ignore.Rules())

    def _rules_in(self, folder: str, above: ignore.Rules) -> ignore.Rules:
        try:
            with open(self.full(f"{folder}/{ignore.FILE}".lstrip("/")), encoding="utf-8") as file:
                return above.with_file(folder, file.read())
        except (FileNotFoundError, NotADirectoryError):
            return above

    def full(self, place: str) -> str:
        """The absolute path of a place in the repository."""
        return f"{self.root}/{place}" if place else self.root

    def place(self, path: str) -> str:
        """A path (relative to the current folder) as a place in the repository.

        Raises:
            InvalidInput: it lies outside.
        """
        full = os.path.normpath(os.path.join(os.getcwd(), path))
        if full == self.root:
            return ""
        if not full.startswith(self.root + "/"):
            # The current folder may be named through a link.
            folder, name = os.path.split(full)
            full = f"{os.path.realpath(folder)}/{name}"
            if not full.startswith(self.root + "/"):
                raise InvalidInput(
                    "dvc.outside", f"{path} is outside of the DVC repository {self.root}."
                )
        return full[len(self.root) + 1 :]

    def read(self, place: str) -> str | None:
        """A text file of the working tree, None where there is none."""
        try:
            with open(self.full(place), encoding="utf-8") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnicodeDecodeError:
            raise InvalidInput("dvc.file", f"{place} is not a text file.") from None

    @cached_property
    def now(self) -> Tracking:
        """What the working tree tracks."""
        return _tracking(self._texts())

    def _texts(self) -> Iterator[tuple[str, dict[str, str]]]:
        """The DVC files of every folder, outputs not looked into."""
        outputs: set[str] = set()
        pending = [("", self._rules_in("", ignore.Rules()))]
        while pending:
            folder, rules = pending.pop()
            prefix = f"{folder}/" if folder else ""
            names, below = [], []
            with os.scandir(self.full(folder)) as entries:
                for entry in entries:
                    name = entry.name
                    is_dir = entry.is_dir(follow_symlinks=False)
                    if rules.ignores(prefix + name, name, is_dir):
                        continue
                    if is_dir:
                        below.append(name)
                    elif is_dvc_file(name):
                        names.append(name)
            texts = {prefix + name: self.read(prefix + name) or "" for name in sorted(names)}
            if texts:
                yield folder, texts
                outputs |= {tracked.place for tracked in _tracking([(folder, texts)]).outs}
            for name in sorted(below, reverse=True):
                if prefix + name not in outputs:
                    inner = prefix + name
                    pending.append((inner, self._rules_in(inner, rules)))

    def at(self, revision: str) -> Tracking:
        """What a commit tracked."""
        if self.git_root is None:
            raise InvalidInput(
                "dvc.no_git", "This repository has no git, so it has no revisions to look at."
            )
        listing = git.tree(self.git_root, revision, self.git_prefix)
        return tracking_of(self.git_root, listing, self.git_prefix)

    def files_at(self, revision: str) -> dict[str, tuple[str, str]]:
        """The git files of a commit by place: (mode, blob id)."""
        if self.git_root is None:
            return {}
        cut = len(self.git_prefix)
        listing = git.tree(self.git_root, revision, self.git_prefix)
        return {path[cut:]: entry for path, entry in listing.items()}

    def chosen(self, targets: Iterable[str], recursive: bool = False) -> list[tuple[Tracked, str]]:
        """The outputs that targets name, each with the part of it meant ("" for all of it).

        A target is a ``.dvc`` file, a ``dvc.yaml``, a stage, an output, or a path inside one.
        """
        found: list[tuple[Tracked, str]] = []
        targets = list(targets)
        if not targets:
            return [(tracked, "") for tracked in self.now.outs]
        for target in targets:
            matches = list(self._matching(target, recursive))
            if not matches:
                raise NotFound(
                    "dvc.target",
                    f"{target!r} is not tracked: no .dvc file, stage or output has that name.",
                    hint="See what is tracked: `mw-dvc ls --dvc-only -R .`.",
                    value=target,
                )
            found += [match for match in matches if match not in found]
        return found

    def _matching(self, target: str, recursive: bool) -> Iterator[tuple[Tracked, str]]:
        try:
            place = self.place(target)
        except InvalidInput:
            place = "\x00"
        for tracked in self.now.outs:
            if place in (tracked.place, tracked.source) or target in (
                tracked.stage,
                tracked.address,
            ):
                yield tracked, ""
            elif place.startswith(tracked.place + "/"):
                yield tracked, place[len(tracked.place) + 1 :]
            elif recursive and (not place or tracked.place.startswith(place + "/")):
                yield tracked, ""


def find(start: str | None = None) -> Repository:
    """The repository that a folder lies in.

    Raises:
        NotFound: none of the folders above has ``.dvc``.
    """
    folder = start or os.getcwd()
    while True:
        if os.path.isdir(f"{folder}/.dvc"):
            return Repository(folder)
        parent = os.path.dirname(folder)
        if parent == folder:
            raise NotFound(
                "dvc.no_repository",
                "you are not inside of a DVC repository.",
                hint="Start one: `mw-dvc init`.",
            )
        folder = parent


def is_dvc_file(name: str) -> bool:
    """Whether a file name is one of DVC's."""
    return name in (files.PIPELINE, files.LOCK) or (
        name.endswith(files.DVC_FILE) and name != files.DVC_FILE
    )


def tracking_of(root: str, listing: dict[str, tuple[str, str]], prefix: str) -> Tracking:
    """What a git tree tracks; places are relative to ``prefix``."""
    wanted = {
        path: blob
        for path, (mode, blob) in listing.items()
        if mode != "120000" and path.startswith(prefix) and is_dvc_file(path.rpartition("/")[2])
    }
    contents = git.blobs(root, wanted.values())
    folders: dict[str, dict[str, str]] = {}
    for path, blob in wanted.items():
        place = path[len(prefix) :]
        text = contents.get(blob, b"").decode("utf-8", "replace")
        folders.setdefault(place.rpartition("/")[0], {})[place] = text
    return _tracking(folders.items())


def _tracking(folders: Iterable[tuple[str, dict[str, str]]]) -> Tracking:
    outs: list[Tracked] = []
    dvc_files: dict[str, files.DvcFile] = {}
    stages: dict[str, list[files.Stage]] = {}
    for folder, texts in folders:
        for source, text in texts.items():
            name = source.rpartition("/")[2]
            if name == files.PIPELINE:
                lock = texts.get(source.removesuffix(files.PIPELINE) + files.LOCK)
                stages[source] = files.stages(text, lock, source)
                outs += [
                    Tracked(
                        files.inside(folder, stage.wdir, out.path, source), source, stage.name, out
                    )
                    for stage in stages[source]
                    for out in stage.outs
                    if not out.is_remote
                ]
            elif name != files.LOCK:
                dvc_file = files.DvcFile.read(text, source)
                dvc_files[source] = dvc_file
                outs += [
                    Tracked(
                        files.inside(folder, dvc_file.wdir, out.path, source), source, None, out
                    )
                    for out in dvc_file.outs
                    if not out.is_remote
                ]
    return Tracking(outs, dvc_files, stages)
