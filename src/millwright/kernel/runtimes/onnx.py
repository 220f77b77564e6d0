"""ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime

from millwright.kernel.encoding import Matrix
from millwright.kernel.errors import Corrupt
from millwright.kernel.model_package import Manifest
from millwright.kernel.runtimes import Raw


def session(model: bytes, *, threads: int = 1) -> Any:
    """An ONNX Runtime CPU session of ``model``.

    Raises:
        Corrupt: ONNX Runtime refuses the bytes.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning idle threads would burn a core that the rest of a small machine needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as cause:
        raise Corrupt("package.onnx", f"ONNX Runtime cannot load the model: {cause}") from cause


class _Onnx:
    def __init__(self, loaded: Any) -> None:
        self._run = loaded.run
        self._input: str = loaded.get_inputs()[0].name
        self._outputs = [loaded.get_outputs()[-1].name]

    def run(self, matrix: Matrix) -> Raw:
        answer: Raw = self._run(self._outputs, {self._input: matrix})[0]
        return answer


def open_graph(model: bytes, *, threads: int = 1) -> _Onnx:
    """A graph, ready to run; raises as ``session``."""
    return _Onnx(session(model, threads=threads))


def open_model(_manifest: Manifest, model: bytes, _folder: Path, threads: int) -> _Onnx:
    """The graph of a package; raises as ``session``."""
    return open_graph(model, threads=threads)
