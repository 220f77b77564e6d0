"""How much memory files take that are far larger than memory, whatever is done with them.

    python benchmarks/data/huge.py [GIGABYTES …]

Each size is a stream that repeats 16 MiB of noise, so it costs CPU time and next to no disk. Each
step is a process of its own, whose peak memory is measured. ``list`` is the recipe of a file a hundred
times as large, whose chunks are made up: 25 million for a terabyte.
"""

from __future__ import annotations

import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from millwright.kernel.objects import ObjectStore
from millwright.kernel.objects.parts import Parts
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.remotes.folder import FolderRemote
from millwright.kernel.remotes.receiving import receive
from millwright.kernel.remotes.sending import send

STEPS = ("nothing", "add", "read", "checkout", "link", "verify", "push", "fetch", "list")
MOST_MB = 500
PERIOD = 16 << 20
_CHUNK = 40 << 10


class Repeating(io.RawIOBase):
    """So many bytes of one noise over and over."""

    def __init__(self, size: int) -> None:
        self._left, self._noise = size, random.Random(3).randbytes(PERIOD)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        at = (-self._left) % PERIOD
        count = min(len(buffer), self._left, PERIOD - at)
        buffer[:count] = self._noise[at : at + count]
        self._left -= count
        return count


def step(name: str, place: Path, size: int) -> None:
    """One step, in a process of its own."""
    objects = ObjectStore(place / ("there" if name == "fetch" else "here")).of("p")
    known = place / "digest"
    if name == "add":
        known.write_text(objects.put(io.BufferedReader(Repeating(size), 1 << 20)))
    elif name == "read":
        assert sum(map(len, objects.stream(known.read_text()))) == size
    elif name == "checkout":
        objects.restore(known.read_text(), place / "file", how="copy")
    elif name == "link":
        # What was written out, with 16 MB more: only that is new, and the earlier list is gone by.
        with (place / "file").open("ab") as file:
            file.write(random.Random(4).randbytes(PERIOD))
        objects.link(place / "file", known=objects.recipe(known.read_text()))
        (place / "file").unlink()
    elif name == "verify":
        assert objects.verify() == []
    elif name in ("push", "fetch"):
        catalogue = Catalogue(FolderRemote(place / "remote"), "p/", place / f"{name}.db")
        catalogue.refresh()
        wanted = [bytes.fromhex(known.read_text())]
        if name == "push":
            send(objects, catalogue, wanted)
        else:
            receive(objects, catalogue, wanted, place / "staging")
            assert objects.read_range(wanted[0].hex(), size - 10, 100) != b""
        catalogue.close()
    elif name == "list":
        _list(objects._parts, 100 * size)


def _list(parts: Parts, size: int) -> None:
    listing, data = parts.listing(), memoryview(bytes(_CHUNK))
    noise, at_once = random.Random(5), 8192
    for _ in range(size // _CHUNK // at_once):
        ids = noise.randbytes(32 * at_once)
        listing.add([(ids[at : at + 32], data) for at in range(0, len(ids), 32)])
    recipe = listing.recipe()
    begin = recipe.size // 2
    assert [one for some in recipe.within(begin, begin + 1) for one in some]
    assert sum(1 for _ in recipe) * _CHUNK == recipe.size


def main(sizes: list[int]) -> None:
    """Run and print."""
    worst = 0.0
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="mw-huge-") as folder:
            for name in STEPS:
                command = [sys.executable, __file__, "--step", name, folder, str(size * 10**9)]
                told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                peak, cpu = json.loads(told)
                worst = max(worst, peak)
                print(f"{size:6} GB {name:8} {peak:7.1f} MB {cpu:7.2f} CPU-s", flush=True)
    print(f"peak ≤ {MOST_MB} MB: {'within' if worst <= MOST_MB else 'OVER'}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        step(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([peak, time.process_time()]))
        sys.stdout.flush()
        os._exit(0)
    main([int(word) for word in sys.argv[1:]] or [3, 12])
