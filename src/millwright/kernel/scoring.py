"""A model package on disk as something that scores rows: verified first, then run by its runtime.

Registry and serving both score through this module, so a prediction made while packaging and one
made in production come from the same lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from blake3 import blake3
from pydantic import ValidationError

from millwright.kernel.encoding import Matrix, encode
from millwright.kernel.errors import Corrupt, InvalidInput, NotFound
from millwright.kernel.model_package import MANIFEST, Manifest, Task
from millwright.kernel.runtimes import Runtime, Streaming, as_scores, open_runtime

Scores = npt.NDArray[np.float64]

# A manifest names files beside itself, or in a folder there; anything else would let it point outside.
_PLAIN_NAME = re.compile(r"^(?=.{1,100}$)[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?$")


def read_manifest(directory: Path) -> Manifest:
    """The manifest of the package in ``directory``, without verifying the files it names.

    Raises:
        NotFound: the folder holds no manifest.
        Corrupt: the manifest cannot be understood.
    """
    path = directory / MANIFEST
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise NotFound(
            "package.missing",
            f"There is no {MANIFEST} in {directory}.",
            hint="Give the folder of a model package.",
        ) from cause
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as cause:
        first = cause.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise Corrupt(
            "package.manifest",
            f"{path} is not a manifest this version can read: {place}: {first['msg']}.",
            hint="Fetch the model package again.",
        ) from cause


def verify_package(directory: Path, manifest: Manifest) -> bytes:
    """Check every file against its digest and return the verified bytes of the model.

    The bytes are returned, not the path, so that what was hashed is what is loaded.

    Raises:
        Corrupt: a file is missing, was changed, or the manifest names something that is no file
            of the package.
    """
    model: bytes | None = None
    for name, expected in sorted(manifest.digests.items()):
        if not _PLAIN_NAME.fullmatch(name):
            raise Corrupt("package.name", f"The manifest names {name!r}, which is no plain file.")
        try:
            content = (directory / name).read_bytes()
        except OSError as cause:
            raise Corrupt(
                "package.file_missing",
                f"{name} of the model package in {directory} cannot be read.",
                hint="Fetch the model package again.",
            ) from cause
        found = blake3(content).hexdigest()
        if found != expected:
            raise Corrupt(
                "package.digest",
                f"{name} of the model package in {directory} is not what was registered "
                f"(digest {found[:12]}…, expected {expected[:12]}…).",
                hint="Fetch the model package again; if it recurs, the disk or a person changed it.",
            )
        if name == manifest.model_file:
            model = content
    if model is None:
        raise Corrupt(
            "package.no_model", f"The manifest in {directory} vouches for no {manifest.model_file}."
        )
    return model


class Scorer:
    """A loaded model. Safe to call from several threads at once.

    Attributes:
        manifest: what the package promises.
    """

    def __init__(self, manifest: Manifest, runtime: Runtime) -> None:
        """Score with a ``runtime`` that is open; callers with a folder use ``open``."""
        self.manifest = manifest
        self._run = runtime.run
        self._stream = runtime.stream if isinstance(runtime, Streaming) else None
        self._width = len(manifest.encoding.columns)

    @classmethod
    def open(cls, directory: Path, *, threads: int = 1, trust_code: bool = False) -> Scorer:
        """Verify the package in ``directory`` against its manifest, then load its model.

        Raises:
            NotFound: there is no package.
            Corrupt: a digest differs, or the runtime refuses the model.
            Forbidden: the package runs code, and ``trust_code`` does not say that it may.
            Unavailable: a library that the model needs is not installed.
        """
        manifest = read_manifest(directory)
        model = verify_package(directory, manifest)
        return cls(
            manifest,
            open_runtime(manifest, model, directory, threads=threads, trust_code=trust_code),
        )

    def score_matrix(self, matrix: Matrix) -> Scores:
        """Scores of encoded rows, float32 ``(n, d)``.

        Returns:
            binary: ``(n,)``, the probability of ``manifest.classes[1]``; multiclass: ``(n, k)``
            probabilities in the order of ``manifest.classes``; regression: ``(n,)`` values.

        Raises:
            InvalidInput: the matrix has another number of columns.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self._width:
            raise InvalidInput(
                "package.width",
                f"The model takes {self._width} encoded columns, not {matrix.shape[1:]}.",
            )
        if len(matrix) == 0:
            return shape_scores(
                np.empty((0, max(1, len(self.manifest.classes)))), self.manifest.task
            )
        rows = np.ascontiguousarray(matrix, dtype=np.float32)
        return shape_scores(self._run(rows), self.manifest.task)

    @property
    def streams(self) -> bool:
        """Whether the model can answer bit by bit."""
        return self._stream is not None

    def stream_matrix(self, matrix: Matrix) -> Iterator[Scores | str]:
        """What the model yields for encoded rows: scores as ``score_matrix`` gives, or text."""
        assert self._stream is not None, "the model streams"
        for said in self._stream(np.ascontiguousarray(matrix, dtype=np.float32)):
            if isinstance(said, str):
                yield said
            else:
                yield shape_scores(as_scores(said), self.manifest.task)

    def predict(self, table: pa.Table) -> Scores:
        """Scores of a table that has every field of the signature; shapes as ``score_matrix``.

        Raises:
            InvalidInput: a field is missing.
        """
        names = set(table.column_names)
        for field in self.manifest.signature:
            if field.name not in names:
                raise InvalidInput(
                    "package.field_missing",
                    f"The model {self.manifest.model} needs the column '{field.name}'.",
                    hint=f"It takes: {', '.join(f.name for f in self.manifest.signature)}.",
                    value=field.name,
                )
        return self.score_matrix(encode(table, self.manifest.encoding))


def shape_scores(raw: npt.NDArray[Any], task: Task) -> Scores:
    """What the model put out, in the shape its task promises (see ``Scorer.score_matrix``)."""
    scores = raw.astype(np.float64)
    if task == "multiclass" or scores.ndim == 1:
        return scores
    return scores[:, -1]
