"""Suggesting what to try next, with Optuna's ask-and-tell interface kept in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from millwright.training.families import Choice, Family, Params, Range

_STARTUP_TRIALS = 5


@dataclass(frozen=True)
class Suggestion:
    """Params of a family to try, and the ticket to report the outcome with."""

    family: Family
    params: Params
    ticket: Any


class Tuner:
    """A search space over families, each with its own parameters. Scores: higher is better."""

    def __init__(self, candidates: tuple[Family, ...], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._families = {family.name: family for family in candidates}
        sampler = optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=_STARTUP_TRIALS,
            multivariate=True,
            group=True,
            warn_independent_sampling=False,
        )
        self._study = optuna.create_study(direction="maximize", sampler=sampler)

    def learn(self, family: str, params: Params, score: float) -> None:
        """Take in a trial that was made without the tuner."""
        import optuna

        space = self._families[family].space
        given = {name: value for name, value in params.items() if name in space}
        self._study.add_trial(
            optuna.trial.create_trial(
                params={"family": family, **{_key(family, n): v for n, v in given.items()}},
                distributions={
                    "family": self._family_distribution(),
                    **{_key(family, name): _distribution(space[name]) for name in given},
                },
                value=score,
            )
        )

    def suggest(self) -> Suggestion:
        """What to try next."""
        ticket = self._study.ask()
        family = self._families[ticket.suggest_categorical("family", list(self._families))]
        params = {
            name: _suggest(ticket, _key(family.name, name), dimension)
            for name, dimension in family.space.items()
        }
        return Suggestion(family, params, ticket)

    def report(self, suggestion: Suggestion, score: float | None) -> None:
        """Tell how a suggestion did; None for one that failed."""
        import optuna

        if score is None:
            self._study.tell(suggestion.ticket, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(suggestion.ticket, score)

    def _family_distribution(self) -> Any:
        import optuna

        return optuna.distributions.CategoricalDistribution(list(self._families))


def _key(family: str, name: str) -> str:
    return f"{family}.{name}"


def _distribution(dimension: Range | Choice) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choice):
        return CategoricalDistribution(list(dimension.options))
    if isinstance(dimension.low, int) and isinstance(dimension.high, int):
        return IntDistribution(dimension.low, dimension.high, log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _suggest(ticket: Any, name: str, dimension: Range | Choice) -> Any:
    if isinstance(dimension, Choice):
        return ticket.suggest_categorical(name, list(dimension.options))
    if isinstance(dimension.low, int) and isinstance(dimension.high, int):
        return ticket.suggest_int(name, dimension.low, dimension.high, log=dimension.log)
    return ticket.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
