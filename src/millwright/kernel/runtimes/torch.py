"""PyTorch from an exported program: a graph of operators, no Python code of the model's own.

Loading it still unpickles what the exporter wrote, so it counts as code.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from millwright.kernel.encoding import Matrix
from millwright.kernel.model_package import Manifest
from millwright.kernel.runtimes import Raw, as_scores


class _Program:
    def __init__(self, module: Any, inference_mode: Any, from_numpy: Any) -> None:
        self._module, self._inference_mode, self._from_numpy = module, inference_mode, from_numpy

    def run(self, matrix: Matrix) -> Raw:
        with self._inference_mode():
            return as_scores(self._module(self._from_numpy(matrix)).numpy())


def open_model(_manifest: Manifest, model: bytes, _folder: Path, threads: int) -> _Program:
    """The module of an exported program."""
    import torch

    torch.set_num_threads(threads)
    program = torch.export.load(io.BytesIO(model))
    return _Program(program.module(), torch.inference_mode, torch.from_numpy)
