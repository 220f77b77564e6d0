"""The Python API of new projects: ``mw.init``.

Example:
    >>> import millwright as mw                                          # doctest: +SKIP
    >>> mw.init("churn", data=frame, target="Churn")                     # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from millwright.cli.init.creation import Created, create_project


def init(
    name: str,
    data: object,
    target: str,
    *,
    time: str | None = None,
    entity: Sequence[str] = (),
    folder: str | Path | None = None,
) -> Created:
    """Start a project as `mw init` does: look at the data and write ``NAME/millwright.yaml``.

    Args:
        name: of the project and its new folder.
        data: a pandas, polars or Arrow table, which is kept as a Parquet file in the new folder;
            or a file, folder or address, which is read where it is.
        target: the column to predict.
        time: the column with the moment at which a prediction is made.
        entity: columns that name what a row is about.
        folder: where the project's folder is made; the working folder when not given.

    Raises:
        Conflict: there is a project already, or a file in the way.
        InvalidInput: the name or the data cannot be used.
        NotFound: there is no such data file.
        Unavailable: the folder cannot be written, or the address does not answer.
    """
    here = None if folder is None else Path(folder)
    return create_project(name, data, target=target, time=time, entity=entity, here=here)
