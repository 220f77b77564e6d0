"""Bytes that are on a remote only are fetched when somebody reads them."""

from __future__ import annotations

from pathlib import Path

from millwright.data.storage.definitions import read_definitions
from millwright.data.storage.opening import OpenedRemote, open_defined
from millwright.kernel.objects import ObjectStore, ProjectObjects
from millwright.kernel.objects.store import Fetcher
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.remotes.receiving import receive


def fetch_when_read(objects: ObjectStore, state: Path) -> None:
    """Let an object store look on the workspace's remotes for what it does not have.

    Nothing is opened before something is missing. What no remote has stays missing.
    """
    objects.fetcher = _fetcher(objects, state)


def _fetcher(objects: ObjectStore, state: Path) -> Fetcher:
    def fetch(project: str, chunks: list[bytes]) -> None:
        wanted = set(chunks)
        for definition in read_definitions(state):
            if wanted:
                opened = open_defined(state, definition, project)
                wanted -= _fetch(opened, objects.of(project), wanted)

    return fetch


def _fetch(opened: OpenedRemote, objects: ProjectObjects, wanted: set[bytes]) -> set[bytes]:
    catalogue = opened.catalogue()
    try:
        found = _known(catalogue, wanted)
        if found != wanted:
            catalogue.refresh()
            found = _known(catalogue, wanted)
        if found:
            receive(objects, catalogue, found, opened.staging)
        return found
    finally:
        catalogue.close()


def _known(catalogue: Catalogue, wanted: set[bytes]) -> set[bytes]:
    return set(catalogue.places(wanted)) | set(catalogue.recipes(wanted))
