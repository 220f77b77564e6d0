"""Kill -9 at random instants of add, push and gc, also on the remote: nothing is lost or leaks.

    python benchmarks/data/crash.py --kills 200
    python benchmarks/data/crash.py --kills 50 --database postgresql
    python benchmarks/data/crash.py --every-step --database postgresql

A child process adds versions (by turns copied and linked), writes garbage, pushes and collects
garbage, and says after each version that it is kept. It is killed after a random time, again and
again. Then every version that was acknowledged is read and compared, every byte is verified, here and
as another workspace fetches it, and after a last garbage collection no chunk is left that nothing
refers to, and no stray file.
With ``--every-step`` nothing is random: a child does one thing of each kind in a fixed order and is
killed before its first system call or statement that changes anything, the next before its second, and
so on until one comes to the end.
On SQLite versions are kept beside the door, through the journal; on PostgreSQL through the service.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import postgres_server
from millwright.data import trees
from millwright.data.records import NewVersion
from millwright.data.service import commit_version, take_journal
from millwright.data.storage import embedded, fsck, garbage, transfer_service
from millwright.data.storage.definitions import checked_definition, find_definition, keep_definition
from millwright.data.storage.head_store import RemoteHeads
from millwright.data.storage.known_versions import known_versions
from millwright.data.storage.marking import live_of
from millwright.data.storage.opening import OpenedRemote, open_defined, probed
from millwright.data.storage.records import FsckRequest, GarbageRequest, Transfer
from millwright.data.storage.remote_garbage import collect_remote
from millwright.data.storage.versions_service import all_versions
from millwright.data.tree_store import TreeStore
from millwright.data.trees import Entry, Kind
from millwright.data.working.journal import Journal, Known
from millwright.data.working.place import Place
from millwright.kernel.access import Actor, Role
from millwright.kernel.errors import MillwrightError
from millwright.kernel.ids import new_id
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store

ACTOR = Actor("campaign", Role.ADMIN)
PROJECT = "p"
_SYSTEM = frozenset(
    [
        "fdatasync",
        "fsync",
        "write",
        "writev",
        "ftruncate",
        "truncate",
        "unlink",
        "link",
        "rename",
        "replace",
        "mkdir",
        "fchmod",
        "flock",
    ]
)
"""Calls into the system before which a child is killed, one after the other."""
_SQLITE = frozenset(["execute", "executemany", "executescript", "commit"])
"""Those into SQLite."""
_WAITING = frozenset(["execute", "commit", "wait"])
"""Those into PostgreSQL's client: before a statement, and before its answer."""


@dataclass(frozen=True)
class Outcome:
    """What a campaign found; ``lost``, ``damaged`` and ``leaked`` should be 0."""

    kills: int
    acknowledged: int
    lost: int
    damaged: int
    leaked: int
    fetched_elsewhere: int
    cpu_seconds: float


def run(root: Path, kills: int, seed: int = 1, longest_seconds: float = 0.25) -> Outcome:
    """Kill children so many times in workspaces below ``root``, then look at everything."""
    os.environ["MILLWRIGHT_PROTECT"] = "mode"
    here = _workspace(root / "here")
    _add_remote(here, root / "remote")
    chance, acknowledged = random.Random(seed), []
    started = time.process_time()
    for turn in range(kills):
        pause = chance.uniform(0, longest_seconds)
        acknowledged += _killed_child(here, seed * 1000 + turn, chance.randint(0, 2), pause)
    lost, damaged, leaked = _inspected(here, acknowledged)
    fetched = _fetched_elsewhere(root)
    return Outcome(
        kills, len(acknowledged), lost, damaged, leaked, fetched, time.process_time() - started
    )


def run_every_step(root: Path, first: int, last: int) -> Outcome:
    """Kill children before each step of a fixed turn, from one step to another, then look."""
    os.environ["MILLWRIGHT_PROTECT"] = "mode"
    here = _workspace(root / "here")
    _add_remote(here, root / "remote")
    acknowledged, started, step, ended = [], time.process_time(), first, False
    while not ended and step < last:
        said, ended = _stopped_child(here, step)
        acknowledged += said
        step += 1
    lost, damaged, leaked = _inspected(here, acknowledged)
    fetched = _fetched_elsewhere(root)
    kills = step - first - ended
    return Outcome(
        kills, len(acknowledged), lost, damaged, leaked, fetched, time.process_time() - started
    )


def _stopped_child(place: Place, step: int) -> tuple[list[tuple[str, int]], bool]:
    """Let a child do one turn and kill it before a step; what it acknowledged, and whether it
    came to the end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _turn(place, step, writing)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        lines = said.read().split(b"\n")[:-1]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the turn that was to end before step {step} failed")
    return [(line.split()[0].decode(), int(line.split()[1])) for line in lines], status == 0


def _turn(place: Place, step: int, say: int) -> None:
    """One of each: versions copied and linked, garbage, a push, both collections, a version more."""
    place = Place(Workspace(place.root), PROJECT)
    chance = random.Random(step)
    store = open_store(place.workspace)
    place.__dict__["objects"] = store.objects.of(PROJECT)
    no_grace = GarbageRequest.model_construct(dry_run=False, grace_seconds=-2.0)
    _die_before(step)
    for number in range(3):
        seed = step * 10 + number
        version_id = _kept(store, place, seed)
        os.write(say, f"{version_id} {seed}\n".encode())
        if number == 0:
            place.objects.put_many([chance.randbytes(2_000) for _ in range(20)])
            transfer_service.push_versions(store, ACTOR, PROJECT, Transfer())
        elif number == 1:
            garbage.collect(store, ACTOR, PROJECT, no_grace)
            collect_there(place, place.objects)
    sys.setprofile(None)


def _die_before(step: int) -> None:
    """Kill this process before so many more steps that change files or databases."""
    left = step

    def watch(frame: FrameType, event: str, what: object) -> None:
        nonlocal left
        if event == "c_call":
            name, owner = getattr(what, "__name__", ""), getattr(what, "__self__", None)
            module = getattr(what, "__module__", None) or type(owner).__module__
            counts = (name in _SYSTEM and module in ("posix", "fcntl")) or (
                name in _SQLITE and module == "sqlite3"
            )
        else:
            code = frame.f_code
            counts = event == "call" and code.co_name in _WAITING and "psycopg" in code.co_filename
        if counts:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def files_of(seed: int) -> dict[str, bytes]:
    """The files of a version: some small and shared with others, one that is cut into chunks."""
    chance = random.Random(seed)
    shared = random.Random(seed % 5)
    return {
        **{f"folder/{n}": shared.randbytes(500 + n) for n in range(20)},
        "own": chance.randbytes(3_000),
        "large": random.Random(7).randbytes(200_000) + chance.randbytes(60_000),
    }


def _killed_child(place: Place, seed: int, patience: int, seconds: float) -> list[tuple[str, int]]:
    """Start a child and kill it some seconds after so many acknowledged versions."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _work(place, seed, writing)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        # From the moment that it works, not that it starts.
        said.readline()
        heard = b"".join(said.readline() for _ in range(patience))
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lines = (heard + said.read()).split(b"\n")[:-1]
    return [(line.split()[0].decode(), int(line.split()[1])) for line in lines]


def _work(place: Place, seed: int, say: int) -> None:
    place = Place(Workspace(place.root), PROJECT)
    chance = random.Random(seed)
    store = open_store(place.workspace)
    place.__dict__["objects"] = store.objects.of(PROJECT)
    os.write(say, b"ready\n")
    number = 0
    while True:
        number += 1
        what = chance.random()
        if what < 0.5:
            version_id = _kept(store, place, seed * 100 + number)
            os.write(say, f"{version_id} {seed * 100 + number}\n".encode())
        elif what < 0.65:
            place.objects.put_many([chance.randbytes(2_000) for _ in range(20)])
        elif what < 0.82:
            transfer_service.push_versions(store, ACTOR, PROJECT, Transfer())
        elif what < 0.9:
            collect_there(place, place.objects)
        else:
            # Nobody else writes, so no grace is needed: the harder test.
            request = GarbageRequest.model_construct(dry_run=False, grace_seconds=-2.0)
            garbage.collect(store, ACTOR, PROJECT, request)


def collect_there(place: Place, objects: ProjectObjects) -> OpenedRemote:
    """Collect garbage on the remote without any grace: nobody else pushes."""
    opened = open_defined(place.state, find_definition(place.state, None), PROJECT)
    heads = RemoteHeads(opened.remote, opened.prefix)
    collect_remote(opened, heads, objects, grace_seconds=-2.0, dry_run=False)
    return opened


def _kept(store: Store, place: Place, seed: int) -> str:
    if not os.environ.get("MILLWRIGHT_DATABASE_URL"):
        return keep(place, "shared", seed).id
    digest = tree_of(place, files_of(seed), link=bool(seed % 2))
    request = NewVersion(kind="files", digest=digest)
    return commit_version(store, ACTOR, PROJECT, "shared", request).id


def tree_of(place: Place, files: dict[str, bytes], *, link: bool = False) -> str:
    """Store files, copied or linked, and the folder that they make; its digest."""
    if link:
        folder = place.root / "files" / new_id()
        (folder / "folder").mkdir(parents=True)
        for path, content in files.items():
            (folder / path).write_bytes(content)
        kept = place.objects.link_files([str(folder / path) for path in files], earlier={})
        digests = [digest.hex() for digest, _ in kept]
    else:
        digests = place.objects.put_many(files.values())
    entries = {
        path.encode(): Entry(Kind.FILE, len(content), bytes.fromhex(digest))
        for (path, content), digest in zip(files.items(), digests, strict=True)
    }
    return TreeStore(place.objects).keep(trees.build(entries))


def keep(place: Place, name: str, seed: int) -> Known:
    """Keep the files of a seed as the next version of a dataset."""
    files = files_of(seed)
    root = tree_of(place, files, link=bool(seed % 2))
    journal = Journal(place.state)
    with journal.alone():
        rows, _ = known_versions(place.state, PROJECT)
        newest = max((row["version"] for row in rows if row["name"] == name), default=0)
        version = Known(
            id=new_id(), project=PROJECT, name=name, version=newest + 1, kind="files",
            digest=root, size=sum(map(len, files.values())), files=len(files), parents=(),
            branch="main", message="", source="", created_ms=newest + 1, created_by="campaign",
        )  # fmt: skip
        journal.append(version)
    journal.close()
    return version


def _inspected(place: Place, acknowledged: list[tuple[str, int]]) -> tuple[int, int, int]:
    store = open_store(place.workspace)
    objects = store.objects.of(PROJECT)
    place.__dict__["objects"] = objects
    take_journal(store)
    rows, _ = all_versions(store, PROJECT)
    by_id = {row["id"]: row for row in rows}
    lost = 0
    for version_id, seed in acknowledged:
        row = by_id.get(version_id)
        if row is None or not _holds(place, row["digest"], seed):
            lost += 1
    request = GarbageRequest.model_construct(dry_run=False, grace_seconds=-2.0)
    garbage.collect(store, ACTOR, PROJECT, request)
    report = fsck.check(store, ACTOR, PROJECT, FsckRequest())
    live = live_of(store, PROJECT)
    leaked = sum(chunk.id not in live.chunks for chunk in objects.chunks())
    orphans = objects.orphans()
    leaked += len(orphans.links) + len(orphans.packs) + len(orphans.temporary)
    leaked += _leaked_there(collect_there(place, objects))
    damaged = len(report.damaged) + len(report.missing)
    with store.read() as connection:
        from millwright.kernel import events

        damaged += not events.verify(connection).ok
    store.close()
    return lost, damaged, leaked


def _leaked_there(opened: OpenedRemote) -> int:
    """Packs of the remote that its catalogue does not tell of, or that it tells of in vain."""
    catalogue = opened.catalogue()
    catalogue.refresh()
    known = {catalogue.pack_key(name) for name in catalogue.packs()}
    catalogue.close()
    return len(known ^ {entry.key for entry in opened.remote.list(f"{opened.prefix}packs/")})


def _fetched_elsewhere(root: Path) -> int:
    """How many versions another workspace gets from the remote, every byte verified."""
    os.environ.pop("MILLWRIGHT_DATABASE_URL", None)
    there = _workspace(root / "there")
    _add_remote(there, root / "remote")
    definition = embedded.possible(there, None)
    assert definition is not None
    found = embedded.fetch_here(there, definition, (), every=True, jobs=2, tell=None)
    assert found is not None
    assert there.objects.verify() == []
    for row in known_versions(there.state, PROJECT)[0]:
        _read(there, row["digest"])
    return len(found.versions)


def _holds(place: Place, root: str, seed: int) -> bool:
    try:
        return _read(place, root) == files_of(seed)
    except MillwrightError:
        return False


def _read(place: Place, root: str) -> dict[str, bytes]:
    nodes = TreeStore(place.objects)
    walked = trees.walk(nodes, bytes.fromhex(root))
    return {path.decode(): place.objects.read(entry.hex) for path, entry in walked}


def _workspace(root: Path) -> Place:
    workspace = Workspace(root)
    workspace.folder()
    return Place(workspace, PROJECT)


def _add_remote(place: Place, folder: Path) -> None:
    wanted = checked_definition(place.root, "origin", str(folder), None, None, default=True)
    keep_definition(place.state, probed(wanted))


def main() -> None:
    """Run a campaign and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--every-step", action="store_true")
    parser.add_argument("--first", type=int, default=0, help="Where --every-step begins.")
    parser.add_argument("--last", type=int, default=1_000_000, help="Where it ends.")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mw-crash-"))
        if arguments.database == "postgresql":
            os.environ["MILLWRIGHT_DATABASE_URL"] = stack.enter_context(postgres_server.running())
        if arguments.every_step:
            found = run_every_step(Path(folder), arguments.first, arguments.last)
        else:
            found = run(Path(folder), arguments.kills, arguments.seed)
    print(json.dumps(asdict(found), indent=2))
    sys.exit(bool(found.lost or found.damaged or found.leaked))


if __name__ == "__main__":
    main()
