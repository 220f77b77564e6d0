"""The champion on the rows that a new model is measured on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millwright.automation.sources import ChampionRef
from millwright.kernel.door import Door
from millwright.kernel.errors import NotFound
from millwright.kernel.scoring import Scorer
from millwright.pipelines import step_context
from millwright.registry import CHAMPION, fetch, get_model, get_version
from millwright.training import TaskSpec


def champion_now(door: Door, project: str, model: str) -> ChampionRef | None:
    """The version that has the alias ``champion``; None where none has."""
    try:
        number = get_model(door, project, model).model.aliases.get(CHAMPION)
    except NotFound:
        return None
    if number is None:
        return None
    version = get_version(door, project, model, number)
    return ChampionRef(id=version.id, model=model, version=number)


def champion_prediction(
    champion: ChampionRef, spec: TaskSpec, test: pa.Table
) -> npt.NDArray[np.float64] | None:
    """The champion's predictions for these rows; None where it answers another question, or
    takes columns that are not there: then the two cannot be compared."""
    context = step_context()
    version = get_version(context.door, context.project, champion.model, champion.version)
    columns = set(test.column_names)
    asked = (version.task, version.classes) == (spec.task, spec.classes)
    if not asked or any(field.name not in columns for field in version.signature):
        return None
    folder = context.workdir / "champion"
    fetch(context.door, context.project, champion.model, champion.version, folder)
    scores: npt.NDArray[np.float64] = Scorer.open(folder).predict(test)
    return scores
