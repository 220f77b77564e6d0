"""Which versions hold what is to be erased, and what they become without it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from millwright.data import trees
from millwright.data.quality.records import QUARANTINE
from millwright.data.storage.heads import Row
from millwright.data.storage.reach import objects_of
from millwright.data.storage.records import ErasureRequest
from millwright.data.tree_store import TreeStore
from millwright.data.trees import Entry, Kind, Tombstone
from millwright.kernel.errors import InvalidInput
from millwright.kernel.objects import ProjectObjects

_SAMPLE_BYTES = 48
_SAMPLES_PER_OBJECT = 3


@dataclass
class Rewrite:
    """A version, and the columns of its row that change."""

    row: Row
    values: dict[str, Any]
    paths: int = 0
    rows: int = 0


@dataclass
class Plan:
    """All rewrites of an erasure, what they make needless, and samples to look for afterwards."""

    rewrites: list[Rewrite] = field(default_factory=list)
    erased: set[bytes] = field(default_factory=set)
    """Objects whose bytes were asked to be erased."""
    before: set[bytes] = field(default_factory=set)
    """All objects of the rewritten versions as they were."""
    samples: set[bytes] = field(default_factory=set)


def plan(
    objects: ProjectObjects, rows: Iterable[Row], request: ErasureRequest, tombstone: Tombstone
) -> Plan:
    """What erasing does to versions. Nothing is changed but for new objects that nobody names.

    Raises:
        InvalidInput: not exactly one thing is asked for, or a key column is none.
    """
    asked = [one for one in (request.path, request.digest, request.rows) if one is not None]
    if len(asked) != 1 or (request.digest is None and request.dataset is None):
        raise InvalidInput(
            "erase.what",
            "Say what to erase: a path, a digest, or rows by key.",
            hint="For example: mw data erase NAME --path FILE --reason WHY",
        )
    found = Plan()
    nodes = TreeStore(objects)
    for row in rows:
        if request.dataset is not None and row["name"] not in _with_siblings(request.dataset):
            continue
        if row["kind"] == "files" and request.rows is None:
            rewrite = _files(objects, nodes, row, request, tombstone, found)
        elif row["kind"] == "table" and request.path is None:
            rewrite = _table(objects, row, request, found)
        else:
            rewrite = None
        if rewrite is not None:
            found.rewrites.append(rewrite)
            found.before.update(objects_of(nodes, [row]))
    return found


def _with_siblings(name: str) -> tuple[str, str]:
    """A dataset and the one of its broken rows, which are copies."""
    return name, name + QUARANTINE


def samples_of(content: bytes) -> list[bytes]:
    """Stretches from the start, middle and end by which bytes are recognised elsewhere."""
    if len(content) <= _SAMPLE_BYTES:
        # A few bytes are found everywhere by chance.
        return [content] if len(content) >= 8 else []
    last = len(content) - _SAMPLE_BYTES
    places = {last * part // (_SAMPLES_PER_OBJECT - 1) for part in range(_SAMPLES_PER_OBJECT)}
    return [content[place : place + _SAMPLE_BYTES] for place in sorted(places)]


def _files(
    objects: ProjectObjects,
    nodes: TreeStore,
    row: Row,
    request: ErasureRequest,
    tombstone: Tombstone,
    found: Plan,
) -> Rewrite | None:
    root = bytes.fromhex(row["digest"])
    hit = [
        (path, entry)
        for path, entry in trees.walk(nodes, root)
        if entry.kind != Kind.ERASED and _matches(path.decode(), entry, request)
    ]
    if not hit:
        return None
    changes: dict[bytes, Entry | None] = {}
    for path, entry in hit:
        mark = Tombstone(
            tombstone.erased_at, tombstone.reason, tombstone.erased_by, entry.size
        ).to_bytes()
        changes[path] = Entry(Kind.ERASED, len(mark), bytes.fromhex(objects.put(mark)))
        found.erased.add(entry.digest)
        found.samples.update(samples_of(objects.read(entry.hex)))
    new = nodes.keep(trees.edit(nodes, root, changes))
    totals = trees.totals(nodes, bytes.fromhex(new))
    values = {"digest": new, "size": totals.size, "files": totals.entries}
    return Rewrite(row, values, paths=len(hit))


def _matches(path: str, entry: Entry, request: ErasureRequest) -> bool:
    if entry.kind == Kind.FOLDER:
        return False
    if request.digest is not None:
        return entry.hex == request.digest
    wanted = (request.path or "").strip("/")
    return path == wanted or path.startswith(f"{wanted}/")


def _table(
    objects: ProjectObjects, row: Row, request: ErasureRequest, found: Plan
) -> Rewrite | None:
    from millwright.data import profile_table
    from millwright.data.storage.rows_left import rows_left

    if request.digest is not None and request.digest not in (row["digest"], row.get("original")):
        return None
    source = objects.local_path(row["digest"])
    with tempfile.TemporaryDirectory(prefix="mw-erase-") as folder:
        target = Path(folder) / "rest.parquet"
        left = rows_left(source, _keys(source, row, request), target)
        if left is None:
            return None
        for name in (row["digest"], row.get("original"), row.get("profile_digest")):
            if name:
                found.erased.add(bytes.fromhex(name))
        found.samples.update(text.encode() for text in left.texts)
        values: dict[str, Any] = {
            "digest": objects.put(target),
            "size": target.stat().st_size,
            "rows": left.rows,
            "columns": "[]",
            "profile_digest": "",
            # The bytes as they were given hold the rows too, and cannot be without them.
            "original": None,
        }
        if left.rows:
            profile = profile_table(target)
            values["columns"] = json.dumps([one.column.model_dump() for one in profile.columns])
            values["profile_digest"] = objects.put(profile.model_dump_json().encode())
    return Rewrite(row, values, rows=left.gone)


def _keys(source: Path, row: Row, request: ErasureRequest) -> dict[str, str] | None:
    """The values of the rows that go; None where all of them do."""
    import pyarrow.parquet as pq

    keys = request.rows
    if keys is not None and row["name"] == f"{request.dataset}{QUARANTINE}":
        # Without the key nobody can say which rows they are: all of them go.
        keyless = not set(keys) <= set(pq.read_schema(source).names)
        return None if keyless else keys
    return keys
