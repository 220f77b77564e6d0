"""``.dvc`` files, ``dvc.yaml`` and ``dvc.lock``: what DVC keeps in git about data.

A ``.dvc`` file is one stage with outputs (and, for imports, dependencies). ``dvc.yaml`` names the
stages of a pipeline and ``dvc.lock`` the digests they last had. Files of DVC 2 and 3 are read: an
output with ``hash: md5`` belongs to a cache of format 3, one without it to format 2.

Promise: ``DvcFile.read(file.text()) == file``; fields this module does not know are kept.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from typing import Any, NamedTuple

from millwright.data.dvc import plain_yaml
from millwright.data.dvc.dir_objects import is_digest, is_dir
from millwright.kernel.errors import InvalidInput

DVC_FILE = ".dvc"
PIPELINE, LOCK = "dvc.yaml", "dvc.lock"
LEGACY, CURRENT = "md5-dos2unix", "md5"
_NOT_IN_CHECKSUM = frozenset(
    {"desc", "type", "labels", "meta", "locked", "frozen", "metric", "persist"}
    | {"isexec", "size", "nfiles"}
)


class Output(NamedTuple):
    """One tracked path: the fields of an ``outs`` (or ``deps``) entry.

    Attributes:
        path: as written, relative to the working folder of its stage.
        md5: digest (``….dir`` for a folder), None before the first commit of a stage.
        size: bytes, of all files of a folder together.
        nfiles: files in a folder, None for a file.
        hash: ``md5`` (format 3) or ``md5-dos2unix`` (format 2).
        isexec: whether a file may be executed.
        rest: every other field, in order.
    """

    path: str
    md5: str | None
    size: int | None
    nfiles: int | None
    hash: str
    isexec: bool
    rest: dict[str, Any]

    @property
    def is_dir(self) -> bool:
        """Whether the output is a folder."""
        return is_dir(self.md5)

    @property
    def cached(self) -> bool:
        """Whether DVC keeps its bytes (``cache: false`` leaves them to git)."""
        return self.rest.get("cache", True) is not False

    @property
    def is_remote(self) -> bool:
        """Whether the path is an address (``s3://…``) rather than a place in the repository."""
        return "://" in self.path

    def fields(self) -> dict[str, Any]:
        """The entry as DVC writes it."""
        fields: dict[str, Any] = {}
        if self.md5 is not None:
            fields["md5"] = self.md5
        if self.size is not None:
            fields["size"] = self.size
        if self.nfiles is not None:
            fields["nfiles"] = self.nfiles
        if self.isexec:
            fields["isexec"] = True
        if self.hash == CURRENT and "repo" not in self.rest:
            fields["hash"] = "md5"
        return fields | {"path": self.path} | self.rest


class DvcFile(NamedTuple):
    """A ``.dvc`` file: outputs, dependencies, and the other fields as they stood."""

    outs: tuple[Output, ...]
    deps: tuple[Output, ...]
    rest: dict[str, Any]

    @property
    def wdir(self) -> str:
        """The folder that paths are relative to, seen from the file."""
        return str(self.rest.get("wdir") or ".")

    @property
    def frozen(self) -> bool:
        """Whether ``status`` and ``repro`` leave the stage alone."""
        return bool(self.rest.get("frozen"))

    def fields(self) -> dict[str, Any]:
        """The file as a tree, in DVC's order, its own checksum first where it has one."""
        before: dict[str, Any] = {
            key: self.rest[key] for key in ("cmd", "wdir", "frozen") if key in self.rest
        }
        after = {key: value for key, value in self.rest.items() if key not in (*before, "md5")}
        fields = dict(before)
        if self.deps:
            fields["deps"] = [dep.fields() for dep in self.deps]
        if self.outs:
            fields["outs"] = [out.fields() for out in self.outs]
        fields |= after
        if self.deps or "cmd" in self.rest:
            return {"md5": checksum(fields)} | fields
        return fields

    def text(self) -> str:
        """The file's text."""
        return plain_yaml.dump(self.fields())

    @classmethod
    def read(cls, text: str, source: str) -> DvcFile:
        """A file from its text; ``source`` names it in errors."""
        tree = _mapping(plain_yaml.load(text, source), source)
        rest = {key: value for key, value in tree.items() if key not in ("outs", "deps")}
        _check_text(rest.get("wdir"), "wdir", source)
        return cls(outputs(tree.get("outs"), source), outputs(tree.get("deps"), source), rest)


def checksum(fields: dict[str, Any]) -> str:
    """DVC's checksum of an import's ``.dvc`` file, over what defines the import."""
    kept = {key: value for key, value in fields.items() if key not in ("md5", "meta", "desc")}
    if kept.get("wdir") == ".":
        del kept["wdir"]
    text = json.dumps(_without_notes(kept), sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _without_notes(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_notes(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {k: _without_notes(v) for k, v in value.items() if k not in _NOT_IN_CHECKSUM}


def outputs(value: Any, source: str, *, legacy: str = LEGACY) -> tuple[Output, ...]:
    """The entries of an ``outs`` or ``deps`` list."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong(source, "its list of outputs is not a list")
    return tuple(_output(item, source, legacy) for item in value)


def _output(item: Any, source: str, legacy: str) -> Output:
    fields = dict(_mapping(item, source))
    path = fields.pop("path", None)
    if not isinstance(path, str) or not path or "\x00" in path:
        raise _wrong(source, "an output has no path")
    md5 = fields.pop("md5", None)
    if md5 is not None and not (isinstance(md5, str) and is_digest(md5)):
        raise _wrong(source, f"the md5 of {path!r} is not a digest")
    size, nfiles = fields.pop("size", None), fields.pop("nfiles", None)
    if any(n is not None and (type(n) is not int or n < 0) for n in (size, nfiles)):
        raise _wrong(source, f"the size of {path!r} is not a number of bytes")
    kind = fields.pop("hash", None)
    if kind not in (None, CURRENT):
        raise _wrong(source, f"the hash of {path!r} is {kind!r}, which is not DVC's")
    return Output(
        path, md5, size, nfiles, kind or legacy, bool(fields.pop("isexec", False)), fields
    )


class Stage(NamedTuple):
    """A stage of ``dvc.yaml`` with what ``dvc.lock`` knows of it."""

    name: str
    command: object
    wdir: str
    outs: tuple[Output, ...]
    deps: tuple[Output, ...]
    locked_command: object
    params: dict[str, dict[str, Any]]
    frozen: bool
    always_changed: bool


def stages(pipeline: str, lock: str | None, source: str) -> list[Stage]:
    """The stages of a ``dvc.yaml`` text, with the digests of its ``dvc.lock`` text."""
    tree = _mapping(plain_yaml.load(pipeline, source), source)
    locked = locked_stages(lock, source.removesuffix(PIPELINE) + LOCK)
    found = []
    for name, body in _mapping(tree.get("stages") or {}, source).items():
        if isinstance(body, dict) and ("foreach" in body or "matrix" in body):
            found += [
                _stage(each, {}, locked[each], source)
                for each in sorted(locked)
                if each.partition("@")[0] == name
            ]
            continue
        found.append(_stage(str(name), _mapping(body, source), locked.get(str(name), {}), source))
    return found


def locked_stages(lock: str | None, source: str) -> dict[str, dict[str, Any]]:
    """The stages of a ``dvc.lock`` text by name, of schema 1.0 (bare) or 2.0."""
    tree = _mapping(plain_yaml.load(lock, source) or {}, source) if lock else {}
    inner = tree.get("stages") if "schema" in tree or "stages" in tree else tree
    return {str(k): _mapping(v, source) for k, v in _mapping(inner or {}, source).items()}


def _stage(name: str, body: dict[str, Any], locked: dict[str, Any], source: str) -> Stage:
    digests = {out.path: out for out in outputs(locked.get("outs"), source)}
    declared = [
        *_paths(body.get("outs"), source),
        *_paths(body.get("metrics"), source),
        *_paths(body.get("plots"), source),
    ]
    outs = [digests.get(out.path, out)._replace(rest=out.rest) for out in declared] or list(
        digests.values()
    )
    known = {dep.path: dep for dep in outputs(locked.get("deps"), source)}
    deps = [known.get(d.path, d) for d in _paths(body.get("deps"), source)] or list(known.values())
    wdir = body.get("wdir") or "."
    _check_text(wdir, "wdir", source)
    return Stage(
        name,
        body.get("cmd", locked.get("cmd")),
        wdir,
        tuple(outs),
        tuple(deps),
        locked.get("cmd"),
        locked.get("params") or {},
        bool(body.get("frozen")),
        bool(body.get("always_changed")),
    )


def _paths(value: Any, source: str) -> list[Output]:
    found = []
    for item in value if isinstance(value, list) else []:
        path, rest = item, None
        if isinstance(item, dict) and len(item) == 1:
            path, rest = next(iter(item.items()))
        if isinstance(path, str) and path and "${" not in path:
            fields = dict(rest) if isinstance(rest, dict) else {}
            found.append(Output(path, None, None, None, LEGACY, False, fields))
    return found


def inside(folder: str, wdir: str, path: str, source: str) -> str:
    """Where an output is, relative to the repository's root; refused if that is outside.

    Args:
        folder: folder of the DVC file relative to the root ("" at the root).
        wdir, path: as the file says.
    """
    if path.startswith("/") or wdir.startswith("/") or "\\" in path or "\n" in path:
        raise _outside(source, path)
    place = posixpath.normpath(posixpath.join(folder, wdir, path))
    if (
        place in ("", ".", "..")
        or place.startswith("../")
        or place.split("/")[0] in (".dvc", ".git")
    ):
        raise _outside(source, path)
    return place


def _outside(source: str, path: str) -> InvalidInput:
    return InvalidInput(
        "dvc.path",
        f"{source} tracks {path[:200]!r}, which is not inside the repository.",
        hint="Outputs outside of the repository are not followed.",
        value=path,
    )


def _mapping(value: Any, source: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(source, "it is not a mapping of fields")
    return value


def _check_text(value: Any, field: str, source: str) -> None:
    if value is not None and (not isinstance(value, str) or "\x00" in value):
        raise _wrong(source, f"its {field} is not a path")


def _wrong(source: str, why: str) -> InvalidInput:
    return InvalidInput(
        "dvc.file",
        f"{source} cannot be read as a DVC file: {why}.",
        hint="Compare it with the version in git: `git diff` shows what changed.",
    )
