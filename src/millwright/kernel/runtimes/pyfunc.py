"""An MLflow model of any flavour, through ``mlflow.pyfunc``."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from millwright.kernel.encoding import Matrix
from millwright.kernel.errors import Corrupt
from millwright.kernel.model_package import Manifest
from millwright.kernel.runtimes import Raw, as_scores


class _Pyfunc:
    """Gives the model its columns back as it knew them: a frame with names and text."""

    def __init__(self, model: Any, manifest: Manifest, folder: Any) -> None:
        import numpy as np
        import pandas as pd

        self._predict, self._frame, self._folder = model.predict, pd.DataFrame, folder
        self._names = [column.field for column in manifest.encoding.columns]
        self._levels = {
            position: np.asarray([*column.levels, None], dtype=object)
            for position, column in enumerate(manifest.encoding.columns)
            if column.how == "code"
        }

    def run(self, matrix: Matrix) -> Raw:
        frame = self._frame(matrix, columns=self._names, dtype="float64")
        for position, levels in self._levels.items():
            codes = matrix[:, position]
            known = (codes >= 0) & (codes < len(levels) - 1)
            frame[self._names[position]] = levels[known * codes.astype("int64") - (~known)]
        return as_scores(self._predict(frame))


def open_model(manifest: Manifest, model: bytes, _folder: Path, _threads: int) -> _Pyfunc:
    """The model in a zip of an MLflow model folder.

    Raises:
        Corrupt: the archive names a file outside itself.
    """
    from mlflow.pyfunc import load_model

    folder = tempfile.TemporaryDirectory(prefix="millwright-pyfunc-")
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        for name in archive.namelist():
            if name.startswith(("/", "\\")) or ".." in Path(name).parts:
                raise Corrupt("package.name", f"The archive names {name!r}, outside itself.")
        archive.extractall(folder.name)
    return _Pyfunc(load_model(folder.name), manifest, folder)
