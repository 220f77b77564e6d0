"""The Python API of datasets: ``mw.dataset``.

Example:
    >>> import millwright as mw                                          # doctest: +SKIP
    >>> mw.dataset("flights@1").to_pandas()                              # doctest: +SKIP
"""

from __future__ import annotations

import os

from millwright.data.client import Dataset
from millwright.kernel.config import FILE_NAME
from millwright.kernel.door import Door, connect
from millwright.kernel.errors import InvalidInput
from millwright.kernel.workspace import Workspace


def dataset(reference: str, *, project: str | None = None, door: Door | None = None) -> Dataset:
    """A dataset version, as ``name`` (the latest), ``name@latest`` or ``name@3``.

    The rows are read here and now and their bytes verified, so that the answer needs no server.

    Args:
        reference: which version.
        project: whose dataset; by default ``MILLWRIGHT_PROJECT``, or the project of the
            ``millwright.yaml`` around the working directory.
        door: an open door to use; otherwise one is opened and closed again.

    Raises:
        NotFound: there is no such dataset or version.
        InvalidInput: the reference is no name of a version, or no project is known.
        Corrupt: the bytes are not those that were kept.
    """
    if door is not None:
        return Dataset(door, project or _project(), reference).fetched()
    with connect() as opened:
        return Dataset(opened, project or _project(), reference).fetched()


def _project() -> str:
    named = os.environ.get("MILLWRIGHT_PROJECT")
    if named:
        return named
    workspace = Workspace.find()
    if not (workspace.root / FILE_NAME).exists():
        raise InvalidInput(
            "data.no_project",
            "It is not said which project the dataset belongs to.",
            hint="Pass project=…, set MILLWRIGHT_PROJECT, or work beside a millwright.yaml.",
        )
    return workspace.project().project
