"""A proposal as a commented ``millwright.yaml``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from millwright.cli.init.proposal import Proposal
from millwright.kernel.config import Gate

SCHEMA_PATH = ".millwright/millwright.schema.json"
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_./ -]*[A-Za-z0-9_]$|^[A-Za-z_]$")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}

_WHY = {
    "roc_auc": "0.5 is guessing, 1 is perfect",
    "worst_slice.roc_auc": "on the slice where the model does worst",
    "brier": "squared error of the probability; knowing only the share gives this",
    "roc_auc_ovr": "each class against the rest; 0.5 is guessing",
    "accuracy": "always naming the most frequent class reaches this",
    "r2": "share of the variance explained; 0 is always answering the mean",
    "robustness.drop": "loss of the metric when inputs are noisy or missing",
}


def render(project: str, proposal: Proposal) -> str:
    """The text of the project file."""
    parts = [_head(project, proposal), _data(proposal), _training(proposal)]
    parts += [_evaluation(proposal), _deployment(), _monitoring(proposal), _retraining(proposal)]
    return "\n".join(parts)


def scalar(text: str) -> str:
    """A string as YAML, quoted only where it has to be.

    >>> scalar("dep_time"), scalar("no"), scalar("a: b")
    ('dep_time', '"no"', '"a: b"')
    """
    plain = _PLAIN.match(text) and text.lower() not in _WORDS and "  " not in text
    return text if plain else json.dumps(text, ensure_ascii=False)


def _listed(names: Sequence[str]) -> str:
    return "[" + ", ".join(scalar(name) for name in names) + "]"


def _head(project: str, proposal: Proposal) -> str:
    return f"""# yaml-language-server: $schema={SCHEMA_PATH}
# A Millwright project. `mw run` trains, validates and registers a model; `mw deploy` serves it;
# `mw up` watches it and retrains it. All keys: docs/guide/project-file.md
project: {scalar(project)}
"""


def _data(proposal: Proposal) -> str:
    lines = [
        "data:",
        f"  source: {scalar(proposal.source)}",
        f"  target: {scalar(proposal.target)}   # {proposal.task}: {_one_line(proposal.question)}",
    ]
    others = f" Other times: {', '.join(proposal.time_candidates[:4])}."
    if proposal.time is not None:
        lines += [
            "  # The moment of prediction: nothing known only later is used, and validation is on the",
            "  # latest rows." + (f" {_one_line(others)}" if proposal.time_candidates else ""),
            f"  time: {scalar(proposal.time)}",
        ]
    else:
        lines.append("  # time: COLUMN   # none found; without one, rows are split at random")
    if proposal.entity:
        lines.append(f"  entity: {_listed(proposal.entity)}   # what a row is about")
    else:
        guess = ", ".join(map(scalar, proposal.entity_candidates)) or "COLUMN"
        lines.append(
            f"  # entity: [{_one_line(guess)}]   # what a row is about: a customer, a machine"
        )
    if proposal.ignore:
        lines.append(f"  ignore: {_listed(proposal.ignore)}   # empty, or different in every row")
    return "\n".join(lines) + "\n"


def _training(proposal: Proposal) -> str:
    calendar = "true     # hour, weekday, month … of the time column" if proposal.time else "false"
    return f"""features:
  calendar: {calendar}
  leakage: drop      # columns that give the target away are left out; `report` only says so

training:
  budget: 60s        # time for the search; more finds better models, with less and less gain
  metric: {proposal.metric}
  holdout: 0.2       # share of the rows kept for validation{_latest(proposal)}
  seed: 7
  # function: my_module:train   # your own training function in place of the search
"""


def _latest(proposal: Proposal) -> str:
    return ": the latest ones" if proposal.time else ""


def _evaluation(proposal: Proposal) -> str:
    groups = "   # is the model as good for each of them?" if proposal.groups else ""
    lines = [
        "evaluation:",
        f"  slices: {_listed(proposal.slices)}   # measured one by one; the worst is named",
        "  fairness:",
        f"    groups: {_listed(proposal.groups)}{groups}",
        "  robustness: {noise: 0.1, missing: 0.1}",
        "  gates:             # a model that misses one is not made champion",
        *(_gate(gate) for gate in proposal.gates),
    ]
    return "\n".join(lines) + "\n"


def _gate(gate: Gate) -> str:
    bound = f"min: {gate.min:g}" if gate.min is not None else f"max: {gate.max:g}"
    return f"    - {{metric: {gate.metric}, {bound}}}   # {_WHY[gate.metric]}"


def _deployment() -> str:
    return """deployment:
  port: 0            # 0 takes a free port and keeps it
  canary:            # how a new model is tried on live traffic before it replaces the old one
    share: 0.3
    min_labels: 1000
    max_windows: 4
    confidence: 0.95
"""


def _monitoring(proposal: Proposal) -> str:
    timing = proposal.timing
    return f"""monitoring:
  window: {_length(timing.window_days)}
  min_rows: {timing.min_rows}      # fewer predictions in a window say nothing
  drift:
    threshold: 0.1   # from here on a feature counts as drifted
    share: 0.3       # this share of drifted features makes a window drifted
    prediction_threshold: 0.1
  performance:
    metric: {proposal.metric}
    max_drop: 0.03   # below its value at validation
  latency: {{p95_ms: 50}}
  alerts:
    console: true
    # webhook: https://example.com/hook
"""


def _retraining(proposal: Proposal) -> str:
    timing = proposal.timing
    return f"""retraining:
  triggers: [loss]       # errors that surely rose; see also: mw policy backtest
  earned_by: {timing.earned_by}        # labels that earn one retraining; two are spent without an alert
  windowing: measured    # half, all or twice the window, everything or since the change: what does best
  window: {_length(timing.retraining_days)}
  holdout: {_length(timing.holdout_days)}        # the latest labelled rows, on which it meets the champion
  cooldown: {_length(timing.cooldown_days)}
  budget: 20s
"""


def _length(days: int) -> str:
    return f"{days // 7}w" if days > 7 and days % 7 == 0 else f"{days}d"


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
