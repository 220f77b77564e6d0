"""A fitted model becomes a folder that any machine can verify and score with, without its code."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from millwright.kernel import clock
from millwright.kernel.encoding import encode
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import (
    CARD_HTML,
    CARD_MARKDOWN,
    ENVIRONMENT,
    MANIFEST,
    REFERENCE,
    Encoding,
    Field,
    Manifest,
    Task,
)
from millwright.kernel.objects import digest_of
from millwright.kernel.scoring import Scorer, Scores
from millwright.registry.card import CardContent, PackagedFile, render_html, render_markdown
from millwright.registry.packaging.form import packaged_form
from millwright.registry.packaging.parity import TOLERANCE

REFERENCE_ROWS = 5_000
SCORE = "score"


class Fitted(Protocol):
    """What packaging needs to know of a trained model; ``training`` returns such objects."""

    @property
    def estimator(self) -> Any:
        """The fitted scikit-learn or LightGBM estimator, which takes the encoded matrix."""

    @property
    def task(self) -> Task:
        """What it predicts."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class labels in the order of its probabilities; empty for regression."""

    @property
    def family(self) -> str:
        """The model family, for people."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns it takes."""

    @property
    def encoding(self) -> Encoding:
        """How those become the matrix."""


def build_package(
    directory: Path,
    fitted: Fitted,
    *,
    model: str,
    reference: pa.Table,
    environment: str,
    held_out: pa.Table | None = None,
    threshold: float = 0.5,
    card: CardContent | None = None,
    created_ms: int | None = None,
    tolerance: float = TOLERANCE,
    beside: Mapping[str, bytes] | None = None,
) -> Manifest:
    """Write the package of a fitted model into ``directory`` and return its manifest.

    Args:
        directory: created where it is missing; files of the package are replaced.
        fitted: the trained model with its signature and encoding.
        model: the name of the registered model.
        reference: rows it was trained on, with every field of the signature; an even sample of at
            most 5,000 is kept for drift, and parity is measured on it.
        environment: pinned requirements, one per line.
        held_out: rows it never saw, whose scores live scores are compared with.
        threshold: probability from which a row is called positive (binary).
        card: what the model card says; digests and parity are filled in here.
        created_ms: the time to write; the same of everything gives the same bytes.
        beside: files that a Python class finds in the package's folder, by name.

    Raises:
        InvalidInput: a column is missing, the model can be packaged in no form, or answers
            differently in each.
    """
    directory.mkdir(parents=True, exist_ok=True)
    sample = even_sample(_fields_only(reference, fitted.fields), REFERENCE_ROWS)
    matrix = encode(sample, fitted.encoding)
    plan = _plan(fitted, model, threshold, created_ms)
    form = packaged_form(
        fitted.estimator, matrix, fitted.task, plan, tolerance=tolerance, beside=beside or {}
    )
    manifest = form.promised_by(plan)
    if held_out is not None:
        matrix = encode(_stretched(held_out, len(matrix)), fitted.encoding)
    scores = answer_score(Scorer(manifest, form.runtime).score_matrix(matrix))
    files = {
        **(beside or {}),
        manifest.model_file: form.native.content,
        REFERENCE: arrow_bytes(sample.append_column(SCORE, pa.array(scores))),
        ENVIRONMENT: environment.encode(),
    }
    if card is not None:
        files |= _card_files(card, manifest, files)
    return _write(directory, manifest, files)


def _plan(fitted: Fitted, model: str, threshold: float, created_ms: int | None) -> Manifest:
    """The manifest as far as it is known before the model has a form."""
    return Manifest(
        model=model,
        task=fitted.task,
        classes=fitted.classes,
        threshold=threshold,
        family=fitted.family,
        signature=fitted.fields,
        encoding=fitted.encoding,
        parity=0.0,
        digests={},
        created_at=clock.rfc3339(clock.now_ms() if created_ms is None else created_ms),
    )


def _write(directory: Path, manifest: Manifest, files: dict[str, bytes]) -> Manifest:
    """Write the files, then the manifest that vouches for them."""
    for name, part in files.items():
        (directory / name).write_bytes(part)
    manifest = manifest.model_copy(
        update={"digests": {name: digest_of(part) for name, part in sorted(files.items())}}
    )
    (directory / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    return manifest


def answer_score(scores: Scores) -> Scores:
    """One number per row, as the prediction log keeps it: P(positive), the value, or P(predicted).

    >>> answer_score(np.asarray([[0.2, 0.5, 0.3]])).tolist()
    [0.5]
    """
    best: Scores = scores if scores.ndim == 1 else scores.max(axis=1)
    return best


def even_sample(table: pa.Table, rows: int) -> pa.Table:
    """At most ``rows`` rows spread evenly over the table, first and last included."""
    if table.num_rows <= rows:
        return table
    return _stretched(table, rows)


def _stretched(table: pa.Table, rows: int) -> pa.Table:
    """Exactly ``rows`` rows spread evenly over the table, some repeated where it has fewer."""
    return table.take(pa.array(np.linspace(0, table.num_rows - 1, rows).astype(np.int64)))


def arrow_bytes(table: pa.Table) -> bytes:
    """A table as an Arrow IPC file, zstd-compressed."""
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    combined = table.combine_chunks().replace_schema_metadata(None)
    with pa.ipc.new_file(sink, combined.schema, options=options) as writer:
        writer.write_table(combined)
    return sink.getvalue()


def _fields_only(table: pa.Table, signature: tuple[Field, ...]) -> pa.Table:
    missing = [field.name for field in signature if field.name not in table.column_names]
    if missing:
        raise InvalidInput(
            "registry.reference_column",
            f"The reference rows lack the column '{missing[0]}' of the signature.",
            hint="Pass the table the model was trained on.",
            value=missing[0],
        )
    if table.num_rows == 0:
        raise InvalidInput("registry.reference_empty", "The reference has no rows.")
    return table.select([field.name for field in signature])


def _card_files(card: CardContent, manifest: Manifest, files: dict[str, bytes]) -> dict[str, bytes]:
    packaged = tuple(
        PackagedFile(name=name, digest=digest_of(part), size=len(part))
        for name, part in sorted(files.items())
    )
    whole = card.model_copy(
        update={
            "files": packaged,
            "parity": manifest.parity,
            "runtime": manifest.runtime,
            "why_native": manifest.why_native,
        }
    )
    return {
        CARD_MARKDOWN: render_markdown(whole).encode(),
        CARD_HTML: render_html(whole).encode(),
    }
