"""Evaluation: how good a model is, for whom, why, and whether that is good enough.

Pure functions on tables and arrays; everything is computed with NumPy, so it works in the base
install, in the pipeline as in the monitor.
"""

from millwright.evaluation.explanations import (
    Contribution,
    FieldImportance,
    RowExplanation,
    explain_rows,
    permutation_importance,
)
from millwright.evaluation.fairness import Fairness, Group, fairness, fairness_gaps
from millwright.evaluation.gates import check_gate_names, check_gates, gate_metrics
from millwright.evaluation.intervals import Comparison, Interval, compare, intervals
from millwright.evaluation.metrics import (
    METRICS,
    Metric,
    default_metric,
    evaluate,
    find_metric,
    metrics_for,
    point_metric,
)
from millwright.evaluation.observed import Observed, class_positions, observe
from millwright.evaluation.report import evaluate_model
from millwright.evaluation.result import Evaluation, GateResult
from millwright.evaluation.robustness import Disturbance, robustness
from millwright.evaluation.segments import Segments, segments
from millwright.evaluation.slices import Slice, slice_metrics, worst_slice

__all__ = [
    "METRICS",
    "Comparison",
    "Contribution",
    "Disturbance",
    "Evaluation",
    "Fairness",
    "FieldImportance",
    "GateResult",
    "Group",
    "Interval",
    "Metric",
    "Observed",
    "RowExplanation",
    "Segments",
    "Slice",
    "check_gate_names",
    "check_gates",
    "class_positions",
    "compare",
    "default_metric",
    "evaluate",
    "evaluate_model",
    "explain_rows",
    "fairness",
    "fairness_gaps",
    "find_metric",
    "gate_metrics",
    "intervals",
    "metrics_for",
    "observe",
    "permutation_importance",
    "point_metric",
    "robustness",
    "segments",
    "slice_metrics",
    "worst_slice",
]
