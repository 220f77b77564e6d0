"""Telling a server what a run logged, now or when it is back."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from millwright.kernel.door import Door, connect
from millwright.kernel.errors import MillwrightError, NotFound, Unavailable
from millwright.kernel.record import Record
from millwright.kernel.workspace import Workspace
from millwright.tracking import client
from millwright.tracking.records import RunStatus
from millwright.tracking.unsent import Entry, Unsent, left_behind


class Synced(Record):
    """What became of the files that earlier runs left."""

    sent: tuple[str, ...]
    """Ids of the runs whose files were taken whole."""
    waiting: tuple[str, ...]
    """Ids of the runs whose files still wait: their server does not answer, or is another one."""
    refused: tuple[str, ...]
    """What the server refused for good, as sentences."""


def tell(door: Door, run: str, entries: Sequence[Entry]) -> None:
    """Tell the server some entries of a run, in order."""
    for entry in entries:
        if entry.what == "metrics":
            client.log_metrics(door, run, entry.points)
        elif entry.what == "params":
            client.log_params(door, run, entry.values)
        elif entry.what == "tags":
            client.set_tags(door, run, {key: str(value) for key, value in entry.values.items()})
        elif entry.what == "inputs":
            client.log_inputs(door, run, list(entry.values))
        else:
            status = cast("RunStatus", entry.values["status"])
            error = entry.values.get("error")
            client.end_run(door, run, status, error=None if error is None else str(error))


def moved(door: Door) -> Door | None:
    """A door to the workspace's control plane where it answers at another address by now."""
    try:
        address = Workspace.find().running_url()
    except NotFound:
        return None
    return connect(url=address) if address is not None and address != door.url else None


def sync(door: Door, folder: Path) -> Synced:
    """Send what earlier runs left in a folder, as far as it is meant for this server."""
    sent, waiting, refused = [], [], []
    for path, url in left_behind(folder):
        run = path.stem
        if not _meant_for(door, url):
            waiting.append(run)
            continue
        file = Unsent(path, url)
        try:
            for entry in file.entries():
                try:
                    tell(door, run, [entry])
                except Unavailable:
                    raise
                except MillwrightError as refusal:
                    refused.append(f"{run}: {refusal}")
            file.clear()
            sent.append(run)
        except Unavailable:
            waiting.append(run)
        file.close()
    return Synced(sent=tuple(sent), waiting=tuple(waiting), refused=tuple(refused))


def sync_aside(door: Door, folder: Path) -> None:
    """As ``sync``, in a thread that nobody waits for; nothing where nothing was left."""
    if any(folder.glob("*.jsonl")):
        threading.Thread(
            target=_quietly, args=(door, folder), name="run-log-sync", daemon=True
        ).start()


def _quietly(door: Door, folder: Path) -> None:
    try:
        sync(door, folder)
    except (MillwrightError, OSError, RuntimeError):
        # It is there for the next run, or for: mw runs sync
        return


def _meant_for(door: Door, url: str | None) -> bool:
    """Servers of this machine stand for the workspace, wherever they listen; others for themselves."""
    local = ("http://127.0.0.1", "http://localhost", "http://[::1]")
    here = door.url is None or door.url.startswith(local)
    return url == door.url or (here and (url is None or url.startswith(local)))
