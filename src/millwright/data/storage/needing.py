"""Which versions need what is damaged here, and which lack bytes: so many at a time, of any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import cache
from itertools import chain, islice

from millwright.data.storage.definitions import read_definitions
from millwright.data.storage.heads import Row
from millwright.data.storage.marking import dropped_ids
from millwright.data.storage.opening import open_defined
from millwright.data.storage.reach import plain_objects, tree_objects, tree_of
from millwright.data.storage.versions_service import all_versions
from millwright.data.tree_store import TreeStore
from millwright.kernel.errors import Corrupt, NotFound, Unavailable
from millwright.kernel.objects import Damage, ProjectObjects
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.store import Store

_AT_ONCE = 4096
_RECIPES_AT_ONCE = 16
_UNREADABLE = (NotFound, Unavailable, Corrupt)


def needing(
    store: Store,
    project: str,
    objects: ProjectObjects,
    damaged: Collection[Damage],
    repaired: Collection[str] = (),
) -> tuple[dict[str, set[str]], set[str]]:
    """Which versions (``name@version``) need each damaged object, and which lack bytes.

    A version lacks bytes where they are neither here nor, as far as is known, on one remote.
    ``repaired`` is what of the damage has been put right, by its digests.
    """
    with ExitStack() as stack:
        # Only what is not here has to be looked for; an encrypted remote's key may be elsewhere.
        looking = _Looking(objects, cache(lambda: _catalogues(store, project, stack)))
        looking.ask(damaged, repaired)
        dropped = dropped_ids(store, project)
        for row in all_versions(store, project)[0]:
            if row["id"] not in dropped:
                looking.at(row)
    return looking.users, looking.missing


class _Looking:
    """Goes through versions one after the other."""

    def __init__(self, objects: ProjectObjects, catalogues: Callable[[], list[Catalogue]]) -> None:
        self._objects, self._catalogues = objects, catalogues
        self._nodes = TreeStore(objects)
        self._unlisted: set[bytes] = set()
        """What these consist of cannot be read; that they are damaged is reported by itself."""
        self._asked: set[bytes] = set()
        self._sound: set[bytes] = set()
        """Nodes of manifests below which nothing is damaged or lacking."""
        self.users: dict[str, set[str]] = defaultdict(set)
        self.missing: set[str] = set()

    def ask(self, damaged: Collection[Damage], repaired: Collection[str]) -> None:
        """Say what is damaged, or was, so that whoever needs it is named."""
        self._asked = {bytes.fromhex(name) for one in damaged for name in one.objects}
        unlisted = (one.chunk for one in damaged if one.kind == "recipe")
        self._unlisted = {bytes.fromhex(name) for name in unlisted if name not in repaired}

    def at(self, row: Row) -> None:
        """Look at what one version needs."""
        reference = f"{row['name']}@{row['version']}"
        seen, root = set(self._sound), tree_of(row)
        below = () if root is None else tree_objects(self._nodes, root, seen)
        needed = iter(chain(plain_objects(row), _as_far_as_readable(below)))
        sound, holders = True, None
        while batch := list(islice(needed, _AT_ONCE)):
            for one in self._asked.intersection(batch):
                self.users[one.hex()].add(reference)
                sound = False
            for absent in self._absent(batch):
                sound = False
                known = self._catalogues() if holders is None else holders
                holders = [one for one in known if _has(one, absent)]
                if not holders:
                    self.missing.add(reference)
        if sound:
            self._sound = seen

    def _absent(self, names: list[bytes]) -> Iterator[set[bytes]]:
        """The chunks of objects that are not known here, some thousand at a time."""
        listed = self._objects.several(names)
        single = (name for name in names if name not in listed)
        chunks = chain(single, self._chunks(sorted(listed - self._unlisted)))
        while some := set(islice(chunks, _AT_ONCE)) - self._unlisted:
            absent = some - self._objects.locate(some).keys()
            if absent:
                yield absent

    def _chunks(self, names: list[bytes]) -> Iterator[bytes]:
        for start in range(0, len(names), _RECIPES_AT_ONCE):
            recipes = self._objects.recipes(names[start : start + _RECIPES_AT_ONCE])
            for recipe in recipes.values():
                yield from _as_far_as_readable(recipe.ids())


def _as_far_as_readable(found: Iterable[bytes]) -> Iterator[bytes]:
    """What comes before a list that cannot be read: of versions that were never fetched, the root."""
    with suppress(*_UNREADABLE):
        yield from found


def _catalogues(store: Store, project: str, stack: ExitStack) -> list[Catalogue]:
    """Of each remote that has something of the project, as last heard."""
    state, found = store.workspace.state, []
    for definition in read_definitions(state):
        if (state / "remotes" / definition.name / project / "catalogue.db").exists():
            catalogue = open_defined(state, definition, project).catalogue()
            stack.callback(catalogue.close)
            found.append(catalogue)
    return found


def _has(catalogue: Catalogue, names: set[bytes]) -> bool:
    """Whether a remote has all of these chunks or objects."""
    rest = names - catalogue.places(names).keys()
    return len(catalogue.several(rest)) == len(rest)
