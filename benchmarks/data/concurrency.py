"""Eight writers, a hundred commits each, at once: none is lost, none fails.

    python benchmarks/data/concurrency.py --database sqlite
    python benchmarks/data/concurrency.py --database postgresql
    python benchmarks/data/concurrency.py --remote

On a database, eight processes commit versions of one dataset through the service. On a remote (an S3
by moto's server), eight workspaces keep a version and push it, turn after turn, to the same head.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2] / "tests"), str(Path(__file__).parent)]
from crash import ACTOR, PROJECT, keep  # noqa: E402

import postgres_server  # noqa: E402
import s3_server  # noqa: E402
from millwright.data import service, trees  # noqa: E402
from millwright.data.records import NewVersion  # noqa: E402
from millwright.data.storage import embedded  # noqa: E402
from millwright.data.storage.definitions import (  # noqa: E402
    checked_definition,
    keep_definition,
)
from millwright.data.storage.head_store import RemoteHeads  # noqa: E402
from millwright.data.storage.opening import open_defined, probed  # noqa: E402
from millwright.data.tree_store import TreeStore  # noqa: E402
from millwright.data.trees import Entry, Kind  # noqa: E402
from millwright.data.working.place import Place  # noqa: E402
from millwright.kernel import events  # noqa: E402
from millwright.kernel.workspace import Workspace  # noqa: E402
from millwright.server.opening import open_store  # noqa: E402


@dataclass(frozen=True)
class Outcome:
    """What came of it; ``kept`` should be writers times commits, and ``failed`` 0."""

    writers: int
    commits: int
    kept: int
    numbers_in_order: bool
    failed: int
    wall_seconds: float
    cpu_seconds: float


def on_database(root: Path, writers: int = 8, commits: int = 100) -> Outcome:
    """Commit at once to the database of a workspace (``MILLWRIGHT_DATABASE_URL`` counts)."""
    open_store(Workspace(root)).close()
    failed, wall, cpu = _at_once(_commit, [(root, n, commits) for n in range(writers)])
    store = open_store(Workspace(root))
    found = service.list_versions(store, PROJECT, "shared")
    with store.read() as connection:
        chain = events.verify(connection)
    store.close()
    numbers = sorted(version.version for version in found)
    in_order = numbers == list(range(1, len(numbers) + 1)) and chain.ok
    kept = len({version.digest for version in found})
    return Outcome(writers, commits, kept, in_order, failed, wall, cpu)


def on_remote(root: Path, endpoint: str, writers: int = 8, commits: int = 100) -> Outcome:
    """Keep and push at once from several workspaces to one S3."""
    address = f"s3://bucket/{root.name}"
    for number in range(writers):
        _workspace(root / f"w{number}", address, endpoint)
    failed, wall, cpu = _at_once(_push, [(root / f"w{n}", n, commits) for n in range(writers)])
    reader = _workspace(root / "reader", address, endpoint)
    definition = embedded.possible(reader, None)
    assert definition is not None
    opened = open_defined(reader.state, definition, PROJECT)
    (head,) = RemoteHeads(opened.remote, opened.prefix).all()
    numbers = sorted(row["version"] for row in head.versions.values())
    in_order = numbers == list(range(1, len(numbers) + 1))
    found = embedded.fetch_here(reader, definition, (), every=True, jobs=4, tell=None)
    assert found is not None
    assert reader.objects.verify() == []
    kept = len({row["digest"] for row in head.versions.values()})
    return Outcome(writers, commits, kept, in_order, failed, wall, cpu)


def _commit(root: Path, number: int, commits: int) -> None:
    store = open_store(Workspace(root))
    objects = store.objects.of(PROJECT)
    for turn in range(commits):
        content = b"writer %d commit %d" % (number, turn)
        entry = Entry(Kind.FILE, len(content), bytes.fromhex(objects.put(content)))
        tree = TreeStore(objects).keep(trees.build({b"file": entry}))
        request = NewVersion(kind="files", digest=tree)
        service.commit_version(store, ACTOR, PROJECT, "shared", request)
    store.close()


def _push(root: Path, number: int, commits: int) -> None:
    place = Place(Workspace(root), PROJECT)
    definition = embedded.possible(place, None)
    assert definition is not None
    for turn in range(commits):
        keep(place, "shared", number * 1000 + turn)
        embedded.push_here(place, definition, (), every=False, jobs=2, tell=None)


def _workspace(root: Path, address: str, endpoint: str) -> Place:
    workspace = Workspace(root)
    workspace.folder()
    place = Place(workspace, PROJECT)
    wanted = checked_definition(root, "origin", address, endpoint, None, default=True)
    keep_definition(place.state, probed(wanted))
    return place


def _at_once(work: object, each: list[tuple[object, ...]]) -> tuple[int, float, float]:
    context = multiprocessing.get_context("spawn")
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    children = [context.Process(target=work, args=arguments) for arguments in each]  # type: ignore[arg-type]
    for child in children:
        child.start()
    for child in children:
        child.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return sum(child.exitcode != 0 for child in children), time.monotonic() - started, cpu


def main() -> None:
    """Run one campaign and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    parser.add_argument("--remote", action="store_true")
    parser.add_argument("--commits", type=int, default=100)
    arguments = parser.parse_args()
    # Permission bits only: a temporary folder that holds immutable files cannot be removed.
    os.environ |= s3_server.ENVIRONMENT | {"MILLWRIGHT_PROTECT": "mode"}
    with tempfile.TemporaryDirectory(prefix="mw-writers-") as folder:
        root = Path(folder)
        if arguments.remote:
            with s3_server.running() as endpoint:
                s3_server.make_bucket(endpoint, "bucket")
                found = on_remote(root, endpoint, commits=arguments.commits)
        elif arguments.database == "postgresql":
            with postgres_server.running() as url:
                os.environ["MILLWRIGHT_DATABASE_URL"] = url
                found = on_database(root, commits=arguments.commits)
        else:
            found = on_database(root, commits=arguments.commits)
    print(json.dumps(asdict(found), indent=2))
    sys.exit(bool(found.failed or found.kept != found.writers * found.commits))


if __name__ == "__main__":
    main()
