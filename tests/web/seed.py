"""Fills a workspace through the platform's own doors, so that the UI has a real year to show.

``python seed.py FOLDER``: data, runs, four versions of a model, a deployment, twelve weeks of
predictions with late labels, what monitoring finds in them, two retrainings and a running canary.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from flights_world import FIELDS, SPEC, START, WEEK, flights, labelled, segment, train, with_time
from retraining_history import record_retraining

from millwright.data import Confirmation, check, confirm_checks, get_suite, snapshot
from millwright.deployment import (
    NewCanary,
    NewDeployment,
    Promotion,
    Ruling,
    deploy,
    promote,
    roll_back,
    spool_folder,
    start_canary,
)
from millwright.evaluation import Evaluation, evaluate_model
from millwright.kernel.access import Actor, Role
from millwright.kernel.clock import now_ms, rfc3339
from millwright.kernel.config import ProjectConfig, parse_project
from millwright.kernel.door import Door, connect
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.monitoring import Label, LabelBatch, MonitorController, add_labels
from millwright.registry import CardData, ModelVersion, build_package, card_content, register
from millwright.registry.client import set_alias
from millwright.server.opening import open_store
from millwright.tracking import MetricPoint, NewRun
from millwright.tracking.client import create_run, end_run, log_artifact, log_metrics
from millwright.training import FittedModel

PROJECT = "flights"
PERSON = Actor("ada", Role.ADMIN)
CONFIG = """\
project: flights
data:
  source: flights.csv
  target: late
  time: scheduled
training: {budget: 20s}
evaluation:
  slices: [carrier, origin, hour]
  fairness: {groups: [origin]}
  gates:
    - {metric: roc_auc, min: 0.6}
    - {metric: worst_slice.roc_auc, min: 0.5}
    - {metric: fairness.gap, max: 0.25}
    - {metric: improvement, min: -0.01}
monitoring:
  window: 7d
  drift: {threshold: 0.15, share: 0.1}
# The history below is recorded, so nothing may be retrained while a test looks at it.
retraining: {triggers: []}
"""
_rng = np.random.default_rng(13)


@dataclass(frozen=True)
class Candidate:
    """A model with the version it was registered as."""

    model: FittedModel
    version: ModelVersion
    evaluation: Evaluation


def main(folder: Path) -> None:
    """Seed the workspace in ``folder``."""
    workspace = Workspace(folder)
    with connect(workspace) as door:
        door.put(f"/projects/{PROJECT}", {"config": CONFIG})
        candidates = _candidates(door)
        _keep_two_branches(door)
    _keep_photos(folder)
    store = open_store(workspace)
    try:
        _live(store, candidates)
    finally:
        store.close()


def _keep_two_branches(door: Door) -> None:
    """A table on which two people changed the same value differently."""
    first = pa.table({"id": range(100), "price": [9.5] * 100})
    base = snapshot(door, PROJECT, "goods", first, "goods.csv", key=("id",))
    for branch, price in (("prices", 9.99), ("main", 8.88)):
        prices = pa.array([price, *first["price"].to_pylist()[1:]])
        changed = first.set_column(1, "price", prices)
        snapshot(
            door,
            PROJECT,
            "goods",
            changed,
            "goods.csv",
            key=("id",),
            branch=branch,
            parents=(base.id,),
        )


def _keep_photos(folder: Path) -> None:
    """Two versions of a folder, kept from the command line as a person does."""
    photos = folder / "photos"
    for kind, number in (("arrivals", 40), ("departures", 25)):
        (photos / kind).mkdir(parents=True)
        for index in range(number):
            (photos / kind / f"{index:03d}.raw").write_bytes(_rng.bytes(2000))
    _add(folder, "first delivery")
    _mw(folder, "data", "unprotect", "photos", "--project", PROJECT)
    (photos / "arrivals" / "003.raw").unlink()
    (photos / "arrivals" / "007.raw").rename(photos / "departures" / "moved.raw")
    (photos / "notes.txt").write_text("Two cameras were replaced.\n")
    _add(folder, "cameras replaced")


def _add(folder: Path, message: str) -> None:
    _mw(folder, "data", "add", "photos", "--project", PROJECT, "--message", message)


def _mw(folder: Path, *command: str) -> None:
    program = "from millwright.cli.main import main; main()"
    subprocess.run(
        [sys.executable, "-c", program, *command],
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )


def _candidates(door: Door) -> list[Candidate]:
    config = parse_project(CONFIG)
    first = with_time(flights(_rng, 4000), START - 13 * WEEK, 13 * WEEK)
    spring = with_time(flights(_rng, 4000, 0.6), START - 6 * WEEK, 13 * WEEK)
    found: list[Candidate] = []
    champion: FittedModel | None = None
    for number, table in enumerate((first, first.slice(0, 300), spring, spring)):
        model = train(table, (0.5, 0.002, 1.0, 2.0)[number])
        found.append(_register(door, config, table, model, champion))
        if number in (0, 2):
            champion = model
    set_alias(door, PROJECT, "flights", "champion", 1)
    confirm_checks(door, PROJECT, "flights", Confirmation(checks=_some_checks(door)))
    for version in (1, 3):
        check(door, PROJECT, "flights", version)
    return found


def _some_checks(door: Door) -> tuple[str, ...]:
    checks = get_suite(door, PROJECT, "flights").suite.checks
    return tuple(check.id for check in checks if check.kind == "has_type")


def _register(
    door: Door,
    config: ProjectConfig,
    table: pa.Table,
    model: FittedModel,
    champion: FittedModel | None,
) -> Candidate:
    data = snapshot(door, PROJECT, "flights", table, "flights.csv")
    run = _log_search(door, data.id, table)
    held_out = labelled(flights(_rng, 3000, 0.6 if champion else 0.05))
    evaluation = evaluate_model(
        model.predict,
        held_out,
        FIELDS,
        SPEC,
        config.evaluation,
        champion.predict(held_out) if champion else None,
    )
    card = card_content(
        config,
        model="flights",
        task="binary",
        family="linear",
        created_at=rfc3339(now_ms()),
        fields=FIELDS,
        classes=SPEC.classes,
        params=model.params,
        data=CardData(
            dataset="flights",
            version=data.version,
            rows=data.rows,
            digest=data.digest,
            test_rows=3000,
        ),
        evaluation=evaluation,
        environment="scikit-learn\n",
        example=table.slice(0, 1).select([f.name for f in FIELDS]).to_pylist()[0],
    )
    with tempfile.TemporaryDirectory() as package:
        build_package(
            Path(package),
            model,
            model="flights",
            reference=table,
            environment="scikit-learn\n",
            card=card,
        )
        version = register(
            door,
            PROJECT,
            "flights",
            Path(package),
            run=run,
            dataset=data.id,
            metrics={name: evaluation.metrics[name].value for name in ("roc_auc", "brier")},
            gates=evaluation.gates,
            evaluation=evaluation.model_dump_json().encode(),
        )
    return Candidate(model, version, evaluation)


def _log_search(door: Door, data: str, table: pa.Table) -> str:
    held_out = labelled(flights(_rng, 800))
    parent = create_run(
        door, PROJECT, NewRun(experiment="late", name="search", inputs=(data,), command="mw run")
    )
    best = 0.0
    for number, strength in enumerate((0.001, 0.01, 0.1, 0.5, 2.0, 10.0)):
        model = train(table.slice(0, 1500), strength)
        truth = held_out["late"].to_numpy()
        scores = model.predict(held_out)
        auc = float((scores[truth == 1][:, None] > scores[truth == 0][None, :]).mean())
        trial = create_run(
            door,
            PROJECT,
            NewRun(
                experiment="late",
                name=f"trial {number + 1}",
                parent=parent.id,
                params={"family": "linear", "C": strength, "max_iter": 200},
            ),
        )
        log_metrics(door, trial.id, [MetricPoint(key="roc_auc", value=auc)])
        end_run(door, trial.id)
        best = max(best, auc)
        log_metrics(door, parent.id, [MetricPoint(key="best_roc_auc", value=best, step=number)])
    log_metrics(door, parent.id, [MetricPoint(key="roc_auc", value=best)])
    log_artifact(door, PROJECT, parent.id, "notes/search.txt", b"Six strengths were tried.\n")
    end_run(door, parent.id)
    return parent.id


def _live(store: Store, found: list[Candidate]) -> None:
    first, second, third, fourth = found
    made = deploy(store, PERSON, PROJECT, "flights", NewDeployment(model="flights", version=1))
    spool = spool_folder(store.workspace, made.id)
    spool.mkdir(parents=True, exist_ok=True)
    controller = MonitorController(store)
    for week in range(12):
        if week == 5:
            record_retraining(store, made, week, second.version, second.evaluation, better=False)
        if week == 7:
            record_retraining(store, made, week, third.version, third.evaluation, better=True)
            start_canary(store, PERSON, PROJECT, "flights", NewCanary(version=3, share=0.3))
        if week == 8:
            better = Promotion.model_validate(_ruling(True).model_dump())
            promote(store, PERSON, PROJECT, "flights", better)
        serving = first if week < 8 else third
        _week(store, spool, week, serving)
        controller.reconcile()
    start_canary(store, PERSON, PROJECT, "flights", NewCanary(version=2, share=0.1))
    roll_back(store, PERSON, PROJECT, "flights", _ruling(False))
    start_canary(store, PERSON, PROJECT, "flights", NewCanary(version=fourth.version.version))
    controller.shutdown()


def _ruling(better: bool) -> Ruling:
    reason = "The challenger's Brier score is lower on the same 1,204 rows, surely enough."
    if not better:
        reason = "The challenger's Brier score is higher on the same 640 rows."
    return Ruling(reason=reason, evidence={"rows": 1204 if better else 640, "confidence": 0.95})


def _week(store: Store, spool: Path, week: int, serving: Candidate) -> None:
    season = max(0.0, (week - 2) / 10)
    table = flights(_rng, 700, season)
    scores = serving.model.predict(table)
    names = [f"w{week}-{row}" for row in range(table.num_rows)]
    content = segment(
        table,
        scores,
        names=names,
        week=week,
        version=serving.version.id,
        served_ms=now_ms(),
        rng=_rng,
    )
    (spool / f"{1_700_000_000_000 + week:013d}-0-1.arrow").write_bytes(content)
    truth = table["late"].to_pylist()
    labels = tuple(
        Label(prediction_id=name, value=value) for name, value in zip(names, truth, strict=True)
    )
    if week < 11:
        add_labels(store, PERSON, PROJECT, "flights", LabelBatch(labels=labels))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
