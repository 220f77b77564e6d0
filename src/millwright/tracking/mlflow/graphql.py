"""``/graphql``, which MLflow's own web interface asks: the same endpoints under other names.

Every field at the root is an endpoint of the table, and asks for that endpoint's permission.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import msgspec
from anyio import to_thread

from millwright.kernel.access import Permission
from millwright.kernel.errors import MillwrightError
from millwright.tracking.mlflow.endpoints import Endpoint, EndpointMap, Endpoints, MlflowCall, Reply
from millwright.tracking.mlflow.errors import MlflowError, translated
from millwright.tracking.mlflow.graphql_query import QueryError, Selection, parsed

MAX_BYTES = 1 << 20
_FIELDS = {
    "mlflowGetExperiment": ("GET", "experiments/get"),
    "mlflowGetMetricHistoryBulkInterval": ("GET", "metrics/get-history-bulk-interval"),
    "mlflowGetRun": ("GET", "runs/get"),
    "mlflowListArtifacts": ("GET", "artifacts/list"),
    "mlflowSearchDatasets": ("POST", "experiments/search-datasets"),
    "mlflowSearchModelVersions": ("GET", "model-versions/search"),
    "mlflowSearchRuns": ("POST", "runs/search"),
}
_ABSENT: dict[str, Any] = {"context": "", "fileSize": "0", "isDir": False}
_NO_LIST = {"runs", "metrics", "params", "tags", "files", "datasetSummaries", "modelVersions"}
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


class Asked(msgspec.Struct, rename="camel"):
    """A query with its variables."""

    query: str = ""
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


def graphql_endpoints(known: Sequence[Endpoint]) -> list[Endpoint]:
    """The endpoint that answers queries by asking the others."""
    table = EndpointMap(list(known))
    made = Endpoints()

    @made.post("/graphql", permission=Permission.READ, max_bytes=MAX_BYTES)
    async def graphql(call: MlflowCall) -> object:
        """Several endpoints in one request, as a query names them."""
        asked = call.read(Asked)
        try:
            roots = parsed(asked.query, asked.variables or {}, asked.operation_name)
        except QueryError as cause:
            return {"data": None, "errors": [str(cause)]}
        data: dict[str, Any] = {}
        errors = []
        for root in roots:
            name = root.alias or root.name
            try:
                data[name] = await _root(call, table, root)
            except MlflowError as refused:
                data[name] = None
                errors.append(refused.message)
            except MillwrightError as refused:
                data[name] = None
                errors.append(translated(refused).message)
        return {"data": data, "errors": errors or None}

    return made.table


async def _root(call: MlflowCall, table: EndpointMap, root: Selection) -> Any:
    given = root.arguments.get("input", root.arguments)
    if root.name in ("test", "testMutation"):
        return _shaped({"output": str(root.arguments.get("inputString", ""))}, root)
    where = _FIELDS.get(root.name)
    if where is None:
        raise MlflowError("BAD_REQUEST", f"Cannot query field '{root.name[:100]}'.")
    asked = {_snake(key): value for key, value in given.items()} if isinstance(given, dict) else {}
    found = await _asked(call, table, where, asked)
    if root.name == "mlflowGetRun":
        await _beside(call, table, root, found)
    return _shaped(found, root)


async def _beside(call: MlflowCall, table: EndpointMap, root: Selection, found: Any) -> None:
    """What the interface wants to know beside a run: its experiment, and versions made of it."""
    wanted = {each.name for run in root.below if run.name == "run" for each in run.below}
    run = found["run"]
    if "experiment" in wanted:
        asked = {"experiment_id": run["info"]["experiment_id"]}
        run |= await _asked(call, table, ("GET", "experiments/get"), asked)
    if "modelVersions" in wanted:
        mine = {"filter": f"run_id='{run['info']['run_id']}'"}
        run |= await _asked(call, table, ("GET", "model-versions/search"), mine)


async def _asked(
    call: MlflowCall, table: EndpointMap, where: tuple[str, str], body: dict[str, Any]
) -> Any:
    method, path = where
    known = table.find(method, path)
    if known is None or not call.actor.may(known[0].permission):
        raise MlflowError(
            "PERMISSION_DENIED", f"Permission denied: {call.actor.name} may not ask {path}."
        )
    inner = replace(
        call,
        method=method,
        path=f"/api/2.0/mlflow/{path}",
        parts={},
        query=urlencode(body, doseq=True) if method == "GET" else "",
        body=b"" if method == "GET" else msgspec.json.encode(body),
    )
    if known[0].is_async:
        answer = await known[0].handler(inner)
    else:
        answer = await to_thread.run_sync(known[0].handler, inner)
    if isinstance(answer, Reply):
        raise MlflowError("BAD_REQUEST", f"{path} cannot be asked in a query.")
    return msgspec.json.decode(msgspec.json.encode(answer))


def _shaped(found: Any, selection: Selection) -> Any:
    """An answer with just the fields that are asked for, under their names in the query."""
    if isinstance(found, list):
        return [_shaped(each, selection) for each in found]
    if not selection.below or not isinstance(found, dict):
        return _scalar(found)
    shaped = {}
    for each in selection.below:
        value = found.get(_snake(each.name))
        if value is None:
            value = [] if each.name in _NO_LIST else _ABSENT.get(each.name)
        shaped[each.alias or each.name] = None if value is None else _shaped(value, each)
    return shaped


def _scalar(value: Any) -> Any:
    """64-bit integers are text in MLflow's schema, and what is no number is null."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None if value == "NaN" else value


def _snake(name: str) -> str:
    return _HUMP.sub(r"_\1", name).lower()
