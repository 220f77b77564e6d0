"""Searches over the MLflow protocol: runs, experiments, and the datasets of experiments."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import Connection

from millwright.kernel.access import Permission
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall
from millwright.tracking.mlflow.entities import experiments_out, whole_runs
from millwright.tracking.mlflow.errors import bad_value, invalid
from millwright.tracking.mlflow.experiment_search import find_experiments
from millwright.tracking.mlflow.experiments import checked_experiment_id, prepare
from millwright.tracking.mlflow.run_filter import conditions, orders
from millwright.tracking.mlflow.run_search import Search, find, from_token, page_token
from millwright.tracking.mlflow.wire import ExperimentOut, RunOut
from millwright.tracking.service.statements import execute, marks

MAX_RUNS = 50_000
MAX_EXPERIMENTS = 50_000
MAX_IDS = 10_000
_VIEWS = {1: "ACTIVE_ONLY", 2: "DELETED_ONLY", 3: "ALL"}
endpoints = Endpoints()


class RunSearch(Struct):
    """What ``runs/search`` takes."""

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str | int = "ACTIVE_ONLY"
    max_results: int = 1_000
    order_by: list[str] = []
    page_token: str | None = None


class ExperimentSearch(Struct):
    """What ``experiments/search`` takes."""

    view_type: str | int = "ACTIVE_ONLY"
    max_results: int = 1_000
    order_by: list[str] = []
    filter: str = ""
    page_token: str | None = None


class DatasetSearch(Struct):
    """What ``experiments/search-datasets`` takes."""

    experiment_ids: list[str] = []


class RunsFound(Struct, omit_defaults=True):
    """A page of runs."""

    runs: list[RunOut] = []
    next_page_token: str | None = None


class ExperimentsFound(Struct, omit_defaults=True):
    """A page of experiments."""

    experiments: list[ExperimentOut] = []
    next_page_token: str | None = None


class DatasetSummary(Struct, omit_defaults=True):
    """A dataset that runs of an experiment read."""

    experiment_id: str
    name: str
    digest: str
    context: str | None = None


@endpoints.post("runs/search", permission=Permission.READ)
def search_runs(call: MlflowCall) -> object:
    """A page of the runs that pass a filter, in order."""
    asked = call.read(RunSearch)
    checked_size(asked.max_results, MAX_RUNS)
    search = Search(
        experiments=(),
        conditions=tuple(conditions(asked.filter)),
        orders=tuple(orders(asked.order_by)),
        view=viewed(asked.run_view_type, "run_view_type"),
        limit=asked.max_results + 1,
    )
    with call.store.read() as connection:
        numbers = _numbers(connection, call.project, asked.experiment_ids)
        search = from_token(
            Search(numbers, search.conditions, search.orders, search.view, search.limit),
            asked.page_token,
        )
        rows = find(connection, search)
        page = rows[: asked.max_results]
        token = None
        if len(rows) > asked.max_results:
            shown = Search(
                numbers,
                search.conditions,
                search.orders,
                search.view,
                asked.max_results,
                search.offset,
            )
            token = page_token(shown, page[-1])
        return RunsFound(whole_runs(connection, page), token)


@endpoints.post("experiments/search", permission=Permission.READ)
@endpoints.get("experiments/search", permission=Permission.READ)
@endpoints.get("experiments/list", permission=Permission.READ)
def search_experiments(call: MlflowCall) -> object:
    """A page of the experiments that pass a filter, in order."""
    asked = call.read(ExperimentSearch)
    checked_size(asked.max_results, MAX_EXPERIMENTS)
    prepare(call)
    with call.store.read() as connection:
        rows, token = find_experiments(
            connection,
            call.project,
            view=viewed(asked.view_type, "view_type"),
            filter_text=asked.filter,
            order_by=asked.order_by,
            limit=asked.max_results,
            token=asked.page_token,
        )
        return ExperimentsFound(experiments_out(connection, rows), token)


@endpoints.post("experiments/search-datasets", permission=Permission.READ)
def search_datasets(call: MlflowCall) -> object:
    """The datasets that runs of some experiments read."""
    wanted = call.read(DatasetSearch).experiment_ids
    if not wanted:
        raise invalid("SearchDatasets request must specify at least one experiment_id.")
    if len(wanted) > 20:
        raise invalid(
            "SearchDatasets request cannot specify more than 20 experiment_ids. "
            f"Received {len(wanted)} experiment_ids."
        )
    with call.store.read() as connection:
        numbers = _numbers(connection, call.project, wanted)
        if not numbers:
            return {}
        query = (
            "SELECT DISTINCT e.id, d.name, d.digest, i.context FROM run_datasets d "  # noqa: S608
            "JOIN run_dataset_inputs i ON i.dataset_no = d.no "
            f"JOIN experiments e ON e.no = d.experiment_no WHERE e.no IN {marks(len(numbers))} "
            "ORDER BY 1, 2, 3 LIMIT 1000"
        )
        found = [
            DatasetSummary(row.id, row.name, row.digest, row.context)
            for row in execute(connection, query, *numbers)
        ]
        return {"dataset_summaries": found} if found else {}


def viewed(view: str | int, parameter: str) -> str:
    """A view type by its name; raises ``MlflowError``."""
    name = _VIEWS.get(view) if isinstance(view, int) else view
    if isinstance(view, str) and view.isdigit():
        name = _VIEWS.get(int(view))
    if name is None or name not in _VIEWS.values():
        raise bad_value(parameter, view)
    return name


def checked_size(size: int, most: int) -> None:
    """How many are asked for at once; raises ``MlflowError`` where that is none or too many."""
    refused = f"Invalid value {size} for parameter 'max_results' supplied. It must be"
    if size < 1:
        raise invalid(f"{refused} a positive integer")
    if size > most:
        raise invalid(f"{refused} at most {most}")


def _numbers(connection: Connection, project: str, ids: list[str]) -> tuple[int, ...]:
    if len(ids) > MAX_IDS:
        raise invalid(f"A search may name at most {MAX_IDS} experiments.")
    wanted = list(dict.fromkeys(checked_experiment_id(one) for one in ids))
    if not wanted:
        return ()
    query = f"SELECT no FROM experiments WHERE project = ? AND id IN {marks(len(wanted))}"  # noqa: S608
    return tuple(row.no for row in execute(connection, query, project, *wanted))
