"""Training: from a table of features and a target to a fitted model.

Pure functions; scikit-learn, LightGBM and Optuna are imported only when a model is fitted.
"""

from millwright.training.encoding import Style, fit_encoding
from millwright.training.families import FAMILIES
from millwright.training.function import TrainingData, load_function, train_function
from millwright.training.model import FittedModel, ParamValue, Prediction
from millwright.training.search import SearchResult, TrialArtifacts, TrialRecord, search
from millwright.training.small_trees import small_trees
from millwright.training.split import split, three_way
from millwright.training.task import (
    TARGET,
    TIME,
    Target,
    TaskSpec,
    as_labels,
    infer_task,
    known_rows,
    target_values,
)
from millwright.training.threshold import best_threshold

__all__ = [
    "FAMILIES",
    "TARGET",
    "TIME",
    "FittedModel",
    "ParamValue",
    "Prediction",
    "SearchResult",
    "Style",
    "Target",
    "TaskSpec",
    "TrainingData",
    "TrialArtifacts",
    "TrialRecord",
    "as_labels",
    "best_threshold",
    "fit_encoding",
    "infer_task",
    "known_rows",
    "load_function",
    "search",
    "small_trees",
    "split",
    "target_values",
    "three_way",
    "train_function",
]
