"""Transfers in the log: each push and fetch that moved or told something is an event.

One that ran beside the door writes a line into a small file (``transfers.jsonl``), durable on return;
whatever opens the door next takes the lines in, each exactly once by its id.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from millwright.kernel.ids import new_id
from millwright.kernel.locks import exclusive

if TYPE_CHECKING:
    from millwright.kernel.store import Store, Transaction

_FILE = "transfers.jsonl"
_NAMED = 100


@dataclass(frozen=True, slots=True)
class TransferNote:
    """What one push or fetch did."""

    id: str
    project: str
    remote: str
    way: str
    """``push`` or ``fetch``."""
    versions: tuple[str, ...]
    """References, the first hundred."""
    count: int
    chunks: int
    size: int
    """Bytes that were moved."""
    created_ms: int


def transfer_note(
    project: str, remote: str, way: str, versions: Sequence[str], chunks: int, size: int
) -> TransferNote:
    """A note of a transfer that ends now."""
    now = time.time_ns() // 1_000_000
    named = tuple(versions[:_NAMED])
    return TransferNote(new_id(), project, remote, way, named, len(versions), chunks, size, now)


def note_beside_the_door(state: Path, note: TransferNote) -> None:
    """Keep a note until the door is opened; durable on return."""
    line = json.dumps(asdict(note)).encode() + b"\n"
    with exclusive(state / "transfers.lock"):
        handle = os.open(state / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # After a kill within a line, the rest of it ends where the next begins.
            end = os.lseek(handle, 0, os.SEEK_END)
            torn = end > 0 and os.pread(handle, 1, end - 1) != b"\n"
            os.write(handle, b"\n" + line if torn else line)
            os.fsync(handle)
        finally:
            os.close(handle)


def take_transfers(store: Store) -> int:
    """Enter the notes of transfers that ran beside the door; how many were new."""
    path = store.workspace.state / _FILE
    if not path.exists() or not path.stat().st_size:
        return 0
    from millwright.kernel.access import Actor, Role

    taken = 0
    with exclusive(store.workspace.state / "transfers.lock"):
        for line in path.read_bytes().splitlines():
            note = _parsed(line)
            if note is None:
                continue
            with store.write(Actor("local", Role.EDITOR), note.project) as tx:
                taken += record_transfer(tx, note)
        os.truncate(path, 0)
    return taken


def record_transfer(tx: Transaction, note: TransferNote) -> bool:
    """Enter a transfer with its event; False where it is known."""
    from sqlalchemy import insert, select

    from millwright.data.storage.tables import transfers

    if tx.execute(select(transfers.c.id).where(transfers.c.id == note.id)).first() is not None:
        # Taken before a kill that came before the file was emptied.
        return False
    row = {
        "id": note.id,
        "project": note.project,
        "remote": note.remote,
        "way": note.way,
        "versions": note.count,
        "chunks": note.chunks,
        "size": note.size,
        "created_ms": note.created_ms,
        "created_by": tx.actor.name,
    }
    tx.execute(insert(transfers).values(row))
    payload = {
        "transfer": note.id,
        "versions": list(note.versions),
        "count": note.count,
        "chunks": note.chunks,
        "size": note.size,
    }
    done = "pushed" if note.way == "push" else "fetched"
    tx.event(f"dataset.versions-{done}", f"remote:{note.remote}", payload)
    return True


def _parsed(line: bytes) -> TransferNote | None:
    try:
        raw = json.loads(line)
        return TransferNote(**{**raw, "versions": tuple(raw["versions"])})
    except (ValueError, TypeError, KeyError):
        return None
