"""One store, two faces: MLflow loads our packages, and we say what theirs are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from millwright.evaluation import GateResult
from millwright.kernel.access import Actor, Role
from millwright.kernel.errors import Conflict
from millwright.registry import find_model, find_version
from mlflow_server import Served

ACTOR = Actor("tester", Role.ADMIN)


@pytest.fixture
def package(served: Served, tmp_path: Any) -> Any:
    """A trained model registered by Millwright, its frame, and what it says of it."""
    lightgbm = pytest.importorskip("lightgbm", reason="the extra train is not installed")
    from millwright.kernel.scoring import Scorer
    from millwright.registry.inference import as_table, infer_fitted
    from millwright.registry.packaging import build_package
    from millwright.registry.records import NewVersion
    from millwright.registry.service import register_version

    random = np.random.default_rng(3)
    frame = pd.DataFrame({"x": random.normal(size=300), "y": random.normal(size=300)})
    frame.loc[::17, "x"] = np.nan
    late = np.where(frame["x"].fillna(0) + frame["y"] > 0, "late", "on time")
    model = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(frame, late)
    fitted, table = infer_fitted(model, as_table(frame))
    folder = tmp_path / "package"
    build_package(folder, fitted, model="late", reference=table, environment="numpy==2\n")
    objects = served.store.objects.of(served.project)
    digests = {path.name: objects.put(path.read_bytes()) for path in folder.iterdir()}
    new = NewVersion(manifest=digests["manifest.json"])
    version = register_version(served.store, ACTOR, served.project, "late", new)
    scores = Scorer.open(folder).predict(table)
    return version, frame, scores


def test_mlflow_finds_and_loads_a_version_that_millwright_made(
    client: Any, served: Served, package: Any
) -> None:
    import mlflow

    version, frame, scores = package
    client.set_registered_model_alias("late", "champion", str(version.version))
    found = client.get_model_version_by_alias("late", "champion")
    assert found.source.startswith("mlflow-artifacts:/packages/")
    loaded = mlflow.pyfunc.load_model("models:/late@champion")
    labels = loaded.predict(frame)
    expected = np.where(scores >= 0.5, version.classes[1], version.classes[0])
    assert list(labels) == list(expected)
    probabilities = loaded.predict(frame, params={"output": "scores"})
    assert np.abs(probabilities - scores).max() < 1e-6
    assert [column.name for column in loaded.metadata.get_input_schema()] == ["x", "y"]
    listed = {f.path for f in mlflow.artifacts.list_artifacts("models:/late/1")}
    assert {"MLmodel", "model.onnx", "manifest.json", "code"} <= listed


def test_nobody_writes_into_the_packages(served: Served, package: Any) -> None:
    version, _, _ = package
    url = f"{served.url}/api/2.0/mlflow-artifacts/artifacts/packages/{version.id}/model.onnx"
    assert served.http.put(url, content=b"evil").status_code == 400
    assert served.http.delete(url).status_code == 400
    assert len(served.http.get(url).content) > 100


def test_a_version_of_an_mlflow_client_is_shown_as_external_and_is_not_deployed(
    client: Any, served: Served, tmp_path: Any
) -> None:
    from millwright.deployment.records import Choice
    from millwright.deployment.versions import choose_version

    run = served.run()
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    client.log_artifact(run, str(tmp_path / "MLmodel"), "model")
    client.create_registered_model("theirs", tags={"team": "ops"})
    source = f"{client.get_run(run).info.artifact_uri}/model"
    client.create_model_version("theirs", source, run)
    client.set_registered_model_alias("theirs", "champion", "1")
    shown = find_version(served.store, served.project, "theirs", "champion")
    assert (shown.status, shown.task, shown.run, shown.source) == ("external", None, run, source)
    assert find_model(served.store, served.project, "theirs").model.tags == {"team": "ops"}
    with pytest.raises(Conflict, match="has no package that can be verified"):
        choose_version(served.store, served.project, "theirs", Choice())


def test_gates_hold_at_the_other_door_too(served: Served, package: Any) -> None:
    from millwright.registry.records import NewVersion
    from millwright.registry.service import register_version

    version, _, _ = package
    gate = GateResult(metric="roc_auc", value=0.5, min=0.7, max=None, passed=False, reason="Low.")
    failed = NewVersion(manifest=version.manifest, run="0" * 32, gates=(gate,))
    register_version(served.store, ACTOR, served.project, "late", failed)
    body = {"name": "late", "alias": "champion", "version": "2"}
    status, code, message = served.refusal(served.post("registered-models/alias", body))
    assert (status, code) == (400, "INVALID_STATE")
    assert "failed 1 of 1 gates" in message
