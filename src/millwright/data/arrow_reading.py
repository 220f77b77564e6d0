"""Tables in Arrow's own formats: IPC files, IPC streams, and both versions of Feather."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.feather

from millwright.data.canonical_form import canonical
from millwright.kernel.errors import InvalidInput


def read_arrow(path: Path) -> pa.Table:
    """The table in an Arrow or Feather file, in canonical types.

    Raises:
        InvalidInput: it is no such file.
    """
    try:
        with path.open("rb") as file:
            head = file.read(6)
        if head in (b"ARROW1", b"FEA1" + head[4:]):
            table = pa.feather.read_table(path, memory_map=False)
        else:
            with pa.OSFile(str(path)) as source, pa.ipc.open_stream(source) as stream:
                table = stream.read_all()
    except (pa.ArrowInvalid, OSError) as cause:
        if isinstance(cause, PermissionError):
            raise
        raise InvalidInput(
            "data.unreadable",
            f"{path.name} is not a whole Arrow or Feather file.",
            hint="Copy or export it again.",
        ) from cause
    return canonical(table, path.name)
