"""The deployments and models of a store, as the monitor watches them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from millwright.deployment import running_deployments
from millwright.evaluation import Evaluation
from millwright.kernel.config import MonitoringConfig
from millwright.kernel.errors import MillwrightError, NotFound
from millwright.kernel.model_package import REFERENCE
from millwright.kernel.projects import config_of
from millwright.kernel.store import Store
from millwright.monitoring.drift import Reference, make_reference
from millwright.monitoring.estimation.calibration import Calibration, calibrated_by
from millwright.monitoring.performance import WatchedModel
from millwright.monitoring.watched import WatchedDeployment, watched
from millwright.registry import ModelVersion, file_digest, find_model

_KEPT_MODELS = 16


class StoredCatalog:
    """Reads what is deployed from the deployment and registry rooms; models are kept in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._deployments: dict[str, WatchedDeployment] = {}
        self._models: OrderedDict[str, WatchedModel] = OrderedDict()

    def deployments(self) -> Sequence[WatchedDeployment]:
        """Every deployment that should be running, or was: a server that is stopped writes the
        last of its log after its deployment has ended."""
        for found in running_deployments(self._store):
            self._deployments[found.id] = watched(self._store, found)
        return list(self._deployments.values())

    def policy(self, project: str) -> MonitoringConfig:
        """The ``monitoring`` section the project last ran with; the defaults where it has none."""
        try:
            config = config_of(self._store, project)
        except NotFound:
            return MonitoringConfig()
        performance = config.monitoring.performance
        if performance.fairness is not None:
            return config.monitoring
        groups = config.evaluation.fairness.groups
        watched = performance.model_copy(update={"fairness": groups})
        return config.monitoring.model_copy(update={"performance": watched})

    def model(self, deployment: WatchedDeployment, version_id: str) -> WatchedModel | None:
        """A version of the deployment's model; None when it is unknown."""
        known = self._models.get(version_id)
        if known is not None:
            self._models.move_to_end(version_id)
            return known
        try:
            versions = find_model(self._store, deployment.project, deployment.model).versions
        except NotFound:
            return None
        version = next((v for v in versions if v.id == version_id), None)
        if version is None or version.task is None:
            return None
        evaluation = self._evaluation(version)
        model = WatchedModel(
            version_id=version_id,
            task=version.task,
            classes=version.classes,
            threshold=version.threshold,
            reference=self._reference(version),
            validation=dict(version.metrics),
            calibration=_calibration(version, evaluation),
            fairness={
                found.column: found.gaps for found in (evaluation.fairness if evaluation else ())
            },
        )
        self._models[version_id] = model
        if len(self._models) > _KEPT_MODELS:
            self._models.popitem(last=False)
        return model

    def _reference(self, version: ModelVersion) -> Reference:
        try:
            content = self._store.objects.of(version.project).read(file_digest(version, REFERENCE))
        except MillwrightError:
            # A package without a sample can be served and measured; only drift is unknown.
            return Reference(columns=())
        sample = pa.ipc.open_file(pa.BufferReader(content)).read_all()
        return make_reference(sample, version.signature)

    def _evaluation(self, version: ModelVersion) -> Evaluation | None:
        if version.evaluation is None:
            return None
        try:
            content = self._store.objects.of(version.project).read(version.evaluation)
            return Evaluation.model_validate_json(content)
        except (MillwrightError, ValueError):
            # Other programs may register an evaluation of their own form.
            return None


def _calibration(version: ModelVersion, evaluation: Evaluation | None) -> Calibration | None:
    if evaluation is None or version.task != "binary" or not evaluation.curves.calibration:
        return None
    stated, observed, rows = (
        np.array([getattr(each, name) for each in evaluation.curves.calibration], dtype=np.float64)
        for name in ("predicted", "observed", "rows")
    )
    return calibrated_by(stated, observed, rows)
