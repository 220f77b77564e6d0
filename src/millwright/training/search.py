"""A budgeted search over model families and their parameters.

Every family is tried once as it comes; then the best one, and the second where it comes close, are
tuned with a tree-structured Parzen estimator (Bergstra et al., 2011) until the next trial would not
fit into the budget; then the best is fitted again on all rows. A trial that fails is recorded, and
the search goes on.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from millwright.kernel.config import TrainingConfig
from millwright.kernel.errors import InvalidInput, MillwrightError
from millwright.kernel.model_package import Encoding, Field
from millwright.kernel.record import Record
from millwright.training.families import Family, Params, families
from millwright.training.fitting import Fit, fit
from millwright.training.folds import Folds
from millwright.training.model import FittedModel, ParamValue, Prediction, predict_matrix
from millwright.training.objective import Objective, objective
from millwright.training.task import Target, TaskSpec
from millwright.training.threads import wait_without_spinning
from millwright.training.tuner import Tuner

_TUNED_FAMILIES = 2
_LIMIT_SHARE = 1 / 6
"""The share of the budget that one boosting fit may take, and the seconds it may always take."""
_LEAST_LIMIT_S = 2.0
_SAFETY = 1.25
_LAST_FIT_SHARE = 0.25
"""The share of the budget that the last fit has even where the trials used it all up."""


class TrialRecord(Record):
    """One attempt: what was tried and what came of it."""

    number: int
    family: str
    params: dict[str, ParamValue]
    metric: str
    value: float | None = None
    """The metric on the validation rows; None for a failed trial."""
    status: Literal["ok", "failed"] = "ok"
    error: str | None = None
    train_seconds: float = 0.0
    rows: int
    best: bool = False
    """True where no earlier trial was better."""


@dataclass(frozen=True)
class TrialArtifacts:
    """What a successful trial leaves besides its record; None and empty for a failed one."""

    model: FittedModel | None
    valid_target: Target
    valid_prediction: Prediction | None
    curve: tuple[float, ...] = ()
    """Validation loss after each boosting round."""


@dataclass(frozen=True)
class SearchResult:
    """The best model, fitted on training and validation rows, and how it was found."""

    model: FittedModel
    refitted: bool
    """False where the last fit, on all rows, failed and the model is the trial's own."""
    best: TrialRecord
    trials: tuple[TrialRecord, ...]
    seconds: float


OnTrial = Callable[[TrialRecord, TrialArtifacts], None]


def search(
    train: pa.Table,
    valid: pa.Table,
    fields: tuple[Field, ...],
    spec: TaskSpec,
    config: TrainingConfig,
    budget_ms: int,
    on_trial: OnTrial | None = None,
    stop: Callable[[], bool] = lambda: False,
    *,
    max_trials: int | None = None,
) -> SearchResult:
    """Search within a budget for the model that does best on ``valid``.

    Args:
        train, valid: tables with the fields and ``__target``, without unknown targets.
        budget_ms: time for the whole search, the last fit included. Every family is tried once
            even where that takes longer; rows are subsampled to make that unlikely.
        on_trial: told of every trial as it ends.
        stop: asked between trials and boosting rounds; true ends the search with the best so far.
        max_trials: a limit on trials. Where it ends the search before the budget does, the result
            depends on the data and ``config.seed`` alone.

    Raises:
        InvalidInput: an unknown family or metric, nothing to learn from, or no trial succeeded.
    """
    wait_without_spinning()
    run = _Search(
        folds=Folds(train, valid, fields, spec, budget_ms, config.seed),
        goal=objective(spec.task, config.metric),
        seed=config.seed,
        began=time.perf_counter(),
        budget_s=budget_ms / 1000,
        on_trial=on_trial,
        stop=stop,
        max_trials=max_trials,
    )
    with warnings.catch_warnings():
        # Convergence and feature-name warnings of single trials say nothing a user can act on.
        warnings.simplefilter("ignore")
        run.try_defaults(families(config.families))
        run.tune()
        return run.finish()


class _Search:
    """The state of one search: what was tried, what is left of the budget."""

    def __init__(
        self,
        folds: Folds,
        goal: Objective,
        seed: int,
        began: float,
        budget_s: float,
        on_trial: OnTrial | None,
        stop: Callable[[], bool],
        max_trials: int | None,
    ) -> None:
        self._folds, self._goal, self._seed = folds, goal, seed
        self._began, self._budget_s = began, budget_s
        self._on_trial, self._stop, self._max_trials = on_trial, stop, max_trials
        self._trials: list[TrialRecord] = []
        self._families: dict[str, Family] = {}
        self._best: tuple[TrialRecord, FittedModel] | None = None
        self._last_error: Exception | None = None

    def try_defaults(self, candidates: tuple[Family, ...]) -> None:
        """Try each family once with its defaults."""
        self._families = {family.name: family for family in candidates}
        for family in candidates:
            if self._may_go_on():
                self._attempt(family, family.defaults)

    def tune(self) -> None:
        """Tune the most promising families while another trial fits into the budget."""
        chosen = self._promising()
        if not chosen or not self._may_go_on():
            return
        tuner = Tuner(tuple(self._families[trial.family] for trial in chosen), self._seed)
        for trial in chosen:
            tuner.learn(trial.family, trial.params, self._goal.sign * (trial.value or 0.0))
        while self._may_go_on():
            suggestion = tuner.suggest()
            if not self._fits(suggestion.family.name):
                return
            record = self._attempt(suggestion.family, suggestion.params)
            tuner.report(
                suggestion, None if record.value is None else self._goal.sign * record.value
            )

    def _promising(self) -> list[TrialRecord]:
        """The trials of the families worth tuning, the best first."""

        def score(trial: TrialRecord) -> float:
            return self._goal.sign * (trial.value or 0.0)

        ranked = sorted((t for t in self._trials if t.value is not None), key=score, reverse=True)
        tunable = [trial for trial in ranked if self._families[trial.family].space]
        if not tunable:
            return []
        return tunable[:_TUNED_FAMILIES]

    def finish(self) -> SearchResult:
        """Fit the best again on training and validation rows."""
        if self._best is None:
            raise self._failure() from self._last_error
        record, model = self._best
        refitted = True
        try:
            model = self._refit(model)
        except Exception:
            # A row that only the validation part has may upset the fit; the trial's model stands.
            refitted = False
        seconds = time.perf_counter() - self._began
        return SearchResult(model, refitted, record, tuple(self._trials), seconds)

    def _refit(self, model: FittedModel) -> FittedModel:
        family = self._families[model.family]
        encoding, everything = self._folds.all_rows(family.style, self._affordable_rows())
        final = fit(family, model.params, self._folds.spec, everything, self._seed)
        return self._model(family, encoding, final)

    def _affordable_rows(self) -> int:
        """How many rows the last fit may take to end near the budget; all without a clock."""
        assert self._best is not None
        best = self._best[0]
        if self._max_trials is not None or best.train_seconds <= 0:
            return self._folds.total_rows
        left = self._budget_s - (time.perf_counter() - self._began)
        seconds = max(left, _LAST_FIT_SHARE * self._budget_s)
        return max(round(best.rows * seconds / best.train_seconds), best.rows)

    def _model(self, family: Family, encoding: Encoding, found: Fit) -> FittedModel:
        spec = self._folds.spec
        return FittedModel(
            task=spec.task,
            classes=spec.classes,
            family=family.name,
            params=found.params,
            encoding=encoding,
            estimator=found.estimator,
            fields=self._folds.fields,
        )

    def _failure(self) -> MillwrightError:
        if isinstance(self._last_error, MillwrightError):
            return self._last_error
        if not self._trials:
            return InvalidInput(
                "training.stopped",
                "The search was stopped before its first trial ended.",
                hint="Run it again, with a larger training.budget if it was too short.",
            )
        return InvalidInput(
            "training.no_model",
            f"None of the {len(self._trials)} trials succeeded; the last one failed with: "
            f"{self._trials[-1].error}",
            hint="Look at the failed trials in the run's page.",
        )

    def _may_go_on(self) -> bool:
        return not self._stop() and (
            self._max_trials is None or len(self._trials) < self._max_trials
        )

    def _fits(self, family: str) -> bool:
        """Whether one more trial of a family, and then the last fit, end within the budget."""
        assert self._best is not None
        seconds = [t.train_seconds for t in self._trials if t.family == family and t.value]
        best = self._best[0]
        last_fit = best.train_seconds * self._folds.total_rows / max(best.rows, 1)
        expected = _SAFETY * (max(seconds[-5:], default=0.0) + last_fit)
        return time.perf_counter() - self._began + expected < self._budget_s

    def _attempt(self, family: Family, params: Params) -> TrialRecord:
        number = len(self._trials)
        try:
            record, artifacts = self._try(number, family, params)
        except Exception as error:
            # Whatever one trial trips over, the others may still succeed.
            self._last_error = error
            record = TrialRecord(
                number=number,
                family=family.name,
                params=dict(params),
                metric=self._goal.name,
                status="failed",
                error=" ".join(f"{type(error).__name__}: {error}".split())[:500],
                rows=self._folds.search_rows,
            )
            artifacts = TrialArtifacts(None, self._folds.valid_target, None)
        self._trials.append(record)
        if self._on_trial is not None:
            self._on_trial(record, artifacts)
        return record

    def _try(
        self, number: int, family: Family, params: Params
    ) -> tuple[TrialRecord, TrialArtifacts]:
        folds, spec = self._folds, self._folds.spec
        encoding, learn, check = folds.search_rows_of(family.style)
        limit = max(self._budget_s * _LIMIT_SHARE, _LEAST_LIMIT_S)
        found = fit(
            family, params, spec, learn, self._seed, valid=check, limit_s=limit, stop=self._stop
        )
        prediction = predict_matrix(found.estimator, check.matrix, spec.task)
        value = self._goal.value(check.target, prediction)
        gain = None if self._best is None else value - (self._best[0].value or 0.0)
        record = TrialRecord(
            number=number,
            family=family.name,
            params=dict(found.params),
            metric=self._goal.name,
            value=value,
            train_seconds=round(found.seconds, 4),
            rows=len(learn.target),
            best=gain is None or self._goal.sign * gain > 0,
        )
        model = self._model(family, encoding, found)
        if record.best:
            self._best = (record, model)
        return record, TrialArtifacts(model, check.target, prediction, found.curve)
