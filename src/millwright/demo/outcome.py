"""What the year came to: the served model against the one that was never retrained."""

from __future__ import annotations

import numpy as np

from millwright.demo.console import Console
from millwright.demo.feed import WEEKS, Feed
from millwright.demo.state import DemoState, WeekResult
from millwright.demo.world import METRIC, PROJECT, World
from millwright.evaluation import evaluate
from millwright.kernel.clock import format_duration, rfc3339
from millwright.kernel.scoring import Scorer
from millwright.monitoring import Window
from millwright.registry import ModelVersion, get_model


def results_of(
    world: World, feed: Feed, first: ModelVersion, frozen: Scorer
) -> tuple[WeekResult, ...]:
    """Each week's metric as monitored, beside the first model's on the same flights."""
    windows = world.windows(PROJECT)
    versions = {
        version.id: version.version
        for version in get_model(world.door, PROJECT, first.model).versions
    }
    results = []
    for number in range(WEEKS):
        week = feed.week(number)
        window = windows[rfc3339(week.starts_ms)]
        known = np.asarray([truth is not None for truth in week.truth])
        truth = np.asarray([truth == first.classes[1] for truth in week.truth], dtype=np.int64)
        scores = frozen.predict(week.rows)
        measured = evaluate(first.served_task, first.classes, truth[known], scores[known])
        results.append(
            WeekResult(
                starts=window.start,
                rows=window.n,
                drifted_share=window.drifted_share,
                champion_version=versions.get(window.champion_version_id or "", 0),
                served=_served(window),
                frozen=measured.get(METRIC),
            )
        )
    return tuple(results)


def tell_outcome(console: Console, state: DemoState, world: World) -> None:
    """The summary: a table of months, and the value of the loop in one number."""
    console.chapter(8, "The year in numbers")
    rows: list[tuple[str, ...]] = [
        ("month", "predictions", "drifted", "champion", "AUC served", "never retrained", "gain")
    ]
    months = dict.fromkeys(result.starts[:7] for result in state.results)
    for month in months:
        inside = [result for result in state.results if result.starts[:7] == month]
        rows.append(_row(month, inside))
    rows.append(_row("year", list(state.results)))
    console.table(rows)
    alerts, retrainings = world.alerts(), world.retrainings()
    promoted = sum(found.status == "promoted" for found in retrainings)
    stopped = sum(found.status in ("refused", "rolled_back") for found in retrainings)
    console.say(
        f"{len(state.results)} weeks, {len(alerts)} alerts, {len(retrainings)} retrainings: "
        f"{promoted} promoted, {stopped} refused or rolled back."
    )
    served, frozen = _mean(state.results, "served"), _mean(state.results, "frozen")
    console.good(
        f"The value of the loop: AUC {served:.4f} with it, {frozen:.4f} without: "
        f"{served - frozen:+.4f} on average over the year."
    )
    console.say(f"The story took {format_duration(state.seconds * 1000)}.")


def _row(name: str, results: list[WeekResult]) -> tuple[str, ...]:
    versions = sorted({result.champion_version for result in results})
    served, frozen = _mean(results, "served"), _mean(results, "frozen")
    return (
        name,
        f"{sum(result.rows for result in results):,}",
        f"{np.mean([result.drifted_share for result in results]):.0%}",
        ", ".join(f"v{version}" for version in versions),
        f"{served:.4f}",
        f"{frozen:.4f}",
        f"{served - frozen:+.4f}",
    )


def _mean(results: tuple[WeekResult, ...] | list[WeekResult], name: str) -> float:
    values = [value for result in results if (value := getattr(result, name)) is not None]
    return float(np.mean(values)) if values else float("nan")


def _served(window: Window) -> float | None:
    for found in window.performance:
        if found.metric == METRIC:
            return found.value
    return None
