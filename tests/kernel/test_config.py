"""The project file: every mistake is named with its key, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from millwright.kernel.config import ProjectConfig, json_schema, load_project, parse_project
from millwright.kernel.errors import InvalidInput, NotFound

pytestmark = pytest.mark.core

SMALL = "project: flights\ndata:\n  source: flights.csv\n  target: late\n"


def test_the_smallest_file_is_a_whole_project_with_defaults() -> None:
    project = parse_project(SMALL)
    assert project.deployment_name == "flights"
    assert project.monitoring.window == "7d"
    assert project == ProjectConfig.model_validate_json(project.model_dump_json())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SMALL + "trainig: {}\n", "unknown key 'trainig'. Did you mean 'training'?"),
        (SMALL + "  tme: when\n", "unknown key 'data.tme'. Did you mean 'time'?"),
        (SMALL + "training:\n  zebra: 1\n", "unknown key 'training.zebra'. Known keys: budget"),
        (
            SMALL + "monitoring:\n  drift:\n    treshold: 1\n",
            "unknown key 'monitoring.drift.treshold'. Did you mean 'threshold'?",
        ),
        (SMALL + "evaluation:\n  gates:\n  - metrc: a\n", "Did you mean 'metric'?"),
        ("project: flights\n", "lacks the key 'data'"),
        ("project: flights\ndata: {source: a.csv}\n", "lacks the key 'data.target'"),
        (SMALL + "training: {holdout: 2}\n", "value of 'training.holdout' is not usable"),
        (SMALL.replace("flights\n", "'../etc'\n"), "value of 'project' is not usable"),
        (SMALL + "training: [\n", "not valid YAML at line 6"),
        ("- a\n- b\n", "should hold keys and values"),
        ("", "should hold keys and values"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_project(text)
    assert said in str(caught.value)
    assert caught.value.hint


def test_a_duration_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'a minute' is not a duration"):
        parse_project(SMALL + "training: {budget: a minute}\n")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="mw init"):
        load_project(tmp_path / "millwright.yaml")


def test_the_published_schema_has_every_section() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(ProjectConfig.model_fields)
    assert schema["additionalProperties"] is False
