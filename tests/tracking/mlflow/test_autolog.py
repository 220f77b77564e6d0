"""MLflow's autologging of each framework, by its own full client in the peer's environment: parameters,
metrics and a model arrive, and the model is loaded back and predicts."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mlflow_server import serving

pytestmark = pytest.mark.slow
PEER = Path(__file__).parents[3] / ".peers/autolog/bin/python"

COMMON = """
import json, sys
import numpy as np
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("autolog")
random = np.random.default_rng(1)
x = random.normal(size=(120, 3))
y = (x[:, 0] + x[:, 1] > 0).astype(int)
"""
LOADED = """
run = mlflow.last_active_run()
models = mlflow.search_logged_models(
    experiment_ids=[run.info.experiment_id], output_format="list"
)
mine = [m for m in models if m.source_run_id == run.info.run_id]
answer = mlflow.pyfunc.load_model(mine[0].model_uri).predict(given) if mine else []
print(json.dumps({"run": run.info.run_id, "rows": len(answer)}))
"""
FRAMEWORKS = {
    "sklearn": """
from sklearn.linear_model import LogisticRegression
mlflow.sklearn.autolog(silent=True)
with mlflow.start_run():
    LogisticRegression(C=0.5).fit(x, y)
given = x
""",
    "lightgbm": """
import lightgbm
mlflow.lightgbm.autolog(silent=True)
with mlflow.start_run():
    data = lightgbm.Dataset(x, y)
    lightgbm.train(
        {"objective": "binary", "num_leaves": 7, "verbose": -1}, data, 5,
        valid_sets=[data], valid_names=["seen"],
    )
given = x
""",
    "xgboost": """
import xgboost
mlflow.xgboost.autolog(silent=True)
with mlflow.start_run():
    data = xgboost.DMatrix(x, y)
    xgboost.train(
        {"objective": "binary:logistic", "max_depth": 3}, data, 5,
        evals=[(data, "seen")], verbose_eval=False,
    )
given = x
""",
    "statsmodels": """
import statsmodels.api as sm
mlflow.statsmodels.autolog(silent=True)
with mlflow.start_run():
    sm.OLS(y, sm.add_constant(x)).fit()
given = sm.add_constant(x)
""",
}
WANTED = {
    "sklearn": ("C", "training_score"),
    "lightgbm": ("num_leaves", "seen-binary_logloss"),
    "xgboost": ("max_depth", "seen-logloss"),
    "statsmodels": (None, "rsquared"),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not PEER.exists():
        pytest.skip("the frameworks are not installed: ci/peer autolog")
    served = serving(tmp_path_factory.mktemp("served"))
    yield f"{next(served)[0]}/projects/autolog/mlflow"
    next(served, None)


@pytest.mark.parametrize("framework", sorted(FRAMEWORKS))
def test_a_fit_is_recorded_and_its_model_comes_back(
    framework: str, url: str, tmp_path: Path
) -> None:
    program = tmp_path / "train.py"
    program.write_text(COMMON + FRAMEWORKS[framework] + LOADED)
    done = subprocess.run(
        [str(PEER), str(program), url],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={
            **os.environ,
            "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
            "OMP_NUM_THREADS": "1",
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"] == 120
    run = httpx.get(f"{url}/api/2.0/mlflow/runs/get", params={"run_id": told["run"]}).json()["run"]
    assert run["info"]["status"] == "FINISHED"
    params = {one["key"] for one in run["data"].get("params", ())}
    metrics = {one["key"] for one in run["data"].get("metrics", ())}
    param, metric = WANTED[framework]
    assert param is None or param in params
    assert metric in metrics
