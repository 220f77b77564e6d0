"""Writing what a remote has anew: packs without some chunks, a catalogue in one part."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from millwright.data.storage.opening import OpenedRemote
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.objects.pack_format import Kind
from millwright.kernel.remotes.building import PackBuilder
from millwright.kernel.remotes.catalogue import Catalogue, RemotePlace
from millwright.kernel.remotes.catalogue_format import SentPack
from millwright.kernel.remotes.ranges import payloads, read, runs
from millwright.kernel.remotes.receiving import receive


def places_in(pack: SentPack) -> list[RemotePlace]:
    """The chunks of a pack."""
    return [
        RemotePlace(one.id, pack.name, one.offset, one.stored, one.size, one.codec)
        for one in pack.entries
        if one.kind == Kind.CHUNK
    ]


def chunks_there(
    opened: OpenedRemote, catalogue: Catalogue, objects: ProjectObjects, needed: Iterable[bytes]
) -> set[bytes]:
    """The chunks that objects on a remote consist of; pages that list them are brought here.

    Raises:
        NotFound: a page is neither here nor there.
        Corrupt: one is damaged there.
    """
    found = set(needed)
    for name, encoded in catalogue.recipes(list(found)).items():
        recipe = objects.opened(encoded)
        if recipe.pages:
            receive(objects, catalogue, recipe.pages, opened.staging)
        found.discard(name)
        found.update(recipe.ids())
    return found


def write_anew(
    opened: OpenedRemote,
    catalogue: Catalogue,
    packs: Iterable[SentPack],
    keep: Callable[[bytes], bool],
) -> list[SentPack]:
    """Bring the chunks of packs that are kept to the remote in new packs; the old ones stay.

    Only bytes that are kept are read, and each chunk is verified on its way. A recipe that lies in
    a pack is not carried over, as the catalogue has it.

    Raises:
        Corrupt: a chunk that is kept is damaged on the remote.
    """
    written: list[SentPack] = []
    with tempfile.TemporaryDirectory(prefix="mw-packs-") as folder:
        builder = PackBuilder(Path(folder))
        for pack in packs:
            for run in runs(place for place in places_in(pack) if keep(place.id)):
                for place, payload in payloads(catalogue, run, read(catalogue, run)):
                    record = (place.id, payload, place.size, int(Kind.CHUNK), place.codec)
                    if not builder.append(*record):
                        written.append(_sent(opened, catalogue, builder))
                        builder = PackBuilder(Path(folder))
                        builder.append(*record)
        if builder.empty:
            builder.drop()
        else:
            written.append(_sent(opened, catalogue, builder))
    return written


def replace_catalogue(
    opened: OpenedRemote,
    catalogue: Catalogue,
    packs: Sequence[SentPack],
    recipes: Sequence[tuple[bytes, bytes]],
    replaced: Iterable[str],
) -> None:
    """Tell the remote of these packs and recipes in one part, and of nothing else.

    ``replaced`` are the packs (keys as listed) that the caller removes afterwards. They are noted
    here first: whom a kill keeps from removing them finds them again with ``remove_left``.
    """
    opened.folder.mkdir(parents=True, exist_ok=True)
    _note(opened).write_text("\n".join(replaced), "utf-8")
    parts = catalogue.parts()
    key = catalogue.publish(packs, recipes)
    opened.remote.delete(part for part in parts if part not in (key, listed(opened, key)))
    catalogue.clear()
    catalogue.refresh()


def remove_packs(opened: OpenedRemote, keys: Iterable[str]) -> None:
    """Remove packs that a catalogue which was replaced no longer tells of."""
    opened.remote.delete(keys)
    _note(opened).unlink(missing_ok=True)


def remove_left(opened: OpenedRemote, catalogue: Catalogue) -> None:
    """Remove what a replacement that was killed here left on the remote."""
    note = _note(opened)
    if note.exists():
        known = {listed(opened, catalogue.pack_key(name)) for name in catalogue.packs()}
        keys = note.read_text("utf-8").split()
        remove_packs(opened, [key for key in keys if key not in known])


def _note(opened: OpenedRemote) -> Path:
    return opened.folder / "replaced"


def listed(opened: OpenedRemote, key: str) -> str:
    """A key as listings of the remote show it."""
    concealed = getattr(opened.remote, "concealed", None)
    return key if concealed is None else str(concealed(key))


def _sent(opened: OpenedRemote, catalogue: Catalogue, builder: PackBuilder) -> SentPack:
    pack = builder.finish()
    opened.remote.upload(catalogue.pack_key(pack.name), builder.path)
    builder.path.unlink(missing_ok=True)
    return pack
