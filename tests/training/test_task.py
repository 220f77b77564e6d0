"""Task inference: which question a target asks, and sentences for those that ask none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from millwright.kernel.errors import InvalidInput
from millwright.training import TaskSpec, infer_task, known_rows, target_values

pytestmark = pytest.mark.core


def column(*values, repeat=20, kind=None):
    return pa.chunked_array([pa.array(list(values) * repeat, kind)])


@pytest.mark.parametrize(
    ("target", "classes"),
    [
        (column("yes", "yes", "no"), ("no", "yes")),
        (column("True", "True", "False"), ("False", "True")),
        (column("0", "1"), ("0", "1")),
        (column("stays", "stays", "churns"), ("stays", "churns")),
        (column("rare", "often", "often"), ("often", "rare")),
        (column(1.0, 0.0, 1.0), ("0", "1")),
        (column(1, 0, 1), ("0", "1")),
        (column(True, True, False), ("false", "true")),
        (column("yes", "no", None), ("no", "yes")),
    ],
)
def test_two_values_are_a_binary_question_with_the_positive_class_second(target, classes):
    spec = infer_task(target)
    assert spec == TaskSpec(task="binary", classes=classes)
    assert spec.positive == classes[1]


def test_several_texts_are_classes_and_many_numbers_a_regression():
    assert infer_task(column("b", "a", "c")) == TaskSpec(task="multiclass", classes=("a", "b", "c"))
    assert infer_task(column(1.0, 2.0, 3.5)) == TaskSpec(task="regression")
    dictionary = pa.chunked_array([pa.array(["b", "a"] * 20).dictionary_encode()])
    assert infer_task(dictionary).task == "binary"


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        (column("yes", repeat=40), "training.one_class", "one value only, 'yes'"),
        (column(3.0, repeat=40), "training.one_class", "one value only, '3'"),
        (column(None, kind=pa.string()), "training.no_target", "null"),
        (column("yes", "no", repeat=5), "training.too_few_rows", "Only 10 rows"),
        (
            pa.chunked_array([["a", "b"] * 20 + ["lonely"]]),
            "training.rare_class",
            "'lonely' has a single row",
        ),
        (column(*[f"id{i}" for i in range(300)]), "training.too_many_classes", "300"),
    ],
)
def test_a_target_that_cannot_be_learned_is_met_with_a_sentence(target, code, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        infer_task(target)
    assert caught.value.code == code
    assert caught.value.hint is not None


def test_labels_become_positions_and_unknown_labels_are_named():
    spec = TaskSpec(task="multiclass", classes=("a", "b", "c"))
    assert target_values(pa.chunked_array([["c", "a"], ["b"]]), spec).tolist() == [2, 0, 1]
    with pytest.raises(InvalidInput, match="'z'"):
        target_values(pa.chunked_array([["a", "z"]]), spec)


def test_numbers_of_a_binary_question_become_positions_too():
    spec = TaskSpec(task="binary", classes=("0", "1"))
    assert target_values(pa.chunked_array([[1.0, 0.0]]), spec).tolist() == [1, 0]


def test_rows_with_an_unknown_target_are_dropped():
    table = pa.table({"x": [1, 2, 3], "__target": pa.array([1.0, None, np.nan])})
    assert known_rows(table)["x"].to_pylist() == [1]
    labels = pa.table({"x": [1, 2], "__target": pa.array(["a", None])})
    assert known_rows(labels)["x"].to_pylist() == [1]
