"""A version that an MLflow client registered becomes one of ours: ONNX, compared, deployable.

It happens where the command is run, as its user, and never in the control plane: a scikit-learn
model that MLflow pickled has to be unpickled to be read, which runs whatever the file says.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from millwright.kernel.door import Door
from millwright.kernel.errors import Forbidden, InvalidInput
from millwright.registry.api import log_model
from millwright.registry.client import get_version
from millwright.registry.records import ModelVersion

ADOPTED = "millwright.adopted"
_PROXIED = "mlflow-artifacts:"
_MLMODEL = "MLmodel"
_EXAMPLE_KEYS = ("dataframe_split", "inputs", "instances")


def adopt(
    door: Door,
    project: str,
    model: str,
    version: str,
    *,
    trust_code: bool,
    example: Path | None = None,
    classes: tuple[str, ...] = (),
) -> ModelVersion:
    """Package an external version as the next version of its model.

    Models of scikit-learn, LightGBM and XGBoost are read in their own library and converted to
    ONNX, whose answers are compared with theirs on the example; of any other flavour the MLflow
    folder itself goes into the package.

    Args:
        door: where the version is registered.
        project: whose model it is.
        model: its name.
        version: its number or an alias.
        trust_code: unpickle what has to be unpickled, here and now.
        example: rows it was trained on (CSV or Parquet); else the example that was logged with it.
        classes: labels of a classifier that does not say them itself.

    Raises:
        InvalidInput: it is no external version, has no example, or can be packaged in no form.
        Forbidden: it has to be unpickled, and that is not trusted.
    """
    from millwright.tracking import start_run

    found = get_version(door, project, model, version)
    if found.status != "external":
        raise InvalidInput(
            "registry.not_external",
            f"{model} version {found.version} is packaged already.",
            hint="Only versions that an MLflow client registered are adopted.",
        )
    with tempfile.TemporaryDirectory(prefix="millwright-") as kept:
        folder = Path(kept)
        _fetch(door, project, found, folder)
        rows = _rows(folder, example)
        estimator = _estimator(folder, trust_code=trust_code)
        name = f"{model} v{found.version}"
        tags = {ADOPTED: f"{model}/{found.version}"}
        with start_run(name, "adopted", project=project, tags=tags, door=door):
            made: ModelVersion = log_model(estimator, model, rows, classes=classes or None)
    return made


def _fetch(door: Door, project: str, version: ModelVersion, folder: Path) -> None:
    query = f"name={quote(version.model, safe='')}&version={version.version}"
    answer = door.mlflow(project, "GET", f"model-versions/get-download-uri?{query}")
    uri = str(answer["artifact_uri"])
    if not uri.startswith(_PROXIED):
        raise InvalidInput(
            "registry.files_elsewhere",
            f"The files of {version.model} version {version.version} are at {uri[:200]}, which "
            "this server does not keep.",
            hint="Fetch the folder and give it to mw.log_model.",
        )
    _fetch_below(door, project, urlsplit(uri).path.strip("/"), folder)
    if not (folder / _MLMODEL).is_file():
        raise InvalidInput(
            "registry.no_mlmodel", f"There is no MLmodel file at {uri[:200]}.", value=uri
        )


def _fetch_below(door: Door, project: str, root: str, folder: Path) -> None:
    listed = json.loads(door.mlflow_file(project, f"?path={quote(root, safe='')}"))
    for file in listed.get("files", ()):
        # The server refuses names that climb when they are stored.
        name = str(file["path"]).rpartition("/")[2]
        if file.get("is_dir"):
            (folder / name).mkdir(exist_ok=True)
            _fetch_below(door, project, f"{root}/{name}", folder / name)
        else:
            (folder / name).write_bytes(door.mlflow_file(project, quote(f"{root}/{name}")))


def _described(folder: Path) -> dict[str, Any]:
    found = yaml.safe_load((folder / _MLMODEL).read_text("utf-8"))
    return found if isinstance(found, dict) else {}


def _rows(folder: Path, example: Path | None) -> Any:
    import pandas

    if example is not None and example.suffix == ".parquet":
        return pandas.read_parquet(example)
    if example is not None:
        return pandas.read_csv(example)
    said = _described(folder).get("saved_input_example_info") or {}
    path = folder / str(said.get("artifact_path") or "input_example.json")
    if not path.is_file() or path.parent != folder:
        raise InvalidInput(
            "registry.no_example",
            "No rows were logged with the model.",
            hint="Give some that it was trained on: --example rows.parquet",
        )
    held = json.loads(path.read_text("utf-8"))
    if isinstance(held, dict) and "columns" in held:
        return pandas.DataFrame(held["data"], columns=held["columns"])
    if isinstance(held, dict):
        held = next((held[key] for key in _EXAMPLE_KEYS if key in held), held)
    return pandas.DataFrame(held)


def _estimator(folder: Path, *, trust_code: bool) -> Any:
    """The fitted estimator in its own library, or the folder where there is no such form."""
    flavors = _described(folder).get("flavors") or {}
    if "lightgbm" in flavors:
        return _lightgbm(folder, flavors["lightgbm"], trust_code=trust_code)
    if "xgboost" in flavors:
        return _xgboost(folder, flavors["xgboost"], trust_code=trust_code)
    if "sklearn" in flavors:
        name = str(flavors["sklearn"].get("pickled_model", "model.pkl"))
        return _unpickled(folder, name, trust_code=trust_code)
    return folder


def _lightgbm(folder: Path, flavor: dict[str, Any], *, trust_code: bool) -> Any:
    import lightgbm

    path = _inside(folder, str(flavor.get("data", "model.lgb")))
    if path.suffix == ".pkl":
        return _unpickled(folder, path.name, trust_code=trust_code)
    return lightgbm.Booster(model_file=str(path))


def _xgboost(folder: Path, flavor: dict[str, Any], *, trust_code: bool) -> Any:
    import xgboost

    path = _inside(folder, str(flavor.get("data", "model.xgb")))
    if path.suffix == ".pkl":
        return _unpickled(folder, path.name, trust_code=trust_code)
    kind = str(flavor.get("model_class", "")).rpartition(".")[2]
    known = {"XGBClassifier": xgboost.XGBClassifier, "XGBRegressor": xgboost.XGBRegressor}
    model = known.get(kind, xgboost.Booster)()
    model.load_model(str(path))
    return model


def _unpickled(folder: Path, name: str, *, trust_code: bool) -> Any:
    path = _inside(folder, name)
    if path.suffix == ".skops":
        import skops.io

        return skops.io.load(
            path, trusted=skops.io.get_untrusted_types(file=path) if trust_code else None
        )
    if not trust_code:
        raise Forbidden(
            "registry.pickle",
            f"{name} is a pickle: reading it runs whatever it says.",
            hint="If you know who made it, run this again with --trust-code.",
        )
    import pickle

    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.exists():
        raise InvalidInput(
            "registry.model_file", f"The MLmodel file names '{name[:100]}', which is not there."
        )
    return path
