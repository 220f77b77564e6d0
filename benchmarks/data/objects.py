"""What storing bytes costs, in CPU-seconds, beside what the machine needs at the least for it.

    python benchmarks/data/objects.py [--mib 1024] [--files 20000]

Each line is a process of its own, start of the interpreter included. The limits are BLAKE3 twice
(the whole, and each chunk), the chunker, and reading the file once, measured in the same run; for
many files, opening, reading, hashing, linking and protecting each. Exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

_START = """
import sys
from pathlib import Path
from millwright.kernel.objects import ObjectStore
objects = ObjectStore(Path(sys.argv[1])).of("bench")
"""
LINK = _START + "print(objects.link(Path(sys.argv[2])))"
PUT = _START + "print(objects.put(Path(sys.argv[2])))"
READ = _START + "for piece in objects.stream(sys.argv[2]): pass"
AGAIN = _START + "print(objects.link(Path(sys.argv[2]), known=objects.recipe(sys.argv[3])))"
EDITABLE = _START + "objects.unprotect(Path(sys.argv[2]))"
MANY = _START + (
    "import os; folder = sys.argv[2]\n"
    "objects.link_many([f'{folder}/{name}' for name in sorted(os.listdir(folder))])"
)
OUT = _START + (
    "target = Path(sys.argv[2])\n"
    "objects.restore_many([(bytes.fromhex(name), target / name, False) for name, _ in objects.links()])"
)
HASHES = """
import sys
from blake3 import blake3
from pyfastcdc import FastCDC
from millwright.kernel.objects.chunking import AVERAGE, MAXIMUM, MINIMUM
chunker, whole = FastCDC(AVERAGE, min_size=MINIMUM, max_size=MAXIMUM), blake3()
buffer = memoryview(bytearray(1 << 20))
with open(sys.argv[1], "rb", buffering=0) as file:
    while count := file.readinto(buffer):
        whole.update(buffer[:count])
        for piece in chunker.cut_buf(buffer[:count]):
            blake3(buffer[piece.offset : piece.offset + piece.length]).digest()
"""
SYSTEM_CALLS = """
import os, sys
from blake3 import blake3
source, target = sys.argv[1:]
os.mkdir(target)
for name in os.listdir(source):
    handle = os.open(f"{source}/{name}", os.O_RDONLY)
    blake3(os.read(handle, 16384)).digest()
    os.link(f"{source}/{name}", f"{target}/{name}")
    os.fchmod(handle, 0o444)
    os.close(handle)
"""


class Bench:
    """Measures processes and remembers which bars were missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []
        self._environment = {**os.environ, "MILLWRIGHT_PROTECT": "mode"}

    def run(self, what: str, program: str, *words: object, bar: float | None = None) -> str:
        """Run a program, print its CPU time beside the bar, and return what it printed."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", program, *map(str, words)]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=self._environment
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
        line = f"{what:<44} {user + system:6.2f} CPU-s  ({user:.2f} user, {system:.2f} system)"
        print(line if bar is None else f"{line}  bar {bar}")
        if bar is not None and user + system > bar:
            self.missed.append(what)
        return done.stdout.strip()

    def share(self, what: str, share: float, bar: float) -> None:
        """Print a share of the data beside its bar."""
        print(f"{what:<44} {share:6.2%}  bar {bar:.1%}")
        if share > bar:
            self.missed.append(what)


def used(folder: Path) -> int:
    """Bytes on disk that are the store's alone."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_blocks * 512 for path in files if path.stat().st_nlink == 1)


def edit(path: Path) -> None:
    """Overwrite 1 % in 20 places and insert 1,000 bytes at 10 %."""
    size, places = path.stat().st_size, random.Random(1)
    with path.open("r+b") as file:
        for _ in range(20):
            file.seek(places.randrange(size - size // 2000))
            file.write(places.randbytes(size // 2000))
    content = path.read_bytes()
    with path.open("wb") as file:
        file.write(content[: size // 10])
        file.write(places.randbytes(1000))
        file.write(content[size // 10 :])


def one_large(bench: Bench, folder: Path, mib: int) -> None:
    """A random file: added, read, edited, added again."""
    print(f"\none file of {mib} MiB, random; bars are for 1 GiB")
    path, store, scale = folder / "large", folder / "store", mib / 1024
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1 << 20))
    bench.run("limit: read, BLAKE3 twice, chunker", HASHES, path)
    first = bench.run("add, linked", LINK, store, path, bar=2.0 * scale)
    bench.share("disk beside the file itself", used(store) / (mib << 20), 0.02)
    bench.run("add, copied into packs", PUT, folder / "copy", path)
    bench.run("read all, verified", READ, store, first)
    bench.run("unprotect", EDITABLE, store, path)
    edit(path)
    before = used(store)
    bench.run("add again after the edits", AGAIN, store, path, first, bar=1.0 * scale)
    bench.share("stored for the edits", (used(store) - before) / (mib << 20), 0.013)
    path.unlink()


def many_small(bench: Bench, folder: Path, count: int) -> None:
    """Files of 4 KiB: added, written out."""
    print(f"\n{count} files of 4 KiB")
    source, out, store = folder / "small", folder / "out", folder / "small-store"
    for place in (source, out):
        place.mkdir()
    for number in range(count):
        (source / f"{number}").write_bytes(os.urandom(4096))
    bench.run("limit: open, read, BLAKE3, link, chmod", SYSTEM_CALLS, source, folder / "links")
    for path in source.iterdir():
        path.chmod(0o644)
    bench.run("add, linked", MANY, store, source, bar=0.8 * count / 20_000)
    bench.run("write out, linked", OUT, store, out)


def main() -> int:
    """Measure; 0 if every bar was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, default=None, help="where to work; needs 4 x mib")
    given = parser.parse_args()
    bench = Bench()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        bench.run("import and open a store", _START, Path(name) / "empty")
        one_large(bench, Path(name), given.mib)
        many_small(bench, Path(name), given.files)
    print("\nmissed: " + ", ".join(bench.missed) if bench.missed else "\nevery bar was met")
    return 1 if bench.missed else 0


if __name__ == "__main__":
    sys.exit(main())
