"""What runs a packaged model: ONNX Runtime, or the library that trained it.

A runtime takes the encoded float32 matrix and gives the model's raw output. Formats that hold
data and no code open in any process: ONNX, the text of LightGBM, XGBoost's UBJSON, CatBoost's
cbm, skops for scikit-learn. The others (``CODE_RUNTIMES``) run what is in the package, and open
only for callers who say that they trust it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from millwright.kernel.encoding import Matrix
from millwright.kernel.errors import Corrupt, Forbidden, InvalidInput, MillwrightError, Unavailable
from millwright.kernel.model_package import CODE_RUNTIMES, Manifest, RuntimeName

Raw = npt.NDArray[Any]


class Runtime(Protocol):
    """A loaded model. Safe to call from several threads at once."""

    def run(self, matrix: Matrix) -> Raw:
        """The raw output for rows ``(n, d)`` float32, C-contiguous: ``(n,)`` or ``(n, k)``."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A runtime that can also answer bit by bit."""

    stream: Callable[[Matrix], Iterator[object]] | None
    """For the same rows, one raw output or piece of text after the other; None: it cannot."""


Opener = Callable[[Manifest, bytes, Path, int], Runtime]
"""From the manifest, the verified bytes of the model file, the package's folder and the threads."""

_HOMES: dict[RuntimeName, tuple[str, str]] = {
    "onnx": ("onnx", "onnxruntime"),
    "scikit-learn": ("scikit_learn", "skops"),
    "lightgbm": ("lightgbm", "lightgbm"),
    "xgboost": ("xgboost", "xgboost"),
    "catboost": ("catboost", "catboost"),
    "torch": ("torch", "torch"),
    "pyfunc": ("pyfunc", "mlflow"),
    "python": ("python_class", ""),
}


def open_runtime(
    manifest: Manifest, model: bytes, folder: Path, *, threads: int = 1, trust_code: bool = False
) -> Runtime:
    """The model of a verified package, ready to run.

    Args:
        manifest: which runtime it needs.
        model: the verified bytes of its model file.
        folder: where the package is, for runtimes that run its code.
        threads: for one call, where the library lets us choose.
        trust_code: whether code in the package may run.

    Raises:
        InvalidInput: it is a graph.
        Forbidden: the package runs code and is not trusted.
        Unavailable: the library that the model needs is not installed.
        Corrupt: the library refuses the model.
    """
    name = manifest.runtime
    if name == "graph":
        raise InvalidInput(
            "package.graph",
            f"{manifest.model} is a graph of models, which answers as a whole and is not loaded as one.",
            hint="Ask it through a server (mw serve, mw deploy), or for a table with: mw predict",
        )
    if name in CODE_RUNTIMES and not trust_code:
        raise Forbidden(
            "package.runs_code",
            f"The model {manifest.model} runs code of its own package ({name}), which nobody has "
            "said to trust.",
            hint="If you know where it comes from, say --trust-code (mw serve, mw deploy, mw predict).",
        )
    module, library = _HOMES[name]
    try:
        opener: Opener = importlib.import_module(f"{__name__}.{module}").open_model
        return opener(manifest, model, folder, threads)
    except ImportError as cause:
        needed = " ".join(manifest.requires) or library
        raise Unavailable(
            "package.library",
            f"The model {manifest.model} needs {library or cause.name}, which is not installed.",
            hint=f"Install it with: pip install {needed}",
        ) from cause
    except MillwrightError:
        raise
    except Exception as cause:
        reason = str(cause).splitlines()[0][:300] if str(cause) else type(cause).__name__
        raise Corrupt(
            "package.unloadable", f"The model {manifest.model} cannot be loaded: {reason}"
        ) from cause


def as_scores(output: object) -> Raw:
    """What a library gave, as an array of numbers."""
    return np.asarray(output)
