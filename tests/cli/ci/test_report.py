"""The report on a version: beside the champion, with its gates, where the provider shows it."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from millwright.cli.ci.markdown import Measured, plots, report
from millwright.cli.ci.posting import show
from millwright.evaluation import Comparison, Evaluation, GateResult, Interval, Slice
from millwright.evaluation.curves import CalibrationBin, Curves
from millwright.kernel.errors import Unavailable


def measured(version: int, value: float, **changes: Any) -> Measured:
    known: dict[str, Any] = {
        "task": "binary",
        "classes": ("no", "yes"),
        "metric": "roc_auc",
        "higher_is_better": True,
        "threshold": 0.5,
        "rows": 1200,
        "class_counts": {"no": 900, "yes": 300},
        "metrics": {"roc_auc": Interval(value=value, low=value - 0.02, high=value + 0.02)},
        "curves": Curves(
            roc=((0, 0), (0.2, 0.7), (1, 1)),
            calibration=tuple(
                CalibrationBin(low=b / 10, high=b / 10 + 0.1, rows=9, predicted=b / 10, observed=0.3)
                for b in (1, 4, 8)
            ),
        ),
        "slices": tuple(
            Slice(column="carrier", name=name, rows=90, share=0.1, metrics={"roc_auc": at}, supported=at != 0.1)
            for name, at in (("AA|x", 0.6), ("B6", 0.9), ("few", 0.1))
        ),
        "worst_slice": None,
        "fairness": (),
        "importance": (),
        "explanations": (),
        "robustness": (),
        "comparison": None,
    }  # fmt: skip
    return Measured(model="late", version=version, evaluation=Evaluation(**{**known, **changes}))


def test_a_version_stands_beside_the_one_before() -> None:
    comparison = Comparison(
        metric="roc_auc",
        champion=0.7,
        challenger=0.72,
        difference=0.02,
        low=0.001,
        high=0.04,
        probability_better=0.98,
        rows=1200,
    )
    text = report(measured(4, 0.72, comparison=comparison), measured(3, 0.7))

    assert text.startswith("## ✅ late version 4 passed its gates\n")
    assert "roc_auc is **0.0200 better** (0.7200 against 0.7000" in text
    assert "| roc_auc | 0.7200 | 0.7000 to 0.7400 | 0.7000 | +0.0200 |" in text
    assert "```mermaid" in text


def test_a_gate_that_failed_says_why_and_text_of_the_data_stays_text() -> None:
    gate = GateResult(
        metric="roc_auc", value=0.6, min=0.7, max=None, passed=False, reason="It is <b>too</b> low."
    )
    text = report(measured(1, 0.6, gates=(gate,)), None, link="https://mw.example/models/late/1")

    assert text.startswith("## ❌ [late version 1](https://mw.example/models/late/1) failed")
    assert "| roc\\_auc | 0.6000 | at least 0.7 | ❌ It is \\<b\\>too\\</b\\> low. |" in text
    assert text.index("carrier is AA\\|x") < text.index("carrier is B6")
    assert "few" not in text


def test_plots_are_svg_that_can_be_read() -> None:
    made = plots(measured(2, 0.7), measured(1, 0.6))

    assert set(made) == {"roc.svg", "calibration.svg"}
    for text in made.values():
        lines = ElementTree.fromstring(text).findall(".//{http://www.w3.org/2000/svg}polyline")
        assert len(lines) == 3


def test_a_regression_has_neither_curve() -> None:
    numbers = {"task": "regression", "curves": Curves(residuals=(0.0, 1.0))}

    assert plots(measured(1, 0.6, **numbers), None) == {}
    assert "mermaid" not in report(measured(1, 0.6, **numbers), None)


def test_github_shows_it_in_the_summary_of_the_job(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")

    assert show("the report", {"GITHUB_STEP_SUMMARY": str(summary)}) is not None
    assert summary.read_text() == "before\nthe report\n"


def test_a_provider_that_shows_files_alone_gets_files_alone() -> None:
    assert show("the report", {"JENKINS_URL": "x"}) is None


@pytest.fixture
def gitlab() -> Iterator[tuple[dict[str, str], list[Any]]]:
    """The environment of a GitLab job, and what its server was sent."""
    taken: list[Any] = []

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            taken.append((self.path, self.headers["PRIVATE-TOKEN"], body))
            self.send_response(201 if self.headers["PRIVATE-TOKEN"] == "good" else 403)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield (
        {
            "CI_API_V4_URL": f"http://127.0.0.1:{server.server_address[1]}/api/v4",
            "CI_PROJECT_ID": "7",
            "CI_MERGE_REQUEST_IID": "12",
            "GITLAB_TOKEN": "good",
        },
        taken,
    )
    server.shutdown()
    server.server_close()


def test_gitlab_shows_it_on_the_merge_request(gitlab: tuple[dict[str, str], list[Any]]) -> None:
    environment, taken = gitlab

    assert show("the report", environment) == "merge request 12"
    assert taken == [("/api/v4/projects/7/merge_requests/12/notes", "good", {"body": "the report"})]


def test_a_token_that_gitlab_refuses_is_told_without_being_said(
    gitlab: tuple[dict[str, str], list[Any]],
) -> None:
    environment, _ = gitlab

    with pytest.raises(Unavailable, match="GitLab answered 403") as refused:
        show("the report", {**environment, "GITLAB_TOKEN": "s3cret"})
    assert "s3cret" not in str(refused.value)
