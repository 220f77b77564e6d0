"""Results of steps, for the next run that asks for the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from millwright.kernel import clock
from millwright.kernel.errors import MillwrightError
from millwright.kernel.objects import ProjectObjects
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.fingerprint import Fingerprint
from millwright.pipelines.ledger.book import Book
from millwright.pipelines.ledger.sql import Sql, as_json, from_json
from millwright.pipelines.records import Found, Lookup, Result, TaskChange
from millwright.pipelines.trusted import trusted

Written = tuple[str | None, str]
_READ_TO_VERIFY = 1 << 16
"""Objects up to this size are read to verify them; of larger ones every chunk must be there, and is
verified when it is read."""
_STEPS = "SELECT name, step FROM pipeline_tasks WHERE run_id = ? AND name "
_REMEMBER = (
    "INSERT INTO step_cache (project, key, step, fingerprint, outputs, run_id, created_ms, "
    "recipe_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, key) DO UPDATE SET "
    "outputs = excluded.outputs, run_id = excluded.run_id, created_ms = excluded.created_ms, "
    "recipe_key = excluded.recipe_key"
)
_LAST = (
    "SELECT fingerprint FROM step_cache WHERE project = ? AND step = ? "
    "ORDER BY created_ms DESC LIMIT 1"
)


def look_up(sql: Sql, objects: ProjectObjects, project: str, wanted: Lookup) -> Found:
    """Earlier results, one query for all, those whose bytes are all there and sound."""
    results: list[Result] = []
    for column, keys in (("recipe_key", wanted.recipe_keys), ("key", wanted.keys)):
        if not keys:
            continue
        among, values = sql.among(keys)
        query = f"SELECT key, recipe_key, outputs FROM step_cache WHERE project = ? AND {column} {among}"  # noqa: S608
        results += [
            trusted(Result, key=key, recipe_key=recipe, outputs=_outputs(outputs))
            for key, recipe, outputs in sql.rows(query, project, values)
        ]
    before: dict[str, Fingerprint] = {}
    for step in wanted.steps:
        for (fingerprint,) in sql.rows(_LAST, project, step):
            before[step] = Fingerprint.model_validate(from_json(fingerprint))
    sound = sound_objects(objects, (one for found in results for one in found.outputs.values()))
    kept = tuple(
        found for found in results if all(one.digest in sound for one in found.outputs.values())
    )
    return Found(results=kept, before=before)


def sound_objects(objects: ProjectObjects, artifacts: Iterable[Artifact]) -> set[str]:
    """The digests of those artifacts whose bytes, and those of their parts, are there and sound."""
    wanted = {one.digest: one for one in artifacts}
    if not wanted:
        return set()
    here = objects.has_many(wanted)
    small = [key for key, one in wanted.items() if key in here and one.size <= _READ_TO_VERIFY]
    try:
        objects.read_many(small)
    except (MillwrightError, OSError):
        here -= {digest for digest in small if not _reads(objects, digest)}
    for digest in [digest for digest in here if wanted[digest].kind == "list"]:
        parts = Artifact.parts_of(objects.read(digest))
        if len(sound_objects(objects, parts)) < len({part.digest for part in parts}):
            here.discard(digest)
    return here


def remember(
    book: Book, run_id: str, changes: list[TaskChange], written: Mapping[str, Written]
) -> None:
    """Keep what steps made, in the transaction that finishes them.

    ``written``: what the tasks' own rows have, by task.
    """
    if not changes:
        return
    now = clock.now_ms()
    among, values = book.sql.among([change.task for change in changes])
    steps: dict[str, str] = dict(book.sql.rows(_STEPS + among, run_id, values))
    book.sql.many(_REMEMBER, [
        (book.project, change.cache_key, steps[change.task], *written[change.task], run_id, now,
         change.recipe_key)
        for change in changes
    ])  # fmt: skip


def written_of(change: TaskChange) -> Written:
    """The fingerprint and the outputs of a task as they stand in rows."""
    fingerprint = change.fingerprint
    return (
        None if fingerprint is None else as_json(fingerprint.stored()),
        stored_outputs(change.outputs),
    )


def stored_outputs(outputs: Mapping[str, Artifact]) -> str:
    """The outputs of a task as they stand in a row."""
    return str(as_json({name: artifact.stored() for name, artifact in outputs.items()}))


def _outputs(stored: object) -> dict[str, Artifact]:
    return {name: Artifact.loaded(one) for name, one in from_json(stored).items()}


def _reads(objects: ProjectObjects, digest: str) -> bool:
    try:
        objects.read(digest)
    except (MillwrightError, OSError):
        return False
    return True
