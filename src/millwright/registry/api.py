"""The Python API of the registry: ``mw.log_model`` and ``mw.load_model``.

Example:
    >>> import millwright as mw                                          # doctest: +SKIP
    >>> version = mw.log_model(classifier, "flights", example=frame)     # doctest: +SKIP
    >>> mw.load_model("flights@champion").predict(frame)                 # doctest: +SKIP
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from millwright.kernel import clock
from millwright.kernel.door import Door, connect
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import (
    CARD_HTML,
    CARD_MARKDOWN,
    ENVIRONMENT,
    MANIFEST,
    REFERENCE,
)
from millwright.kernel.scoring import Scorer, Scores
from millwright.kernel.workspace import project_here
from millwright.registry import client
from millwright.registry.card import CardContent
from millwright.registry.inference import InferredModel, as_table, infer_fitted
from millwright.registry.packaging import build_package
from millwright.registry.records import ModelVersion

if TYPE_CHECKING:
    from millwright.tracking import RunSession


_OWN_NAMES = (MANIFEST, REFERENCE, ENVIRONMENT, CARD_HTML, CARD_MARKDOWN)


def log_model(
    model: Any,
    name: str | None = None,
    example: Any = None,
    *,
    classes: Sequence[str] | None = None,
    files: Sequence[str | Path] = (),
) -> ModelVersion:
    """Package a fitted model, log the package to the active run and register it.

    The signature is inferred from the example, the model converted to ONNX, and its answers
    compared with the trained model's on the example's rows. A model that has no such form, or
    answers differently in it, keeps the form of its own library.

    Args:
        model: a fitted estimator of scikit-learn, LightGBM, XGBoost or CatBoost that takes
            numeric columns (LightGBM also columns with categories); a PyTorch module; the folder
            of an MLflow model; or an instance of any class with ``load(folder)`` and
            ``predict(matrix)``, whose module goes into the package.
        name: of the registered model; the project's name if not given.
        example: rows it was trained on: a pandas, polars or Arrow table, or a 2-D array. Extra
            columns are left out where the model knows its own. It becomes the drift reference.
        classes: the labels of a classifier that does not say them itself (PyTorch, MLflow, a
            class of yours), in the order of its probabilities; without them it predicts numbers.
        files: what such a class finds in the folder that it is given.

    Raises:
        InvalidInput: no example, a column the packaged form cannot take, or a model that can be
            packaged in no form or answers differently in each.
    """
    from millwright.tracking import active_run, packages

    run = active_run()
    chosen = name or run.project
    fitted, table = infer_fitted(model, _rows(example), classes)
    inputs, now = run.record.inputs, clock.now_ms()
    with tempfile.TemporaryDirectory(prefix="millwright-") as folder:
        package = Path(folder)
        build_package(
            package,
            fitted,
            model=chosen,
            reference=table,
            environment=packages(),
            card=_card(chosen, run, fitted, table, now),
            created_ms=now,
            beside=_beside(files),
        )
        version = client.register(
            run.door,
            run.project,
            chosen,
            package,
            run=run.id,
            dataset=inputs[0] if inputs else None,
            metrics=_metrics(run),
        )
    _link(run, version)
    return version


@dataclass(frozen=True)
class LoadedModel:
    """A registered model ready to predict; its package was verified before loading."""

    version: ModelVersion
    scorer: Scorer

    def predict(self, rows: Any) -> Scores:
        """Scores of a pandas, polars or Arrow table, or of a 2-D array in signature order.

        Returns:
            binary: P(positive) ``(n,)``; multiclass: probabilities ``(n, k)``; regression: values
            ``(n,)``.

        Raises:
            InvalidInput: a column of the signature is missing.
        """
        names = [field.name for field in self.scorer.manifest.signature]
        return self.scorer.predict(as_table(rows, names))

    def predict_labels(self, rows: Any) -> list[str]:
        """Class labels, by the model's threshold or the most probable class.

        Raises:
            InvalidInput: it is a regression model, or as ``predict``.
        """
        manifest = self.scorer.manifest
        if manifest.task == "regression":
            raise InvalidInput(
                "registry.no_labels",
                f"{manifest.model} predicts numbers, not labels.",
                hint="Call predict.",
            )
        scores = self.predict(rows)
        if manifest.task == "binary":
            return [manifest.classes[int(score >= manifest.threshold)] for score in scores]
        return [manifest.classes[int(best)] for best in scores.argmax(axis=1)]


def load_model(
    reference: str,
    *,
    project: str | None = None,
    door: Door | None = None,
    trust_code: bool = False,
) -> LoadedModel:
    """Fetch and verify a registered model: ``name@champion``, ``name@3``, or ``name`` for its
    champion.

    Packages are kept in ``$XDG_CACHE_HOME/millwright`` (``~/.cache``) under the digest of their
    manifest, and verified again at every load.

    ``trust_code`` lets a package run code that it holds (PyTorch, MLflow, a Python class).

    Raises:
        NotFound: there is no such model, version or alias.
        Corrupt: the bytes are not those that were registered.
        Forbidden: the package runs code and is not trusted.
    """
    name, _, which = reference.partition("@")
    opened = door or connect()
    try:
        owner = project or project_here()
        version = client.get_version(opened, owner, name, which or "champion")
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        folder = Path(base) / "millwright" / "models" / version.manifest
        package = client.fetch(opened, owner, name, version.version, folder)
        return LoadedModel(version, Scorer.open(package, trust_code=trust_code))
    finally:
        if door is None:
            opened.close()


def _rows(example: Any) -> pa.Table:
    if example is None:
        raise InvalidInput(
            "registry.no_example",
            "log_model needs some rows the model was trained on.",
            hint="Call mw.log_model(model, name, example=X_train).",
        )
    return as_table(example)


def _link(run: RunSession, version: ModelVersion) -> None:
    """Show the files of a version among the artifacts of the run that made it."""
    from millwright.tracking import NewArtifact, link_artifact

    for file, digest in {**version.digests, MANIFEST: version.manifest}.items():
        link_artifact(run.door, run.id, NewArtifact(name=f"model/{file}", digest=digest))


def _beside(files: Sequence[str | Path]) -> dict[str, bytes]:
    """The content of files by name; a package is one folder, so names have to differ."""
    named: dict[str, bytes] = {}
    for path in map(Path, files):
        if path.name in named or path.name in _OWN_NAMES or path.name.startswith("model."):
            raise InvalidInput(
                "registry.file_name",
                f"A package cannot hold another file named '{path.name}'.",
                hint="Rename it.",
            )
        try:
            named[path.name] = path.read_bytes()
        except OSError as cause:
            raise InvalidInput(
                "registry.file", f"The file {path} cannot be read: {cause.strerror}."
            ) from cause
    return named


def _card(
    name: str, run: RunSession, fitted: InferredModel, table: pa.Table, now: int
) -> CardContent:
    """The card of a model about which only its run and its example are known."""
    from millwright.tracking import packages

    record = run.record
    return CardContent(
        model=name,
        project=run.project,
        task=fitted.task,
        family=fitted.family,
        created_at=clock.rfc3339(now),
        classes=fitted.classes,
        params=fitted.params,
        fields=fitted.fields,
        environment=packages(),
        python=record.environment.python if record.environment else None,
        platform=record.environment.platform if record.environment else None,
        seed=record.seed,
        commit=record.code.commit if record.code else None,
        dirty=record.code.dirty if record.code else False,
        run=run.id,
        example=table.slice(0, 1).to_pylist()[0],
    )


def _metrics(run: RunSession) -> dict[str, float]:
    from millwright.tracking import get_run

    run.flush()
    return dict(get_run(run.door, run.id).metrics)
