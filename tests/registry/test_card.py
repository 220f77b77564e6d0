"""Cards say what the evidence says, in Markdown and in HTML that runs nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from millwright.evaluation import Evaluation, evaluate_model
from millwright.kernel.config import EvaluationConfig, FairnessConfig, Gate, parse_project
from millwright.kernel.model_package import Field
from millwright.registry import (
    CardContent,
    CardData,
    ExcludedColumn,
    card_content,
    limitations,
    render_html,
    render_markdown,
)
from millwright.training import TARGET, TaskSpec

FIELDS = (Field(name="x", kind="numeric"), Field(name="carrier", kind="categorical"))
CONFIG = parse_project("project: flights\ndata: {source: flights.csv, target: late}\n")
EVIL = "<script>alert(1)</script>|`*[x](javascript:1)"


@pytest.fixture(scope="module")
def evaluated() -> Evaluation:
    generator = np.random.default_rng(5)
    rows = 4000
    carrier = generator.choice(["AA", "HA", EVIL], rows, p=[0.6, 0.3, 0.1])
    x = generator.normal(size=rows)
    noise = np.where(carrier == "HA", 4.0, 0.6)
    late = (x + generator.normal(size=rows) * noise > 0.3).astype(int)
    spec = TaskSpec(task="binary", classes=("no", "yes"))
    target = pa.array(np.asarray(spec.classes)[late])
    table = pa.table({"x": x, "carrier": carrier, TARGET: target})

    def predict(asked: pa.Table) -> Any:
        return 1 / (1 + np.exp(-2 * (np.nan_to_num(asked["x"].to_numpy()) - 0.3)))

    config = EvaluationConfig(
        slices=("carrier",),
        fairness=FairnessConfig(groups=("carrier",)),
        gates=(
            Gate(metric="roc_auc", min=0.55),
            Gate(metric="worst_slice.roc_auc", min=0.9),
        ),
    )
    return evaluate_model(predict, table, FIELDS, spec, config)


def content(evaluation: Evaluation | None, **changes: Any) -> CardContent:
    made = card_content(
        CONFIG,
        model="late",
        task="binary",
        family="lightgbm",
        created_at="2013-04-01T00:00:00.000Z",
        fields=FIELDS,
        classes=("no", "yes"),
        params={"num_leaves": 31},
        data=CardData(
            dataset="flights",
            version=1,
            digest="d" * 64,
            rows=80_000,
            period=("2013-01-01T00:00:00.000Z", "2013-03-10T00:00:00.000Z"),
            test_rows=4000,
        ),
        excluded=(ExcludedColumn(name="dep_delay", reason="It leaks the outcome."),),
        evaluation=evaluation,
        commit="abc123",
        python="3.11",
        run="r1",
        example={"x": 1.5, "carrier": "O'Hare"},
    )
    return made.model_copy(update=changes)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_needs_and_runs_nothing(evaluated: Evaluation) -> None:
    page = render_html(content(evaluated, purpose=EVIL, owner=EVIL))
    parser = Tags()
    parser.feed(page)
    names = {tag for tag, _ in parser.seen}
    assert not names & {"script", "iframe", "object", "embed", "link", "img", "form", "a"}
    attributes = {name for _, found in parser.seen for name in found}
    assert not any(name.startswith("on") for name in attributes)
    assert not attributes & {"href", "src", "style"}
    assert "url(" not in page
    assert "&lt;script&gt;" in page


def test_the_page_holds_the_evidence(evaluated: Evaluation) -> None:
    page = render_html(content(evaluated))
    for expected in (
        "ROC AUC",
        "Gates failed",
        "dep_delay",
        "Fairness between groups of carrier",
        "What it relies on",
        "2013-01-01 to 2013-03-10",
        "<svg",
        "80,000",
    ):
        assert expected in page


def test_markdown_starts_with_metadata_that_model_hubs_read(evaluated: Evaluation) -> None:
    text = render_markdown(content(evaluated))
    _, front, body = text.split("---\n", 2)
    read = yaml.safe_load(front)
    assert read["pipeline_tag"] == "tabular-classification"
    (result,) = read["model-index"][0]["results"]
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values["roc_auc"] == pytest.approx(evaluated.metrics["roc_auc"].value, abs=1e-6)
    assert body.strip().startswith("# late")
    assert "\n\n\n" not in body


def test_nothing_people_wrote_becomes_markup_in_markdown(evaluated: Evaluation) -> None:
    body = render_markdown(content(evaluated, purpose=EVIL, owner=EVIL)).split("---\n", 2)[2]
    prose = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
    assert "<script>" not in prose
    assert "](javascript" not in prose.replace("\\]", "")
    widths = [
        line.count("|") - line.count("\\|") for line in prose.splitlines() if line.startswith("|")
    ]
    assert set(widths) <= {3, 4, 5, 6}


def test_limitations_come_from_the_evidence(evaluated: Evaluation) -> None:
    said = " ".join(limitations(content(evaluated, dirty=True, drifted=("x",))))
    assert "It failed a gate: worst_slice.roc_auc" in said
    assert "clearly weaker where carrier is HA" in said
    assert "uncommitted changes" in said
    assert "dep_delay" in said
    assert "distributed differently" in said


def test_a_model_without_evaluation_says_so() -> None:
    card = content(None, data=None, excluded=(), commit=None)
    assert "not evaluated" in limitations(card)[0]
    assert "Not evaluated" in render_html(card)
    assert "not evaluated" in render_markdown(card)


def test_the_example_call_survives_quotes(evaluated: Evaluation) -> None:
    import json
    import shlex

    text = render_markdown(content(evaluated))
    command = re.search(r"```sh\n(.*?)\n```", text, re.DOTALL)
    assert command is not None
    words = shlex.split(command[1].replace("\\\n", " "))
    body = json.loads(words[-1])
    assert body["inputs"][1]["data"] == ["O'Hare"]
    assert [one["datatype"] for one in body["inputs"]] == ["FP64", "BYTES"]


def test_the_same_content_gives_the_same_card(evaluated: Evaluation) -> None:
    assert render_html(content(evaluated)) == render_html(content(evaluated))
    assert render_markdown(content(evaluated)) == render_markdown(content(evaluated))
