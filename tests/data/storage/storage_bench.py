"""A workspace with versions in it, as the tests of storage use it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from millwright.data import trees
from millwright.data.storage import embedded
from millwright.data.storage.definitions import checked_definition, keep_definition
from millwright.data.storage.known_versions import known_versions
from millwright.data.storage.opening import OpenedRemote, open_defined, probed
from millwright.data.trees import Entry, Kind
from millwright.data.working.journal import Journal, Known
from millwright.data.working.place import Place
from millwright.kernel.ids import new_id

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Bench:
    """A workspace to work in."""

    place: Place

    def keep(self, name: str, files: Files) -> Known:
        """Keep files as the next version of a dataset."""
        digests = self.place.objects.put_many(files.values())
        entries = {
            path.encode(): Entry(Kind.FILE, len(content), bytes.fromhex(digest))
            for (path, content), digest in zip(files.items(), digests, strict=True)
        }
        root = self.place.trees.keep(trees.build(entries))
        journal = Journal(self.place.state)
        with journal.alone():
            rows, _ = known_versions(self.place.state, self.place.project)
            mine = sorted(
                (row for row in rows if row["name"] == name), key=lambda row: row["version"]
            )
            version = Known(
                id=new_id(),
                project=self.place.project,
                name=name,
                version=mine[-1]["version"] + 1 if mine else 1,
                kind="files",
                digest=root,
                size=sum(map(len, files.values())),
                files=len(files),
                parents=(mine[-1]["id"],) if mine else (),
                branch="main",
                message="",
                source="",
                created_ms=len(rows) + 1,
                created_by="tester",
            )
            journal.append(version)
        journal.close()
        return version

    def remote(
        self,
        address: str,
        *,
        name: str = "origin",
        endpoint: str | None = None,
        key: str | None = None,
    ) -> OpenedRemote:
        """Add a remote."""
        root = self.place.root
        wanted = checked_definition(root, name, address, endpoint, key, default=False)
        kept = keep_definition(self.place.state, probed(wanted))
        return open_defined(self.place.state, kept, self.place.project)

    def push(self, *references: str, every: bool = False) -> embedded.Pushed:
        definition = embedded.possible(self.place, None)
        assert definition is not None
        return embedded.push_here(
            self.place, definition, references, every=every, jobs=2, tell=None
        )

    def fetch(self, *references: str, every: bool = False) -> embedded.Fetched:
        definition = embedded.possible(self.place, None)
        assert definition is not None
        found = embedded.fetch_here(
            self.place, definition, references, every=every, jobs=2, tell=None
        )
        assert found is not None
        return found

    def files(self, name: str, number: int | None = None) -> dict[str, bytes]:
        """The files of a version, the newest if none is named, read from the store."""
        rows, _ = known_versions(self.place.state, self.place.project)
        mine = {row["version"]: row for row in rows if row["name"] == name}
        row = mine[number or max(mine)]
        walked = trees.walk(self.place.trees, bytes.fromhex(row["digest"]))
        return {path.decode(): self.place.objects.read(entry.hex) for path, entry in walked}


def random_files(count: int, size: int, seed: int = 1) -> dict[str, bytes]:
    """Files of random bytes, the same for the same seed."""
    source = random.Random(seed)
    return {f"folder-{n % 7}/file-{n}": source.randbytes(size) for n in range(count)}
