"""Taking over logged models from elsewhere: again and again, with the same result."""

from __future__ import annotations

import mimetypes

from sqlalchemy import insert, select, update

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.store import Store, Transaction
from millwright.tracking.artifacts import files
from millwright.tracking.artifacts.paths import checked_path, joined
from millwright.tracking.exchange.records import (
    CarriedLoggedModel,
    CarriedLoggedModels,
    TakenCount,
)
from millwright.tracking.logged_models import service
from millwright.tracking.logged_models.tables import logged_models
from millwright.tracking.service import experiments


def take(store: Store, actor: Actor, project: str, carried: CarriedLoggedModels) -> TakenCount:
    """Bring logged models of an experiment to the state they have elsewhere."""
    new, refused = 0, []
    named: list[tuple[str, str]] = []
    with store.write(actor, project) as tx:
        experiment = experiments.named(tx, carried.experiment)
        for model in carried.models:
            query = select(logged_models).where(logged_models.c.id == model.id)
            row = tx.execute(query).first()
            if row is not None and row.project != project:
                refused.append(model.id)
                continue
            new += row is None
            place = _place(tx, experiment, model) if row is None else row.artifact_uri
            _bring_up_to_date(tx, project, model)
            root = files.path_of(place)
            if root is not None:
                named += [
                    (joined(root, checked_path(name)), digest)
                    for name, digest in model.files.items()
                ]
    for path, digest in named:
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        files.put(store, actor, project, path, digest, kind)
    return TakenCount(new=new, refused=tuple(refused))


def _place(
    tx: Transaction, experiment: experiments.ExperimentRow, model: CarriedLoggedModel
) -> str:
    """Make a model; where its files belong."""
    place = joined(f"mlflow-artifacts:/{experiment.id}", "models", model.id, "artifacts")
    tx.execute(
        insert(logged_models).values(
            id=model.id,
            project=experiment.project,
            experiment_no=experiment.no,
            name=model.name,
            model_type=model.model_type,
            run=model.run,
            status=model.status,
            artifact_uri=place,
            created_ms=model.created_ms,
            updated_ms=model.updated_ms,
        )
    )
    edges = [(f"run:{model.run}", f"logged-model:{model.id}")] if model.run else []
    payload = {"name": model.name, "experiment": experiment.id, "run": model.run}
    tx.event("logged-model.created", f"logged-model:{model.id}", payload, edges=edges)
    return place


def _bring_up_to_date(tx: Transaction, project: str, model: CarriedLoggedModel) -> None:
    service.add_params(tx, project, model.id, model.params)
    service.set_tags(tx, project, model.id, model.tags)
    service.add_metrics(
        tx,
        [
            service.ModelMetric(
                model=model.id,
                key=point.key,
                value=point.value,
                time_ms=point.time_ms,
                step=point.step,
                run=point.run,
                dataset_name=point.dataset_name,
                dataset_digest=point.dataset_digest,
            )
            for point in model.metrics
        ],
    )
    tx.execute(
        update(logged_models)
        .where(logged_models.c.id == model.id)
        .values(
            status=model.status,
            updated_ms=model.updated_ms,
            deleted_ms=clock.now_ms() if model.deleted else None,
        )
    )
