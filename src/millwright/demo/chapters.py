"""The first chapters: data, features, training, validation, registry, told from what was stored."""

from __future__ import annotations

import time

from millwright.automation import FeatureReport, Registered, SearchReport, Snapshot
from millwright.data import VersionCheck
from millwright.demo.console import Console
from millwright.demo.world import METRIC, PROJECT
from millwright.evaluation import Evaluation
from millwright.kernel.door import Door
from millwright.pipelines import PipelineClient, PipelineEvent, PipelineResult
from millwright.tracking import list_runs

_HEADINGS = {
    "snapshot_data": (1, "Data: what is there, kept as it is"),
    "make_features": (2, "Features: only what was known before departure"),
    "train_model": (3, "Training: a search within a budget"),
    "evaluate": (4, "Validation: on later flights than any it saw"),
    "register_model": (5, "Registry: a version that can be answered for"),
}


class Chapters:
    """Tells each chapter as its steps end."""

    def __init__(self, console: Console, door: Door, budget_seconds: float) -> None:
        self._console = console
        self._door = door
        self._budget = budget_seconds
        self._began = self._looked = time.monotonic()
        self._running: str | None = None
        self._run = ""
        self._tellers = {
            "check_data": tell_data,
            "make_features": tell_features,
            "train_model": tell_training,
            "evaluate": tell_validation,
            "register_model": tell_registry,
        }

    def hear(self, event: PipelineEvent) -> None:
        """What the engine says."""
        if event.task is None:
            return
        if event.kind in ("task_started", "task_cached") and event.task in _HEADINGS:
            self._console.chapter(*_HEADINGS[event.task])
            self._began = time.monotonic()
        if event.kind == "task_started":
            self._running = event.task
            self._run = event.run_id
        if event.kind in ("task_succeeded", "task_cached"):
            self._running = None
            self._tell(event.task, event.run_id)

    def tick(self) -> None:
        """Show how far the search is, from the trials that have been tracked."""
        if self._running != "train_model" or time.monotonic() - self._looked < 1:
            return
        self._looked = time.monotonic()
        seconds = min(time.monotonic() - self._began, self._budget)
        label = "the first trial is running"
        page = list_runs(self._door, PROJECT, parent=self._run, order_by="-created", limit=200)
        if page.runs:
            values = [r.metrics[METRIC] for r in page.runs if METRIC in r.metrics]
            last = page.runs[0].params.get("family")
            best = f", best {METRIC} {max(values):.4f}" if values else ""
            label = f"{len(page.runs)} trials, last {last}{best}"
        self._console.progress(label, seconds, self._budget, self._began)

    def _tell(self, task: str, run_id: str) -> None:
        teller = self._tellers.get(task)
        if teller is not None:
            so_far = PipelineResult.of(PipelineClient(self._door).get(run_id), self._door)
            teller(self._console, so_far)


def tell_data(console: Console, result: PipelineResult) -> None:
    """What was kept, and what the first checks say."""
    taken: Snapshot = result.output("snapshot_data")
    check: VersionCheck = result.output("check_data")
    console.good(
        f"Kept {taken.main.rows:,} flights of January to March as {taken.main.name}@"
        f"{taken.main.version} (digest {taken.main.digest[:12]}…), and "
        + ", ".join(f"{s.rows:,} rows of {name}" for name, s in taken.sides.items())
        + "."
    )
    failed = [r for r in check.report.results if not r.passed]
    console.good(
        f"{len(check.report.results)} checks inferred from this version: {check.verdict}"
        + (f"; {len(failed)} to look at" if failed else "")
        + ". They warn until a person confirms them, then they block."
    )
    console.look(f"mw data rules {taken.main.name}; mw data confirm {taken.main.name} --all")


def tell_features(console: Console, result: PipelineResult) -> None:
    """What became of the columns."""
    report: FeatureReport = result.output("make_features", "report")
    calendar = [f.name for f in report.fields if not f.monitored]
    console.good(
        f"{len(report.fields)} features, each computed from what was known at departure"
        + (f" ({', '.join(calendar)} move by nature and are not monitored)." if calendar else ".")
    )
    for leak in report.leaks:
        console.warn(f"kept out, it leaks the outcome: {leak.column}. {leak.reason}")


def tell_training(console: Console, result: PipelineResult) -> None:
    """How the model was found."""
    report: SearchReport = result.output("train_model", "report")
    rows = [("family", "trials", "best " + (report.best.metric if report.best else ""))]
    for family in dict.fromkeys(trial.family for trial in report.trials):
        tried = [t for t in report.trials if t.family == family]
        values = [t.value for t in tried if t.value is not None]
        rows.append((family, str(len(tried)), f"{max(values):.4f}" if values else "failed"))
    console.good(
        f"{len(report.trials)} trials in {report.seconds:.0f} s, each a tracked run "
        "with its params, metrics, code, environment and data version:"
    )
    console.table(rows)
    console.look("mw runs list, or the page Runs")


def tell_validation(console: Console, result: PipelineResult) -> None:
    """What the held-out rows say."""
    found: Evaluation = result.output("evaluate")
    main = found.metrics[found.metric]
    console.good(
        f"On {found.rows:,} later flights: {found.metric} {main.value:.4f} "
        f"(95 % interval {main.low:.4f} to {main.high:.4f})."
    )
    if found.worst_slice is not None:
        worst = found.worst_slice
        console.say(
            f"Worst slice: {worst.column} = {worst.name} ({worst.rows:,} rows) with "
            f"{worst.metrics[found.metric]:.4f}."
        )
    top = ", ".join(f"{item.field}" for item in found.importance[:4])
    console.say(f"What it looks at most: {top}.")
    for gate in found.gates:
        (console.good if gate.passed else console.bad)(f"gate: {gate.reason}")


def tell_registry(console: Console, result: PipelineResult) -> None:
    """What was registered."""
    made: Registered = result.output("register_model")
    if made.is_champion:
        console.good(
            f"{made.model} version {made.version} ({made.family}, ONNX, every file by digest) "
            "has the alias champion."
        )
    else:
        console.bad(f"{made.model} version {made.version} did not pass its gates.")
    console.look(f"mw models card {made.model} {made.version}, or the page Models")
