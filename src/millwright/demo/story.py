"""The story of a model's year, from the first snapshot to the last retraining.

Everything it tells is read back from Millwright. It may be killed at any moment: each step can be
repeated without harm, and the state file says how far the story has come.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from millwright.automation import train_in_worker
from millwright.demo.chapters import Chapters
from millwright.demo.console import Console
from millwright.demo.feed import WEEKS, Feed, Week, deliver_reference
from millwright.demo.news import News
from millwright.demo.outcome import results_of
from millwright.demo.state import DemoState, load_state, save_state
from millwright.demo.traffic import requests, send
from millwright.demo.world import PROJECT, World
from millwright.kernel.clock import parse_duration, rfc3339
from millwright.kernel.errors import NotFound, Unavailable
from millwright.kernel.scoring import Scorer
from millwright.kernel.workspace import Workspace
from millwright.registry import CHAMPION, ModelVersion, fetch, get_model, get_version, set_alias

STATE_FILE: Final = "demo-state.json"
MODEL: Final = PROJECT


class Story:
    """Plays the year in a workspace."""

    def __init__(
        self, workspace: Workspace, world: World, console: Console, *, budget: str | None
    ) -> None:
        self._workspace = workspace
        self._world = world
        self._console = console
        self._budget = budget
        self._path = workspace.state / STATE_FILE
        self.state: DemoState = load_state(self._path)
        self._news = News(world, console)

    @property
    def finished(self) -> bool:
        """Whether the year has been played to its end."""
        return bool(self.state.results)

    def play(self) -> None:
        """Play on from where the story is, to the end of the year."""
        began, before = time.monotonic(), self.state.seconds
        data = self._workspace.root / "data"
        deliver_reference(data)
        first = self._first_version() or self._train()
        self._deploy()
        feed = Feed(data, self._workspace.project(), first.signature)
        self._replay(feed, first, began, before)
        frozen = Scorer.open(self._package(first))
        results = results_of(self._world, feed, first, frozen)
        seconds = before + time.monotonic() - began
        self._save(self.state.model_copy(update={"results": results, "seconds": seconds}))

    def _first_version(self) -> ModelVersion | None:
        """The version that an earlier start made, its alias set if it was killed before that."""
        try:
            first = get_version(self._world.door, PROJECT, MODEL, 1)
        except NotFound:
            return None
        if not all(gate.passed for gate in first.gates):
            return None
        if not get_model(self._world.door, PROJECT, MODEL).model.aliases:
            set_alias(self._world.door, PROJECT, MODEL, CHAMPION, 1)
        self._console.good(f"{MODEL} version 1 is there from an earlier start; going on with it.")
        return first

    def _train(self) -> ModelVersion:
        config = self._workspace.project()
        seconds = parse_duration(self._budget or config.training.budget) / 1000
        told = Chapters(self._console, self._world.door, seconds)
        train_in_worker(
            self._world.door,
            self._workspace,
            budget=self._budget,
            on_event=told.hear,
            while_waiting=told.tick,
        )
        versions = get_model(self._world.door, PROJECT, MODEL).versions
        if not all(gate.passed for gate in versions[0].gates):
            raise Unavailable(
                "demo.gates",
                "The first model did not pass its gates, so nothing is deployed.",
                hint="Give the search more time: mw demo --fresh --budget 120s",
            )
        return versions[0]

    def _deploy(self) -> None:
        self._console.chapter(6, "Deployment: a server that answers")
        view = self._world.serve_champion(MODEL)
        self._console.good(f"{view.infer_url} answers (Open Inference Protocol v2).")
        if view.example and self.state.weeks_played == 0:
            self._console.look("ask it yourself: mw deployments show flights prints a curl command")

    def _replay(self, feed: Feed, first: ModelVersion, began: float, before: float) -> None:
        self._console.chapter(7, "Monitoring and retraining: April to December, week by week")
        if self.state.weeks_played:
            self._console.say(f"{self.state.weeks_played} of {WEEKS} weeks were played before.")
        self._news.catch_up()
        started = time.monotonic()
        start = self.state.weeks_played
        for number in range(start, WEEKS):
            self._play_week(feed, first, number, started, number - start)
            seconds = before + time.monotonic() - began
            played = {"weeks_played": number + 1, "seconds": seconds}
            self._save(self.state.model_copy(update=played))

    def _play_week(
        self, feed: Feed, first: ModelVersion, number: int, started: float, done: int
    ) -> None:
        week = feed.week(number)
        label = f"week of {rfc3339(week.starts_ms)[:10]}"
        total = WEEKS - number + done
        sent = 0

        def on_sent(rows: int) -> None:
            nonlocal sent
            sent += rows
            self._console.progress(label, done + sent / len(week.ids), total, started)

        self._send(week, first, on_sent)
        late = [number - 1, number] if number == WEEKS - 1 else [number - 1]
        for earlier in late:
            if earlier >= 0:
                self._tell_truth(feed, first, earlier)
        self._world.await_quiet(
            MODEL, lambda: self._console.progress("retraining", done + 1, total, started)
        )
        self._news.tell(rfc3339(week.starts_ms))

    def _send(self, week: Week, first: ModelVersion, on_sent: Callable[[int], None]) -> None:
        work = requests(week.rows, first.signature, week.ids, week.times, f"week-{week.number}")
        path = f"/v2/models/{MODEL}/infer"
        send(lambda: self._world.endpoint(MODEL), path, list(work), on_sent)

    def _tell_truth(self, feed: Feed, first: ModelVersion, number: int) -> None:
        """Ground truth arrives a week late: as labels, and as rows to train on."""
        week = feed.week(number)
        feed.deliver_week(number)
        labels = _labels(week)
        self._world.tell_truth(MODEL, labels)
        if self._evaluated(week, len(labels), seconds=15):
            return
        # A server that was killed takes the last second of its log along; the same ids count once.
        self._console.warn("Some predictions were lost with a killed server; sending them again.")
        self._send(week, first, lambda _: None)
        if not self._evaluated(week, len(labels), seconds=90):
            raise Unavailable(
                "demo.slow",
                f"The monitor did not evaluate the week of {rfc3339(week.starts_ms)[:10]} in time.",
                hint="See .millwright/logs, then run mw demo again: it continues here.",
            )

    def _evaluated(self, week: Week, labelled: int, *, seconds: float) -> bool:
        found = self._world.await_window(
            MODEL,
            rfc3339(week.starts_ms),
            rows=len(week.ids),
            labelled=labelled,
            closed=week.number < WEEKS - 1,
            seconds=seconds,
        )
        return found is not None

    def _package(self, version: ModelVersion) -> Path:
        folder = self._workspace.folder("packages") / version.id
        return fetch(self._world.door, PROJECT, MODEL, version.version, folder)

    def _save(self, state: DemoState) -> None:
        self.state = state
        save_state(self._path, state)


def _labels(week: Week) -> dict[str, str]:
    return {
        name: truth for name, truth in zip(week.ids, week.truth, strict=True) if truth is not None
    }
