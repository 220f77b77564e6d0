"""A project at one moment (working tree or commit): its metrics, parameters and plots."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from millwright.data.dvc import files, git, plain_yaml
from millwright.data.dvc.repository import Repository, Tracked, Tracking, tracking_of
from millwright.data.dvc.values import read_values
from millwright.kernel.errors import MillwrightError

PARAMS = "params.yaml"


class Plot(NamedTuple):
    """One plot: its name, data files with the columns drawn, and how it is drawn."""

    name: str
    sources: dict[str, list[str]]
    x: str | None
    template: str
    title: str


class Snapshot:
    """A repository at a commit, or (``commit`` None) its working tree."""

    def __init__(self, repository: Repository, commit: str | None, name: str) -> None:
        self._repository = repository
        self.commit = commit
        self.name = name

    @cached_property
    def _listing(self) -> dict[str, tuple[str, str]]:
        return self._repository.files_at(self.commit) if self.commit else {}

    @cached_property
    def tracking(self) -> Tracking:
        """What DVC tracks at this moment."""
        if self.commit is None:
            return self._repository.now
        return tracking_of(self._repository.git_root or "", self._listing, "")

    def read(self, place: str) -> str | None:
        """A text file of git or of the cache, None where it is in neither."""
        for tracked in self.tracking.outs:
            if place == tracked.place or place.startswith(tracked.place + "/"):
                found = self._from_cache(tracked, place[len(tracked.place) + 1 :])
                if found is not None:
                    return found
        if self.commit is None:
            return self._repository.read(place)
        entry = self._listing.get(place)
        if entry is None:
            return None
        content = git.blobs(self._repository.root, [entry[1]]).get(entry[1], b"")
        return content.decode("utf-8", "replace")

    def _from_cache(self, tracked: Tracked, inside: str) -> str | None:
        if self.commit is None:
            text = self._repository.read(f"{tracked.place}/{inside}".rstrip("/"))
            if text is not None:
                return text
        out, cache = tracked.out, self._repository.cache
        if not out.md5 or not cache.has(out.md5, out.hash):
            return None
        md5 = dict(cache.entries(out.md5, out.hash)).get(inside) if out.is_dir else out.md5
        if md5 is None or not cache.has(md5, out.hash):
            return None
        with open(cache.path(md5, out.hash), encoding="utf-8", errors="replace") as file:
            return file.read()

    @cached_property
    def _pipelines(self) -> list[tuple[str, dict[str, Any]]]:
        found = []
        for source in self.tracking.stages:
            tree = plain_yaml.load(self.read(source) or "", source)
            found.append((source.rpartition("/")[0], tree if isinstance(tree, dict) else {}))
        return found

    def _stages(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for folder, tree in self._pipelines:
            for stage in (tree.get("stages") or {}).values():
                if isinstance(stage, dict):
                    yield _joined(folder, str(stage.get("wdir") or ".")), stage

    def metrics(self) -> dict[str, Any]:
        """Metrics files, each with its tree of values."""
        places = [
            _joined(folder, _name(item))
            for folder, tree in [*self._pipelines, *self._stages()]
            for item in tree.get("metrics") or []
        ]
        return self._values(places)

    def _values(self, places: list[str]) -> dict[str, Any]:
        found = {}
        for place in dict.fromkeys(places):
            text = self.read(place)
            if text is None:
                continue
            try:
                found[place] = read_values(text, place)
            except MillwrightError:
                continue  # a metric that a failed run left half-written is not there
        return found

    def params(self) -> dict[str, Any]:
        """Parameter files, each with the values that stages depend on."""
        wanted: dict[str, list[str] | None] = {}
        for folder, tree in self._pipelines:
            for item in tree.get("params") or []:
                wanted[_joined(folder, _name(item))] = None
        for folder, stage in self._stages():
            for item in stage.get("params") or []:
                named = item if isinstance(item, dict) else {PARAMS: [item]}
                for name, keys in named.items():
                    place = _joined(folder, str(name))
                    known = wanted.setdefault(place, [])
                    if known is not None and keys:
                        known += [str(key) for key in keys]
                    elif not keys:
                        wanted[place] = None
        trees = self._values(list(wanted) or [PARAMS])
        return {place: _picked(tree, wanted.get(place)) for place, tree in trees.items()}

    def plots(self) -> list[Plot]:
        """The plots that are declared."""
        found: dict[str, Plot] = {}
        for folder, tree in self._pipelines:
            declared = tree.get("plots") or []
            rows = declared.items() if isinstance(declared, dict) else _pairs(declared)
            for name, fields in rows:
                plot = _plot(folder, str(name), fields if isinstance(fields, dict) else {})
                found[plot.name] = plot
        for folder, stage in self._stages():
            for name, fields in _pairs(stage.get("plots") or []):
                plot = _plot(folder, str(name), fields if isinstance(fields, dict) else {})
                found.setdefault(plot.name, plot)
        return list(found.values())


def _pairs(items: Any) -> Iterator[tuple[str, Any]]:
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            yield from item.items()
        else:
            yield str(item), {}


def _name(item: Any) -> str:
    return str(next(iter(item))) if isinstance(item, dict) and item else str(item)


def _joined(folder: str, path: str) -> str:
    place = posixpath.normpath(posixpath.join(folder, path))
    return "" if place == "." else place


def _picked(tree: Any, keys: list[str] | None) -> Any:
    if keys is None or not isinstance(tree, dict):
        return tree
    heads = {key.partition(".")[0] for key in keys}
    picked: dict[str, Any] = {}
    for head in (key for key in tree if key in heads):
        whole = head in keys or not isinstance(tree[head], dict)
        inner = [key.partition(".")[2] for key in keys if key.startswith(f"{head}.")]
        picked[head] = tree[head] if whole else _picked(tree[head], inner)
    return picked


def _plot(folder: str, name: str, fields: dict[str, Any]) -> Plot:
    y = fields.get("y")
    if isinstance(y, dict):
        sources = {
            _joined(folder, str(place)): [
                str(c) for c in (columns if isinstance(columns, list) else [columns])
            ]
            for place, columns in y.items()
        }
    else:
        columns = [str(c) for c in (y if isinstance(y, list) else [y]) if c]
        sources = {_joined(folder, name): columns}
    x = fields.get("x")
    if isinstance(x, dict):
        x = next(iter(x.values()), None)
    return Plot(
        name if isinstance(y, dict) else _joined(folder, name),
        sources,
        str(x) if x is not None else None,
        str(fields.get("template") or "linear"),
        str(fields.get("title") or name),
    )


def workspace(repository: Repository) -> Snapshot:
    """The working tree."""
    return Snapshot(repository, None, "workspace")


def at(repository: Repository, revision: str) -> Snapshot:
    """The commit a revision names."""
    return Snapshot(repository, git.resolve(repository.root, revision), revision)


def dependencies(tracking: Tracking) -> dict[str, files.Output]:
    """The dependencies of all stages by path."""
    return {
        dep.path: dep
        for stages in tracking.stages.values()
        for stage in stages
        for dep in stage.deps
    }
