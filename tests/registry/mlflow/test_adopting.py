"""What MLflow's client logged becomes a package of ours, without the server reading a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from millwright.kernel.door import connect
from millwright.kernel.errors import Forbidden, InvalidInput
from millwright.registry.adopting import adopt
from millwright.registry.api import load_model
from mlflow_server import Served

ROWS = pd.DataFrame({"x": np.linspace(-2, 2, 60), "n": np.tile([0.0, 1.0, 2.0], 20)})
TARGET = np.where(ROWS["x"] + ROWS["n"] > 1, "yes", "no")


def logged(client: Any, flavor: str) -> Any:
    """A fitted model, logged and registered with MLflow's own client."""
    import mlflow

    if flavor == "sklearn":
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression().fit(ROWS, TARGET)
        options = {"serialization_format": "cloudpickle"}
    else:
        from xgboost import XGBClassifier

        model = XGBClassifier(n_estimators=4, max_depth=2).fit(ROWS, (TARGET == "yes").astype(int))
        options = {}
    getattr(mlflow, flavor).log_model(
        model,
        name="model",
        input_example=ROWS,
        registered_model_name="late",
        pip_requirements=[],
        **options,
    )
    return model


@pytest.mark.parametrize(("flavor", "trusted"), [("sklearn", True), ("xgboost", False)])
def test_a_model_of_mlflow_is_packaged_and_answers_the_same(
    served: Served, client: Any, tmp_path: Path, monkeypatch: Any, flavor: str, trusted: bool
) -> None:
    pytest.importorskip("cloudpickle", reason="cloudpickle is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = logged(client, flavor)
    with connect(url=served.url.partition("/projects/")[0]) as door:
        made = adopt(door, served.project, "late", "1", trust_code=trusted, classes=("no", "yes"))
        assert (made.version, made.status) == (2, "registered")
        assert made.parity < 1e-4
        ours = load_model("late@2", project=served.project, door=door)
    np.testing.assert_allclose(ours.predict(ROWS), model.predict_proba(ROWS)[:, 1], atol=1e-5)


def test_a_pickle_is_not_read_unasked(served: Served, client: Any) -> None:
    logged(client, "sklearn")
    with connect(url=served.url.partition("/projects/")[0]) as door:
        with pytest.raises(Forbidden, match="pickle"):
            adopt(door, served.project, "late", "1", trust_code=False)
        client.create_model_version("late", "s3://elsewhere/model")
        with pytest.raises(InvalidInput, match="does not keep"):
            adopt(door, served.project, "late", "2", trust_code=True)
