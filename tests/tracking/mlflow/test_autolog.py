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
PEERS = Path(__file__).parents[3] / ".peers"

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
DEEP = {
    "lightning": """
import lightning, torch
mlflow.pytorch.autolog(silent=True)
class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)
    def forward(self, rows):
        return self.layer(rows)
    def training_step(self, batch, _):
        loss = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("loss", loss)
        return loss
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)
given = x.astype("float32")
rows = torch.utils.data.TensorDataset(torch.tensor(given), torch.tensor(y))
trainer = lightning.Trainer(
    max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=1,
)
with mlflow.start_run():
    trainer.fit(Net(), torch.utils.data.DataLoader(rows, batch_size=40))
""",
    "keras": """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras
mlflow.keras.autolog(silent=True)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
with mlflow.start_run():
    model.fit(x.astype("float32"), y, epochs=2, verbose=0)
given = x.astype("float32")
""",
    "transformers": """
import torch, transformers
mlflow.transformers.autolog(silent=True)
tiny = transformers.BertConfig(
    vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
)
rows = [
    {"input_ids": torch.randint(20, (5,)), "labels": torch.tensor(int(label))} for label in y
]
trainer = transformers.Trainer(
    model=transformers.BertForSequenceClassification(tiny),
    train_dataset=rows,
    args=transformers.TrainingArguments(
        output_dir="out", num_train_epochs=1, report_to="mlflow", logging_steps=5,
        save_strategy="no", use_cpu=True, disable_tqdm=True,
    ),
)
trainer.train()
mlflow.end_run()
given = []
""",
}
"""Those that stand on PyTorch: in an environment of their own, because of its size."""
WANTED = {
    "sklearn": ("C", "training_score"),
    "lightgbm": ("num_leaves", "seen-binary_logloss"),
    "xgboost": ("max_depth", "seen-logloss"),
    "statsmodels": (None, "rsquared"),
    "lightning": ("epochs", "loss"),
    "keras": ("optimizer_name", "loss"),
    "transformers": ("num_train_epochs", "train_loss"),
}
WITHOUT_MODEL = {"transformers"}
"""Its trainer logs parameters and metrics, and a model only where it is told to."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    served = serving(tmp_path_factory.mktemp("served"))
    yield f"{next(served)[0]}/projects/autolog/mlflow"
    next(served, None)


@pytest.mark.parametrize("framework", sorted({**FRAMEWORKS, **DEEP}))
def test_a_fit_is_recorded_and_its_model_comes_back(
    framework: str, url: str, tmp_path: Path
) -> None:
    name = "autolog" if framework in FRAMEWORKS else "autolog-deep"
    peer = PEERS / name / "bin/python"
    if not peer.exists():
        pytest.skip(f"the frameworks are not installed: ci/peer {name}")
    program = tmp_path / "train.py"
    program.write_text(COMMON + {**FRAMEWORKS, **DEEP}[framework] + LOADED)
    done = subprocess.run(
        [str(peer), str(program), url],
        capture_output=True,
        text=True,
        timeout=240,
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
    assert told["rows"] == (0 if framework in WITHOUT_MODEL else 120)
    run = httpx.get(f"{url}/api/2.0/mlflow/runs/get", params={"run_id": told["run"]}).json()["run"]
    assert run["info"]["status"] == "FINISHED"
    params = {one["key"] for one in run["data"].get("params", ())}
    metrics = {one["key"] for one in run["data"].get("metrics", ())}
    param, metric = WANTED[framework]
    assert param is None or param in params
    assert metric in metrics
