"""The Python API of datasets: ``mw.dataset``.

Example:
    >>> import millwright as mw                                          # doctest: +SKIP
    >>> mw.dataset("flights@1").to_pandas()                              # doctest: +SKIP
"""

from __future__ import annotations

import os
import weakref

from millwright.data.handles.dataset import Dataset
from millwright.data.working.place import project_of
from millwright.kernel.door import Door, connect
from millwright.kernel.workspace import Workspace


def dataset(reference: str, *, project: str | None = None, door: Door | None = None) -> Dataset:
    """A dataset version, as ``name``, ``name@3``, ``name@tag``, ``name@branch`` or ``name@digest``.

    Nothing but its description is read until rows or files are asked for.

    Args:
        reference: which version; the latest where only a name is given.
        project: whose dataset; by default ``MILLWRIGHT_PROJECT``, or the project of the
            ``millwright.yaml``, or of the working copy, around the working directory.
        door: an open door to use; otherwise one is opened, and closed with the last that reads.

    Raises:
        NotFound: there is no such dataset or version.
        InvalidInput: the reference is no name of a version, or no project is known.
    """
    if door is not None:
        return Dataset(door, project or _project(), reference)
    opened = connect()
    try:
        found = Dataset(opened, project or _project(), reference)
    except BaseException:
        opened.close()
        raise
    weakref.finalize(found, opened.close)
    return found


def _project() -> str:
    named = os.environ.get("MILLWRIGHT_PROJECT")
    if named:
        return named
    return project_of(Workspace.find())
