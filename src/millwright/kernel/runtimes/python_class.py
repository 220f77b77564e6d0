"""Any Python class with ``load`` and ``predict``, from a module in the package.

``Class().load(folder)`` is called once with the package's folder, where the files that were
registered with the class lie beside it; ``predict(matrix)`` with rows as a float32 array. A generator ``predict_stream(matrix)``, where
the class has one, yields scores as ``predict`` returns them, or pieces of text.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

from millwright.kernel.encoding import Matrix
from millwright.kernel.errors import Corrupt
from millwright.kernel.model_package import Manifest
from millwright.kernel.runtimes import Raw, as_scores


class _Instance:
    def __init__(self, instance: Any) -> None:
        self._predict = instance.predict
        self.stream = getattr(instance, "predict_stream", None)

    def run(self, matrix: Matrix) -> Raw:
        return as_scores(self._predict(matrix))


def open_model(manifest: Manifest, model: bytes, folder: Path, _threads: int) -> _Instance:
    """An instance of the class that the manifest names, loaded.

    Raises:
        Corrupt: the module has no such class.
    """
    module = types.ModuleType("millwright_model")
    module.__file__ = str(folder / "model.py")
    exec(compile(model, module.__file__, "exec"), module.__dict__)  # noqa: S102 - trusted by the caller
    made = getattr(module, manifest.entry or "", None)
    if not isinstance(made, type):
        raise Corrupt(
            "package.no_class", f"The module of {manifest.model} has no class '{manifest.entry}'."
        )
    instance: Any = made()
    instance.load(folder)
    return _Instance(instance)
