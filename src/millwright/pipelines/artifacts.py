"""What steps hand to one another, as bytes in safe formats by type, and back.

Tables are Arrow IPC, arrays are npy, records and plain values are JSON, text and bytes are
themselves, folders are archives, models of ONNX, LightGBM and XGBoost are in the formats of these.
None of these runs code when read. The one exception is another fitted model on its way from one step
to the next of the same project: it is pickled, the bytes say which project wrote them, and no other
project reads them.
"""

from __future__ import annotations

import io
import json
import pickle
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, JsonValue

from millwright.kernel.errors import Corrupt, Forbidden, InvalidInput
from millwright.pipelines import values
from millwright.pipelines.archive import pack_folder, pack_parts, unpack_folder, unpack_parts
from millwright.pipelines.lean_record import Record
from millwright.pipelines.native_models import MAGIC, is_onnx, native_bytes, read_native
from millwright.pipelines.trusted import trusted

Kind = Literal[
    "table", "array", "json", "text", "bytes", "file", "folder", "bundle", "model", "list"
]
"""``list``: the results of a map, each an artifact of its own."""
_PICKLE = b"millwright trusted pickle\n"
_ROWS_PER_BATCH = 65_536


class Artifact(Record):
    """One stored output: which object, how to read it, and who may."""

    digest: str
    kind: Kind
    size: int
    name: str | None = None
    """The file's name, for ``file``."""
    trusted_by: str | None = None
    """The project that wrote a pickle in it, and the only one that reads it."""

    def stored(self) -> dict[str, Any]:
        """The artifact as it stands in a row."""
        found: dict[str, Any] = {"digest": self.digest, "kind": self.kind, "size": self.size}
        if self.name is not None:
            found["name"] = self.name
        if self.trusted_by is not None:
            found["trusted_by"] = self.trusted_by
        return found

    @classmethod
    def loaded(cls, stored: dict[str, Any]) -> Artifact:
        """The artifact of a row, which was checked when it was written."""
        return trusted(cls, **stored)

    @classmethod
    def parts_of(cls, content: bytes) -> list[Artifact]:
        """The artifacts that a ``list`` is of; ``listed`` is the inverse."""
        return [cls.loaded(one) for one in json.loads(content)]


def listed(parts: Iterable[Artifact]) -> bytes:
    """The bytes of a ``list`` of artifacts."""
    return values.canonical([part.stored() for part in parts])


@dataclass(frozen=True)
class Payload:
    """An output in stored form, before it is uploaded."""

    kind: Kind
    content: bytes | Path
    name: str | None = None
    trusted_by: str | None = None


def serialise(value: object, *, project: str, scratch: Callable[[], Path]) -> Payload:
    """A value in stored form. ``scratch``: where the archive of a folder goes, asked for only then.

    Raises:
        InvalidInput: a value's type has no safe form.
    """
    if isinstance(value, str):
        return Payload("text", value.encode())
    if isinstance(value, Path):
        return _path_payload(value, scratch)
    kind = _part_kind(value)
    if kind is not None:
        content = _part_bytes(kind, value, project)
        return Payload(kind, content, trusted_by=_trusted_by(content, project))
    parts: dict[str, bytes] = {}

    def leaf(inner: object) -> values.Tagged | None:
        kind = _part_kind(inner)
        if kind is None:
            return None
        name = str(len(parts))
        parts[name] = _part_bytes(kind, inner, project)
        return {values.TAG: "part", "kind": kind, "name": name}

    tree = values.canonical(values.encode(value, leaf))
    if not parts:
        return Payload("json", tree)
    trusted_by = next(filter(None, (_trusted_by(one, project) for one in parts.values())), None)
    return Payload("bundle", pack_parts({"tree.json": tree, **parts}), trusted_by=trusted_by)


def deserialise(artifact: Artifact, content: bytes, *, project: str, workdir: Path) -> Any:
    """The value of stored bytes; files and folders are laid down under ``workdir``.

    Raises:
        Forbidden: it holds a pickle that another project wrote.
        Corrupt: the bytes are not of that kind.
    """
    if artifact.trusted_by not in (None, project):
        raise _foreign(artifact.trusted_by)
    if artifact.kind == "text":
        return content.decode()
    if artifact.kind == "json":
        return values.decode(json.loads(content))
    if artifact.kind == "file":
        target = workdir / artifact.digest[:16] / Path(artifact.name or "file").name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target
    if artifact.kind == "folder":
        target = workdir / artifact.digest[:16]
        target.mkdir(parents=True)
        unpack_folder(content, target)
        return target
    if artifact.kind == "bundle":
        return _read_bundle(content, project)
    return _read_part(artifact.kind, content, project)


def is_immutable(value: object) -> bool:
    """Whether a value can be handed on in memory, because no step can change it.

    >>> is_immutable((1, "a")), is_immutable([1])
    (True, False)
    """
    if isinstance(value, tuple):
        return all(map(is_immutable, value))
    return isinstance(value, str | bytes | int | float | bool | type(None)) or _is_table(value)


def _part_kind(value: object) -> Kind | None:
    """The kind of a value that is stored as bytes of its own, None for what JSON holds."""
    if value is None or isinstance(value, int | float | str | list | dict | tuple):
        return None
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return "array"
    if isinstance(value, bytes):
        return "bytes"
    if _is_table(value) or hasattr(value, "__arrow_c_stream__"):
        return "table"
    if isinstance(value, type | BaseModel) or is_dataclass(value):
        return None
    fitted = hasattr(value, "predict") or hasattr(value, "transform") or is_onnx(value)
    return "model" if fitted else None


def _trusted_by(content: bytes, project: str) -> str | None:
    return project if content.startswith(_PICKLE) else None


def _is_table(value: object) -> bool:
    # Whoever holds a table has imported the package; nobody else waits for it.
    pyarrow = sys.modules.get("pyarrow")
    return pyarrow is not None and isinstance(value, pyarrow.Table)


def _part_bytes(kind: Kind, value: Any, project: str) -> bytes:
    if kind == "bytes":
        return bytes(value)
    if kind == "table":
        import pyarrow as pa

        return _table_bytes(value if isinstance(value, pa.Table) else pa.table(value))
    if kind == "array":
        return _array_bytes(value)
    native = native_bytes(value)
    if native is not None:
        return native
    try:
        return _PICKLE + project.encode() + b"\n" + pickle.dumps(value, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError) as cause:
        raise InvalidInput(
            "pipelines.unstorable_value",
            f"A model of type {type(value).__qualname__} cannot be handed to another step: {cause}.",
            hint="Define its class at the top of a module, without lambdas inside.",
        ) from cause


def _read_part(kind: str, content: bytes, project: str) -> Any:
    if kind == "bytes":
        return content
    if kind == "table":
        import pyarrow as pa

        return pa.ipc.open_file(pa.py_buffer(content)).read_all()
    if kind == "array":
        import numpy as np

        return np.load(io.BytesIO(content), allow_pickle=False)
    if kind == "model" and content.startswith(MAGIC):
        return read_native(content)
    if kind != "model" or not content.startswith(_PICKLE):
        raise Corrupt("pipelines.bad_artifact", f"A stored value is not of the kind {kind!r}.")
    written_by, _, pickled = content[len(_PICKLE) :].partition(b"\n")
    if written_by.decode() != project:
        raise _foreign(written_by.decode())
    return pickle.loads(pickled)  # noqa: S301 - written by a step of this very project


def _read_bundle(content: bytes, project: str) -> Any:
    parts = unpack_parts(content)

    def leaf(tree: values.Tagged) -> object:
        if tree[values.TAG] != "part":
            raise Corrupt("pipelines.bad_artifact", f"Unknown type {tree[values.TAG]!r}.")
        return _read_part(str(tree["kind"]), parts[str(tree["name"])], project)

    tree: JsonValue = json.loads(parts["tree.json"])
    return values.decode(tree, leaf)


def _path_payload(path: Path, scratch: Callable[[], Path]) -> Payload:
    if path.is_file():
        return Payload("file", path, name=path.name)
    if path.is_dir():
        target = scratch() / f"{path.name}.tar"
        pack_folder(path, target)
        return Payload("folder", target)
    raise InvalidInput(
        "pipelines.no_such_path",
        f"A step returned the path {path}, where there is nothing.",
        hint="Write the file before returning its path.",
        value=str(path),
    )


def _table_bytes(table: Any) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    # One layout per content: chunks are merged and cut again, so that equal tables are equal bytes.
    options = pa.ipc.IpcWriteOptions(compression="zstd", unify_dictionaries=True)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=_ROWS_PER_BATCH)
    return bytes(sink.getvalue().to_pybytes())


def _array_bytes(array: Any) -> bytes:
    import numpy as np

    file = io.BytesIO()
    try:
        np.save(file, np.asarray(array), allow_pickle=False)
    except ValueError as cause:
        raise InvalidInput(
            "pipelines.unstorable_value",
            "An array of Python objects cannot be stored.",
            hint="Give the array a type of its own: numbers, booleans or fixed-length text.",
        ) from cause
    return file.getvalue()


def _foreign(project: str | None) -> Forbidden:
    return Forbidden(
        "pipelines.foreign_pickle",
        f"This value holds a model that the project {project!r} pickled; reading it would run that "
        "project's code here.",
        hint="Register the model there, and load the registered version, which runs no code.",
    )
