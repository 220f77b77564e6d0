"""The form a model is packaged in: an ONNX graph where that answers as the trained model does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from millwright.kernel.encoding import Matrix
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import MODEL_FILES, Manifest, Task
from millwright.kernel.runtimes import Runtime, open_runtime
from millwright.kernel.scoring import shape_scores
from millwright.registry.packaging.export import export_onnx
from millwright.registry.packaging.native import NativeForm, export_native, is_foreign
from millwright.registry.packaging.parity import (
    Parity,
    compared,
    estimator_scores,
    require_parity,
)


@dataclass(frozen=True)
class Form:
    """A model's bytes, what runs them, and how far their answers are from the trained model's.

    Attributes:
        why_native: why it is no ONNX graph, where it is none.
    """

    native: NativeForm
    runtime: Runtime
    parity: Parity
    why_native: str | None

    def promised_by(self, plan: Manifest) -> Manifest:
        """The manifest with what is known of this form."""
        native = self.native
        return plan.model_copy(
            update={
                "runtime": native.runtime,
                "entry": native.entry,
                "requires": native.requires,
                "why_native": self.why_native,
                "parity": self.parity.largest,
            }
        )


def packaged_form(
    model: Any,
    matrix: Matrix,
    task: Task,
    plan: Manifest,
    *,
    tolerance: float,
    beside: Mapping[str, bytes],
) -> Form:
    """The form of a trained model, tried on the rows of ``matrix``.

    Args:
        model: as ``export_native`` takes it.
        matrix: encoded rows, float32.
        task: what it predicts.
        plan: the manifest as far as it is known.
        tolerance: as ``parity``.
        beside: files that a Python class finds in its folder.

    Raises:
        InvalidInput: it can be written in no form, or answers differently in each.
    """
    why = "it is code" if is_foreign(model) else None
    if why is None:
        try:
            content = export_onnx(model, matrix.shape[1], task)
            graph = NativeForm("onnx", content)
            runtime = _opened(graph, plan, beside)
            measured = compared(
                runtime, estimator_scores(model, matrix, task), matrix, task, tolerance
            )
            if measured.ok:
                return Form(graph, runtime, measured, None)
            why = (
                f"as a graph it differs on {measured.share_off:.2%} of {measured.rows} rows by up "
                f"to {measured.largest:.3g}"
            )
        except InvalidInput as refused:
            why = refused.message
    native = export_native(model, matrix.shape[1], task)
    runtime = _opened(native, plan, beside)
    if native.answers is None and is_foreign(model):
        # A folder from elsewhere: what is packaged is all there is to ask.
        trained = shape_scores(runtime.run(matrix), task)
    else:
        trained = estimator_scores(model, matrix, task, native.answers)
    measured = compared(runtime, trained, matrix, task, tolerance)
    require_parity(measured)
    return Form(native, runtime, measured, why)


def _opened(form: NativeForm, plan: Manifest, beside: Mapping[str, bytes]) -> Runtime:
    manifest = plan.model_copy(
        update={"runtime": form.runtime, "entry": form.entry, "requires": form.requires}
    )
    with TemporaryDirectory(prefix="millwright-") as name:
        folder = Path(name)
        for file, content in {**beside, MODEL_FILES[form.runtime]: form.content}.items():
            (folder / file).write_bytes(content)
        # What is being packaged here ran in this process a moment ago.
        return open_runtime(manifest, form.content, folder, trust_code=True)
