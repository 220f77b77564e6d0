"""Artifacts by path: put, find, list, remove. Those of runs are the runs' own, for everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Table, and_, delete, insert, or_, select
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.store import Store, Transaction
from millwright.tracking.artifacts.paths import MAX_RUN_NAME, InRun, children, joined, run_place
from millwright.tracking.artifacts.tables import artifact_files
from millwright.tracking.mlflow.errors import absent, invalid
from millwright.tracking.tables import experiments, run_artifacts, runs

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a folder of artifacts: ``path`` below what was listed, size in bytes."""

    path: str
    is_dir: bool
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    """An artifact: how large it is, of what type, and its bytes when asked for."""

    size: int
    media_type: str
    blocks: Callable[[], Iterator[bytes]]


class Tree(Protocol):
    """A folder of artifacts that another room keeps, such as the packages of the registry."""

    def entries(self, store: Store, project: str, below: str) -> list[Entry]:
        """What lies directly below a path; empty where there is nothing."""

    def find(self, store: Store, project: str, path: str) -> Found | None:
        """The artifact with exactly this path."""


_trees: dict[str, Tree] = {}


def keeps(name: str, tree: Tree) -> None:
    """Say that a room keeps the folder of this name; nobody else can write into it."""
    _trees[name] = tree


def put(store: Store, actor: Actor, project: str, path: str, digest: str, media_type: str) -> None:
    """Name a stored object as the artifact of this path; the same path again replaces it.

    Raises:
        MlflowError: the path belongs to another room, or its name is too long for a run's.
    """
    if path.partition("/")[0] in _trees:
        raise invalid("Invalid path: this folder is kept by the model registry")
    size = store.objects.of(project).size(digest)
    values = {
        "digest": digest,
        "size": size,
        "media_type": media_type,
        "created_ms": clock.now_ms(),
    }
    with store.write(actor, project) as tx:
        place = _in_run(tx.connection, project, path)
        if place is not None:
            _put_in_run(tx, place, values)
            return
        table = artifact_files.c
        tx.execute(delete(artifact_files).where(table.project == project, table.path == path))
        tx.execute(insert(artifact_files).values(project=project, path=path, **values))
        payload = {"path": path, "digest": digest, "size": size}
        tx.event("artifact.put", f"artifact:{digest}", payload)


def find(store: Store, project: str, path: str) -> Found:
    """The artifact of a path.

    Raises:
        MlflowError: there is none.
    """
    top, _, below = path.partition("/")
    if top in _trees:
        found = _trees[top].find(store, project, below)
        if found is None:
            raise _unknown(path)
        return found
    with store.read() as connection:
        place = _in_run(connection, project, path)
        if place is not None:
            table = run_artifacts.c
            query = select(run_artifacts).where(table.run == place.run, table.name == place.name)
        else:
            files = artifact_files.c
            query = select(artifact_files).where(files.project == project, files.path == path)
        row = connection.execute(query).first()
    if row is None:
        raise _unknown(path)
    return stored(store, project, row)


def stored(store: Store, project: str, row: Row[Any]) -> Found:
    """What a row with a digest leads to."""

    def blocks() -> Iterator[bytes]:
        with store.objects.of(project).open(row.digest) as file:
            while block := file.read(BLOCK):
                yield block

    return Found(row.size, row.media_type, blocks)


def entries(store: Store, project: str, below: str) -> list[Entry]:
    """What lies directly below a path, folders and files by name."""
    top, _, rest = below.partition("/")
    if top in _trees:
        return _trees[top].entries(store, project, rest)
    with store.read() as connection:
        place = _in_run(connection, project, below, root=True)
        if place is not None:
            known = _sizes(connection, run_artifacts, "name", place.name, run=place.run)
            inside = place.name
        else:
            known = _sizes(connection, artifact_files, "path", below, project=project)
            inside = below
    return [Entry(name, is_dir, size) for name, is_dir, size in children(known, inside)]


def digests_below(store: Store, project: str, path: str) -> dict[str, str]:
    """The digests of all artifacts of a folder by their names in it, but for what other rooms keep."""
    with store.read() as connection:
        place = _in_run(connection, project, path, root=True)
        if place is not None:
            table, column, folder = run_artifacts, run_artifacts.c.name, place.name
            mine = table.c.run == place.run
        else:
            table, column, folder = artifact_files, artifact_files.c.path, path
            mine = table.c.project == project
        query = select(column, table.c.digest).where(mine, _at_or_below(column, folder))
        known = connection.execute(query).all()
    return {name[len(folder) :].lstrip("/") or name: digest for name, digest in known}


def remove(store: Store, actor: Actor, project: str, path: str) -> int:
    """Remove an artifact, or every artifact below a folder; how many there were.

    The bytes go when nothing else refers to them and the garbage is collected.

    Raises:
        MlflowError: the folder is kept by another room.
    """
    if path.partition("/")[0] in _trees:
        raise invalid("Invalid path: this folder is kept by the model registry")
    with store.write(actor, project) as tx:
        place = _in_run(tx.connection, project, path, root=True)
        if place is not None:
            name = run_artifacts.c.name
            mine = and_(run_artifacts.c.run == place.run, _at_or_below(name, place.name))
            gone = tx.execute(delete(run_artifacts).where(mine)).rowcount
            subject = f"run:{place.run}"
        else:
            mine = and_(
                artifact_files.c.project == project, _at_or_below(artifact_files.c.path, path)
            )
            gone = tx.execute(delete(artifact_files).where(mine)).rowcount
            subject = f"artifact-path:{path}"[:200]
        if gone:
            tx.event("artifact.removed", subject, {"path": path, "count": gone})
        return int(gone)


def artifact_root(connection: Connection, project: str, run: str) -> str | None:
    """Where MLflow clients put the artifacts of a run; None for an unknown run."""
    query = (
        select(experiments.c.id, experiments.c.artifact_location)
        .join(runs, runs.c.experiment_no == experiments.c.no)
        .where(runs.c.id == run, runs.c.project == project)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return joined(location_of(row).rstrip("/"), run, "artifacts")


def location_of(experiment: Any) -> str:
    """Where the artifacts of an experiment are, given its row."""
    return experiment.artifact_location or f"mlflow-artifacts:/{experiment.id}"


def path_of(uri: str) -> str | None:
    """The path below ``mlflow-artifacts:`` that a URI names; None for any other place.

    >>> path_of("mlflow-artifacts:/0/abc/artifacts"), path_of("s3://bucket/x")
    ('0/abc/artifacts', None)
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme != "mlflow-artifacts":
        return None
    if rest.startswith("//"):
        return rest[2:].partition("/")[2]
    return rest.lstrip("/")


def _put_in_run(tx: Transaction, place: InRun, values: dict[str, Any]) -> None:
    if not place.name:
        raise invalid("Invalid path")
    if len(place.name) > MAX_RUN_NAME:
        raise invalid(f"Invalid path: a run's artifact name has at most {MAX_RUN_NAME} characters")
    table = run_artifacts.c
    tx.execute(delete(run_artifacts).where(table.run == place.run, table.name == place.name))
    tx.execute(insert(run_artifacts).values(run=place.run, name=place.name, **values))
    node = f"run:{place.run}"
    payload = {"name": place.name, "digest": values["digest"], "size": values["size"]}
    edges = [(node, f"artifact:{values['digest']}")]
    tx.event("run.artifact-logged", node, payload, edges=edges)


def _in_run(connection: Connection, project: str, path: str, *, root: bool = False) -> InRun | None:
    place = run_place(path)
    if place is None or not (place.name or root):
        return None
    query = select(runs.c.id).where(runs.c.id == place.run, runs.c.project == project)
    return place if connection.execute(query).first() is not None else None


def _sizes(
    connection: Connection, table: Table, column: str, below: str, **mine: str
) -> dict[str, int]:
    name = table.c[column]
    query = select(name, table.c.size).where(*(table.c[k] == v for k, v in mine.items()))
    if below:
        query = query.where(name.startswith(f"{below}/", autoescape=True))
    return {row[0]: row[1] for row in connection.execute(query)}


def _at_or_below(column: Any, path: str) -> Any:
    if not path:
        return column.is_not(None)
    return or_(column == path, column.startswith(f"{path}/", autoescape=True))


def _unknown(path: str) -> Exception:
    return absent(f"No such artifact: '{path[:300]}'")
