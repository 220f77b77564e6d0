"""Which versions hold what is to be erased, and what they become without it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
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
    import pyarrow as pa

    from millwright.data import from_parquet, infer_schema, profile_table, to_parquet

    if request.digest is not None and request.digest not in (row["digest"], row.get("original")):
        return None
    table = from_parquet(objects.local_path(row["digest"]))
    kept = _kept(table, request)
    keyless = not set(request.rows or ()) <= set(table.column_names)
    if keyless and row["name"] == f"{request.dataset}{QUARANTINE}":
        # Without the key nobody can say which rows they are: all of them go.
        kept = pa.array([False] * table.num_rows)
    if kept is None:
        return None
    for name in (row["digest"], row.get("original"), row.get("profile_digest")):
        if name:
            found.erased.add(bytes.fromhex(name))
    gone = table.filter(_inverted(kept)) if request.rows is not None else table
    found.samples.update(_text_samples(gone, table.filter(kept)))
    rest = table.filter(kept)
    content = to_parquet(rest)
    columns = (
        [column.model_dump() for column in infer_schema(rest).columns] if rest.num_rows else []
    )
    profile = profile_table(rest).model_dump_json().encode() if rest.num_rows else b""
    values = {
        "digest": objects.put(content),
        "size": len(content),
        "rows": rest.num_rows,
        "columns": json.dumps(columns),
        "profile_digest": objects.put(profile) if profile else "",
        # The bytes as they were given hold the rows too, and cannot be without them.
        "original": None,
    }
    return Rewrite(row, values, rows=gone.num_rows)


def _kept(table: Any, request: ErasureRequest) -> Any:
    """Which rows stay, as a mask; None where all of them do."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if request.rows is None:
        return pa.array([False] * table.num_rows)
    mask = None
    for name, value in request.rows.items():
        if name not in table.column_names:
            return None
        equal = pc.fill_null(pc.equal(pc.cast(table[name], pa.string()), value), False)
        mask = equal if mask is None else pc.and_(mask, equal)
    if mask is None or not pc.any(mask).as_py():
        return None
    return pc.invert(mask)


def _inverted(mask: Any) -> Any:
    import pyarrow.compute as pc

    return pc.invert(mask)


def _text_samples(gone: Any, rest: Any) -> set[bytes]:
    """Texts of erased rows that no other row has: only those tell that the rows are still there."""
    import pyarrow as pa

    found: set[bytes] = set()
    for name in gone.column_names:
        if not (pa.types.is_string(gone[name].type) or pa.types.is_large_string(gone[name].type)):
            continue
        others = set(rest[name].unique().to_pylist())
        for value in gone[name].unique().to_pylist():
            if value is not None and len(value) >= 6 and value not in others:
                found.add(value.encode())
    return found
