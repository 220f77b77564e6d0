"""A model that a person trains is measured against the champion before it takes over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from millwright.automation import registered_by, train_in_worker, train_project
from millwright.kernel.door import Door, connect
from millwright.kernel.workspace import Workspace
from millwright.registry import get_model

PROJECT = """
project: loans
data: {{source: loans.csv, target: paid}}
training: {{budget: 2s, families: [{family}]}}
evaluation: {{slices: [kind]}}
"""


@pytest.fixture
def loans(workspace: Workspace) -> Workspace:
    generator = np.random.default_rng(3)
    income = generator.normal(50.0, 10.0, 600)
    table = pa.table(
        {
            "income": income,
            "age": generator.integers(20, 70, 600),
            "kind": generator.choice(["car", "house"], 600),
            "paid": np.where(income + generator.normal(0, 12, 600) > 50, "yes", "no"),
        }
    )
    csv.write_csv(table, workspace.root / "loans.csv")
    write_project(workspace.root)
    return workspace


def write_project(folder: Path, family: str = "linear") -> None:
    (folder / "millwright.yaml").write_text(PROJECT.format(family=family), "utf-8")


def champion(door: Door) -> int:
    return get_model(door, "loans", "loans").model.aliases["champion"]


def test_the_first_model_becomes_champion_and_a_worse_one_does_not(loans: Workspace) -> None:
    with connect(loans) as door:
        first = registered_by(train_project(door, loans))
        assert (first.version, first.is_champion, first.comparison) == (1, True, None)

        write_project(loans.root, family="prior")
        second = registered_by(train_project(door, loans))

        assert second.comparison is not None
        assert second.comparison.champion > second.comparison.challenger + 0.1
        assert (second.version, second.is_champion, champion(door)) == (2, False, 1)


def test_a_model_on_the_same_columns_is_compared_on_the_same_rows(loans: Workspace) -> None:
    with connect(loans) as door:
        train_project(door, loans)
        again = registered_by(train_project(door, loans))

        assert again.comparison is not None
        assert again.comparison.champion == pytest.approx(again.comparison.challenger)
        assert champion(door) == again.version


def test_what_has_not_changed_is_taken_from_the_cache(loans: Workspace) -> None:
    with connect(loans) as door:
        train_project(door, loans)
        kinds: dict[str | None, str] = {}
        train_project(door, loans, on_event=lambda e: kinds.update({e.task: e.kind}))

    assert kinds["make_features"] == kinds["train_model"] == "task_cached"


def test_a_worker_tells_of_every_step_and_comes_to_the_same(loans: Workspace) -> None:
    heard: list[tuple[str, str | None]] = []
    with connect(loans) as door:
        result = train_in_worker(
            door, loans, on_event=lambda event: heard.append((event.kind, event.task))
        )

        assert registered_by(result).is_champion
    steps = [task for kind, task in heard if kind == "task_succeeded"]
    assert steps == [task.name for task in result.run.tasks]
