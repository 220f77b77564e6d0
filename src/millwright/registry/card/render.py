"""The card as Markdown and as one HTML file that needs nothing beside it and runs nothing."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from millwright.evaluation import Evaluation
from millwright.kernel.model_package import Task
from millwright.registry.card.content import CardContent
from millwright.registry.card.limitations import limitations, weakest_slices

IMPORTANT = 15
SHOWN_SLICES = 12
_TASKS: dict[Task, str] = {
    "binary": "Binary classification",
    "multiclass": "Multiclass classification",
    "regression": "Regression",
}
_METRICS = {
    "roc_auc": "ROC AUC",
    "roc_auc_ovr": "ROC AUC (one against the rest)",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error",
    "macro_f1": "Macro F1",
    "f1": "F1",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "median_ae": "Median absolute error",
    "wape": "WAPE",
}


def render_html(content: CardContent) -> str:
    """A printable page, light and dark, with everything inline and no scripts."""
    return _environment(html=True).get_template("card.html.j2").render(_view(content))


def render_markdown(content: CardContent) -> str:
    """Markdown with the metadata block that Hugging Face model cards start with."""
    body = _environment(html=False).get_template("card.md.j2").render(_view(content))
    front = yaml.safe_dump(_front_matter(content), sort_keys=False, allow_unicode=True)
    tidy = re.sub(r"\n{3,}", "\n\n", body).strip()
    return f"---\n{front}---\n\n{tidy}\n"


def metric_label(name: str) -> str:
    """A metric's name for people.

    >>> metric_label("roc_auc"), metric_label("recall")
    ('ROC AUC', 'Recall')
    """
    return _METRICS.get(name, name.replace("_", " ").capitalize())


def example_call(content: CardContent) -> str:
    """A curl command for the Open Inference Protocol with one row."""
    inputs = [
        {
            "name": field.name,
            "shape": [1],
            "datatype": field.datatype,
            "data": [content.example.get(field.name)],
        }
        for field in content.fields
    ]
    # A quote inside a single-quoted shell word is closed, escaped and opened again.
    body = json.dumps({"inputs": inputs}, ensure_ascii=False).replace("'", "'\\''")
    return (
        f"curl -s http://HOST:PORT/v2/models/{content.model}/infer \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d '{body}'"
    )


def _view(content: CardContent) -> dict[str, Any]:
    evaluation = content.evaluation
    return {
        "card": content,
        "evaluation": evaluation,
        "task": _TASKS[content.task],
        "limitations": limitations(content),
        "call": example_call(content),
        "verdict": _verdict(evaluation),
        "importance": _importance(evaluation),
        "slices": _slices(evaluation),
    }


def _verdict(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "unproven"
    if not evaluation.gates:
        return "ungated"
    return "passed" if evaluation.passed else "failed"


def _importance(evaluation: Evaluation | None) -> list[dict[str, Any]]:
    if evaluation is None:
        return []
    ranked = sorted(evaluation.importance, key=lambda one: -one.importance)[:IMPORTANT]
    largest = max((one.importance for one in ranked), default=0.0)
    return [
        {"name": o.field, "value": o.importance, "share": max(0.0, o.importance) / largest}
        for o in ranked
        if largest > 0
    ]


def _slices(evaluation: Evaluation | None) -> list[dict[str, Any]]:
    """The weakest supported slices first, each with its place on a common scale of 0 to 1."""
    if evaluation is None or evaluation.metric not in evaluation.metrics:
        return []
    name = evaluation.metric
    sign = 1.0 if evaluation.higher_is_better else -1.0
    judged = [one for one in evaluation.slices if one.supported and name in one.metrics]
    judged = sorted(judged, key=lambda one: sign * one.metrics[name])[:SHOWN_SLICES]
    ends = [evaluation.metrics[name].value]
    for one in judged:
        ends += [one.metrics[name], one.low or one.metrics[name], one.high or one.metrics[name]]
    lowest, highest = min(ends), max(ends)
    span = (highest - lowest) or 1.0
    weak = {(one.column, one.name) for one in weakest_slices(evaluation)}

    def place(value: float | None, otherwise: float) -> float:
        return ((otherwise if value is None else value) - lowest) / span

    return [
        {
            "column": one.column,
            "name": one.name,
            "rows": one.rows,
            "value": one.metrics[name],
            "at": place(one.metrics[name], 0),
            "low": place(one.low, one.metrics[name]),
            "high": place(one.high, one.metrics[name]),
            "overall": place(evaluation.metrics[name].value, 0),
            "weak": (one.column, one.name) in weak,
        }
        for one in judged
    ]


def _front_matter(content: CardContent) -> dict[str, Any]:
    kind = "tabular-regression" if content.task == "regression" else "tabular-classification"
    front: dict[str, Any] = {
        "library_name": "onnx",
        "pipeline_tag": kind,
        "tags": ["millwright", kind, content.task, content.family],
    }
    evaluation = content.evaluation
    if evaluation is None:
        return front
    data = content.data
    named = content.project if data is None else f"{data.dataset} (held-out rows)"
    front["metrics"] = list(evaluation.metrics)
    front["model-index"] = [
        {
            "name": content.model,
            "results": [
                {
                    "task": {"type": kind, "name": _TASKS[content.task]},
                    "dataset": {
                        "type": content.project if data is None else data.dataset,
                        "name": named,
                    },
                    "metrics": [
                        {"type": name, "value": round(one.value, 6), "name": metric_label(name)}
                        for name, one in evaluation.metrics.items()
                    ],
                }
            ],
        }
    ]
    return front


@cache
def _environment(*, html: bool) -> Environment:
    # Markdown is escaped by the filter ``text``, since its own rules differ from those of HTML.
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=html,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["text"] = _text
    found.filters["label"] = metric_label
    found.filters["number"] = _number
    found.filters["short"] = lambda digest: digest[:16]
    return found


def _text(value: object) -> str:
    """Anything as one line of Markdown in which nothing is markup.

    >>> _text("a|b <script>\\n*c*")
    'a\\\\|b &lt;script&gt; \\\\*c\\\\*'
    """
    line = " ".join(str(value).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", line)


def _number(value: float) -> str:
    """Four significant digits (two of small numbers), thousands separated.

    >>> _number(0.71234), _number(123456.0), _number(12)
    ('0.7123', '123,456', '12')
    """
    if isinstance(value, int) or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 0.01 else f"{value:.2g}"
