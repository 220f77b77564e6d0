"""What the files of a package can do to whoever loads them, found without loading them. Pure.

By content, not by name: a pickle called ``weights.bin`` is a pickle. The names that a pickle would
import are read from its opcodes (``pickletools``), which runs nothing.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO, Literal

from millwright.kernel.record import Record

_HEAD_BYTES = 1 << 20
_MOST_IMPORTS = 20
_MOST_FINDINGS = 200
_PICKLED_IMPORTS = {"GLOBAL", "INST"}
_TEXT = {"SHORT_BINUNICODE", "BINUNICODE", "UNICODE", "BINUNICODE8"}


class Finding(Record):
    """Something in a file that whoever loads it should know of."""

    file: str
    """Name in the package; of a file in an archive, ``archive!name``."""
    kind: Literal["pickle", "code"]
    """``pickle`` runs what it names when it is loaded; ``code`` is source that is imported."""
    detail: str


Screen = Callable[[str, bytes], Iterable[Finding]]
"""Looks at a name and the first MiB of a file."""


def examined(files: Mapping[str, Callable[[], BinaryIO]]) -> tuple[Finding, ...]:
    """What all screens find in the files of a package, and in the archives among them."""
    found: list[Finding] = []
    for name, opened in sorted(files.items()):
        with opened() as file:
            for part, head in _heads(name, file):
                for screen in SCREENS:
                    found.extend(screen(part, head))
    return tuple(found[:_MOST_FINDINGS])


def pickles(name: str, head: bytes) -> Iterator[Finding]:
    """A pickle, and what it would import.

    >>> import pickle
    >>> [(one.kind, one.detail) for one in pickles("model.bin", pickle.dumps(print))]
    [('pickle', 'Loading it imports builtins.print.')]
    >>> list(pickles("numbers.txt", b"1, 2, 3"))
    []
    """
    if not _starts_like_a_pickle(head):
        return
    imports = list(dict.fromkeys(_imports(head)))[:_MOST_IMPORTS]
    named = ", ".join(imports) if imports else "nothing that its beginning names"
    yield Finding(file=name, kind="pickle", detail=f"Loading it imports {named}.")


def programs(name: str, head: bytes) -> Iterator[Finding]:
    """Source or byte code that a loader imports."""
    if name.endswith((".py", ".pyc", ".so", ".pyd", ".dll")):
        yield Finding(file=name, kind="code", detail="Loading the model runs it.")


SCREENS: tuple[Screen, ...] = (pickles, programs)


def _heads(name: str, file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    head = file.read(_HEAD_BYTES)
    yield name, head
    if not head.startswith(b"PK\x03\x04"):
        return
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as inner:
                    yield f"{name}!{entry.filename[:300]}", inner.read(_HEAD_BYTES)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError):
        # No archive after all, or one that nobody could open: the file itself was looked at.
        return


def _starts_like_a_pickle(head: bytes) -> bool:
    if len(head) > 2 and head[0] == 0x80 and head[1] <= 5:
        return True
    # Protocol 0 has no mark: it is text that begins with an import, as a reduced object does.
    return head[:1] == b"c" and b"\n" in head[:200] and any(True for _ in _imports(head))


def _imports(head: bytes) -> Iterator[str]:
    recent: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(io.BytesIO(head)):
            if opcode.name in _PICKLED_IMPORTS:
                yield str(argument).replace(" ", ".")
            elif opcode.name == "STACK_GLOBAL" and len(recent) > 1:
                yield ".".join(recent[-2:])
            elif opcode.name in _TEXT:
                recent.append(str(argument))
    except Exception:
        # Whatever a hostile file makes of it, it is read no further.
        return
