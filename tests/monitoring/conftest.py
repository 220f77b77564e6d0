"""A deployed model with a reference sample, and a spool that tests write traffic into."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millwright.deployment import Deployment, NewDeployment, deploy, spool_folder
from millwright.evaluation import Evaluation, observe
from millwright.evaluation.curves import curves
from millwright.kernel.access import Actor
from millwright.kernel.clock import now_ms, parse_rfc3339
from millwright.kernel.model_package import Encoding, Field, Manifest
from millwright.kernel.store import Store
from millwright.monitoring import Label, LabelBatch, MonitorController, add_labels
from millwright.registry import NewVersion
from millwright.registry.service import register_version
from millwright.serving.segments import segment_schema

PROJECT = "flights"
START = parse_rfc3339("2013-04-01T05:15:00Z")
WEEK = 7 * 86_400_000
SIGNATURE = (
    Field(name="distance", kind="numeric"),
    Field(name="temp", kind="numeric"),
    Field(name="carrier", kind="categorical"),
    Field(name="month", kind="numeric", monitored=False),
)


def arrow_bytes(table: pa.Table) -> bytes:
    content = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(content, table.schema, options=options) as writer:
        writer.write_table(table)
    return content.getvalue()


def draw(rng: np.random.Generator, rows: int, warmer: float = 0.0) -> dict[str, Any]:
    """Rows of the signature; ``warmer`` shifts distance and temperature by so many deviations."""
    return {
        "distance": rng.normal(1000 + 300 * warmer, 300, rows),
        "temp": rng.normal(10 + 8 * warmer, 8, rows),
        "carrier": rng.choice(["UA", "B6", "EV"], rows, p=[0.5, 0.3, 0.2]),
        "month": np.full(rows, 4.0),
    }


def scores_of(rng: np.random.Generator, rows: int) -> np.ndarray:
    return rng.beta(2, 5, rows)


@dataclass
class World:
    """What tests do to a deployed model."""

    project = PROJECT
    week_ms = WEEK

    store: Store
    actor: Actor
    deployment: Deployment
    spool: Path
    versions: dict[str, str]
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(11))
    truth: dict[str, int] = field(default_factory=dict)
    _count: Iterator[int] = field(default_factory=itertools.count)

    def traffic(
        self,
        week: int,
        rows: int = 600,
        *,
        warmer: float = 0.0,
        skill: bool = True,
        latency_us: int = 4_000,
        version: str | None = None,
        shadow: str | None = None,
        segments: int = 2,
        ids: Sequence[str] | None = None,
        served_ms: int | None = None,
        failed: int = 0,
    ) -> list[str]:
        """Write a week's predictions into the spool; their ids. Truth is kept in ``truth``.

        The first ``failed`` of each segment are failures of the model.
        """
        written: list[str] = []
        for part in range(segments):
            count = rows // segments
            names = [f"w{week}-{next(self._count)}" for _ in range(count)]
            if ids is not None:
                names = list(ids)[part * count : (part + 1) * count]
            scores = scores_of(self.rng, count)
            likely = scores if skill else self.rng.permutation(scores)
            for name, chance in zip(names, likely, strict=True):
                self.truth[name] = int(self.rng.random() < chance)
            table = self._segment(
                week, names, scores, warmer, latency_us, version, shadow, served_ms, failed
            )
            self.put(f"{1_700_000_000_000 + next(self._count):013d}-0-1.arrow", table)
            written += names
        return written

    def put(self, name: str, table: pa.Table) -> Path:
        self.spool.mkdir(parents=True, exist_ok=True)
        path = self.spool / name
        path.write_bytes(arrow_bytes(table))
        return path

    def label(self, ids: Sequence[str], flip: bool = False) -> None:
        labels = tuple(
            Label(prediction_id=name, value=self.truth[name] ^ int(flip)) for name in ids
        )
        add_labels(self.store, self.actor, PROJECT, "flights", LabelBatch(labels=labels))

    def _segment(
        self,
        week: int,
        names: list[str],
        scores: np.ndarray,
        warmer: float,
        latency_us: int,
        version: str | None,
        shadow: str | None,
        served_ms: int | None,
        failed: int,
    ) -> pa.Table:
        rows = len(names)
        first = START + week * WEEK
        events = (first + self.rng.integers(0, WEEK - 8 * 3_600_000, rows)) * 1000
        columns: dict[str, Any] = {
            "prediction_id": names,
            "request_id": names,
            "event_time": events,
            "served_at": np.full(rows, (served_ms or now_ms()) * 1000),
            "variant": ["champion"] * rows,
            "version_id": [version or self.deployment.champion_version_id] * rows,
            "latency_us": np.full(rows, latency_us),
            "status": ["error"] * failed + ["ok"] * (rows - failed),
            "score": [None] * failed + list(scores[failed:]),
            "scores": [None] * rows,
            "label": ["0"] * rows,
            "shadow_version_id": [shadow] * rows,
            "shadow_score": np.clip(scores + 0.1, 0, 1) if shadow else [None] * rows,
            "shadow_scores": [None] * rows,
        }
        columns |= {f"f.{k}": v for k, v in draw(self.rng, rows, warmer).items()}
        schema = segment_schema(SIGNATURE)
        return pa.table({f.name: pa.array(columns[f.name], f.type) for f in schema}, schema=schema)


def register(
    store: Store,
    actor: Actor,
    metrics: Mapping[str, float],
    mark: str,
    evaluation: bytes | None = None,
) -> str:
    """Register a version whose reference sample is drawn as traffic without drift is."""
    rng = np.random.default_rng(5)
    sample = pa.table({**draw(rng, 5000), "score": scores_of(rng, 5000)})
    files = {"model.onnx": f"model {mark}".encode(), "reference.arrow": arrow_bytes(sample)}
    manifest = Manifest(
        model="flights",
        task="binary",
        classes=("0", "1"),
        family="constant",
        signature=SIGNATURE,
        encoding=Encoding(columns=()),
        parity=0.0,
        digests={name: store.objects.of(PROJECT).put(content) for name, content in files.items()},
        created_at="2013-04-01T00:00:00Z",
    )
    digest = store.objects.of(PROJECT).put(manifest.model_dump_json().encode())
    held_out = None if evaluation is None else store.objects.of(PROJECT).put(evaluation)
    new = NewVersion(manifest=digest, metrics=dict(metrics), evaluation=held_out)
    return register_version(store, actor, PROJECT, "flights", new).id


def evaluation() -> bytes:
    """Of a model whose scores come true as often as they say."""
    rng = np.random.default_rng(9)
    scores = scores_of(rng, 20_000)
    truth = (rng.random(scores.size) < scores).astype(np.int64)
    empty: dict[str, Any] = dict.fromkeys(
        ("slices", "fairness", "importance", "explanations", "robustness"), ()
    )
    return (
        Evaluation(
            task="binary",
            classes=("0", "1"),
            metric="roc_auc",
            higher_is_better=True,
            threshold=0.5,
            rows=scores.size,
            class_counts={},
            metrics={},
            curves=curves(observe("binary", ("0", "1"), truth, scores, 0.5)),
            worst_slice=None,
            comparison=None,
            **empty,
        )
        .model_dump_json()
        .encode()
    )


@pytest.fixture
def evaluated(store: Store, actor: Actor) -> World:
    """A world whose model was evaluated when it was registered."""
    version = register(store, actor, {"roc_auc": 0.72}, "a", evaluation())
    found = deploy(store, actor, PROJECT, "flights", NewDeployment(model="flights", version=1))
    return World(store, actor, found, spool_folder(store.workspace, found.id), {"first": version})


@pytest.fixture
def world(store: Store, actor: Actor) -> World:
    versions = {
        "first": register(store, actor, {"roc_auc": 0.72}, "a"),
        "second": register(store, actor, {"roc_auc": 0.72}, "b"),
    }
    found = deploy(store, actor, PROJECT, "flights", NewDeployment(model="flights", version=1))
    return World(store, actor, found, spool_folder(store.workspace, found.id), versions)


@pytest.fixture
def controllers(world: World) -> Iterator[Callable[[], MonitorController]]:
    """Makes controllers over the world's store, and ends them."""
    made: list[MonitorController] = []

    def make() -> MonitorController:
        made.append(MonitorController(world.store))
        return made[-1]

    yield make
    for controller in made:
        controller.shutdown()


@pytest.fixture
def controller(controllers: Callable[[], MonitorController]) -> MonitorController:
    return controllers()
