"""Your own training function: found, called, checked, and told what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from millwright.kernel.errors import InvalidInput
from millwright.training import infer_task, train_function

GOOD = """
from sklearn.linear_model import LogisticRegression

def train(data):
    assert data.task == "binary" and data.classes == ("fine", "late")
    assert data.matrix.shape == (len(data.target), len(data.feature_names))
    assert data.table.num_rows == len(data.target) and data.budget_s == 5.0
    return LogisticRegression(C=0.5, random_state=data.seed).fit(data.matrix, data.target)
"""


def train(made_table, folder, code, reference="mine:train", task="binary"):
    (folder / "mine.py").write_text(code)
    table, fields = made_table(rows=200, task=task)
    spec = infer_task(table["__target"])
    return train_function(reference, folder, table, fields, spec, seed=1, budget_ms=5000), table


def test_what_your_function_returns_is_a_model_like_any_other(made_table, tmp_path):
    model, table = train(made_table, tmp_path, GOOD)
    assert model.family == "LogisticRegression"
    assert model.params["C"] == 0.5
    prediction = model.predict(table)
    truth = np.asarray(table["__target"]) == "late"
    assert ((prediction > 0.5) == truth).mean() > 0.8


def test_an_edited_function_is_read_again(made_table, tmp_path):
    train(made_table, tmp_path, GOOD)
    model, _ = train(made_table, tmp_path, GOOD.replace("C=0.5", "C=0.25 "))
    assert model.params["C"] == 0.25


def test_another_project_with_the_same_module_name_has_its_own_code(made_table, tmp_path):
    for name, strength in (("one", "0.5"), ("two", "0.125")):
        folder = tmp_path / name
        folder.mkdir()
        model, _ = train(made_table, folder, GOOD.replace("0.5", strength))
        assert model.params["C"] == float(strength)


def test_a_function_may_ask_for_gaps_instead_of_filled_values(made_table, tmp_path):
    code = """
import numpy as np
from lightgbm import LGBMRegressor

def train(data):
    assert np.isnan(data.matrix).any()
    return LGBMRegressor(n_estimators=5, verbose=-1).fit(data.matrix, data.target)

train.encoding = "tree"
"""
    model, table = train(made_table, tmp_path, code, task="regression")
    assert model.predict(table).shape == (200,)


@pytest.mark.parametrize(
    ("code", "reference", "words"),
    [
        (GOOD, "mine", "does not name a function"),
        (GOOD, "yours:train", "There is no module 'yours'"),
        (GOOD, "mine:trian", "Did you mean 'train'"),
        ("train = 3", "mine:train", "a value of type int"),
        ("import not_installed_anywhere", "mine:train", "'not_installed_anywhere'"),
        ("def train(data)\n  pass", "mine:train", "SyntaxError"),
        ("def train(data): return None", "mine:train", "returned nothing, which has no predict"),
        ("def train(data): return 'x'", "mine:train", "returned a str"),
        ("def train(data): return data.nothing", "mine:train", "failed: AttributeError"),
        ("def train(data): pass\ntrain.encoding = 'odd'", "mine:train", "'odd'"),
        (
            "from sklearn.linear_model import LogisticRegression as L\ndef train(data): return L()",
            "mine:train",
            "cannot predict: NotFittedError",
        ),
    ],
)
def test_what_is_wrong_with_a_function_is_said(made_table, tmp_path, code, reference, words):
    with pytest.raises(InvalidInput, match=words):
        train(made_table, tmp_path, code, reference)
