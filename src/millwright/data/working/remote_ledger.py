"""The ledger of a workspace whose metadata are elsewhere: another database, another machine."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

from millwright.data import trees
from millwright.data.trees import Kind
from millwright.data.working.journal import Known
from millwright.data.working.ledger import Draft
from millwright.data.working.place import Place
from millwright.kernel.clock import parse_rfc3339
from millwright.kernel.door import Door, connect
from millwright.kernel.errors import NotFound


class DoorLedger:
    """Versions through the door; with another machine's server, the bytes go there too."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def versions(self, name: str) -> list[Known]:
        """As ``Ledger`` says."""
        with connect(self._place.workspace) as door:
            try:
                return [_known(one) for one in door.get(f"{self._path(name)}/versions")]
            except NotFound:
                return []

    def refs(self, name: str) -> dict[str, str]:
        """As ``Ledger`` says."""
        with connect(self._place.workspace) as door:
            found = door.get(f"{self._path(name)}/refs")
        return {one["ref"]: one["version_id"] for one in found if one["updated_at"]}

    def branches(self, name: str) -> set[str]:
        """As ``Ledger`` says."""
        with connect(self._place.workspace) as door:
            found = door.get(f"{self._path(name)}/refs")
        return {one["ref"] for one in found if one["kind"] == "branch"}

    def names(self) -> list[str]:
        """As ``Ledger`` says."""
        with connect(self._place.workspace) as door:
            found = door.get(f"/projects/{self._place.project}/datasets")
        return [one["name"] for one in found]

    def keep(self, draft: Draft) -> tuple[Known, bool]:
        """As ``Ledger`` says."""
        request: dict[str, Any] = {
            "digest": draft.root.hex(),
            "kind": "files",
            "source": draft.source[:1000],
            "branch": draft.branch,
            "parents": draft.parents,
            "message": draft.message,
        }
        with connect(self._place.workspace) as door:
            if "MILLWRIGHT_URL" in os.environ:
                self._upload(door, draft.root)
            before = self._newest(door, draft.name)
            kept = _known(door.post(f"{self._path(draft.name)}/versions", request))
        return kept, kept.version > before

    def _newest(self, door: Door, name: str) -> int:
        try:
            return int(door.get(f"{self._path(name)}/versions")[0]["version"])
        except NotFound:
            return 0

    def _upload(self, door: Door, root: bytes) -> None:
        """Send what the server has not: files first, then the manifest's nodes."""
        objects, nodes = self._place.objects, self._place.trees
        wanted = [entry.hex for _, entry in trees.walk(nodes, root) if entry.kind != Kind.FOLDER]
        wanted += [digest.hex() for digest in trees.node_digests(nodes, root)]
        for digest in dict.fromkeys(wanted):
            door.upload(self._place.project, objects.local_path(digest))

    def _path(self, name: str) -> str:
        return f"/projects/{self._place.project}/datasets/{name}"


def _known(found: dict[str, Any]) -> Known:
    values: dict[str, Any] = {field.name: found.get(field.name) for field in fields(Known)}
    values["created_ms"] = parse_rfc3339(found["created_at"])
    values["parents"] = tuple(found["parents"])
    return Known(**values)
