"""Run by the peer's Python: Great Expectations over the cases, as JSON on the standard output."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)

sys.path.insert(0, str(Path(__file__).parent))
import gx_cases

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)


def frame(table: dict[str, list[Any]], times: bool) -> pd.DataFrame:
    made = {}
    for name, values in table.items():
        kind = gx_cases.KINDS[name]
        if kind == "time" and times:
            made[name] = pd.to_datetime(pd.Series(values, dtype=object)).astype("datetime64[ns]")
        else:
            dtype = {"float": "float64", "int": "int64"}.get(kind, object)
            made[name] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(made)


def run(batch: Any, name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    given = dict(kwargs)
    for bound in ("min_value", "max_value"):
        if isinstance(given.get(bound), str):
            given[bound] = pd.Timestamp(given[bound]).to_pydatetime()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = batch.validate(get_expectation_impl(name)(**given))
    except Exception as error:
        return {"error": type(error).__name__}
    if result.exception_info and any(
        isinstance(info, dict) and info.get("raised_exception")
        for info in [result.exception_info, *result.exception_info.values()]
    ):
        return {"error": "raised"}
    found = {"success": bool(result.success)}
    for key in ("unexpected_count", "element_count", "missing_count", "observed_value"):
        if key in result.result:
            found[key] = result.result[key]
    return found


def main() -> None:
    context = gx.get_context(mode="ephemeral")
    pandas = context.data_sources.add_pandas("pandas")
    answer: dict[str, Any] = {
        "version": gx.__version__,
        "names": sorted(list_registered_expectation_implementations()),
    }
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/world.db"
        sql = context.data_sources.add_sqlite("world", connection_string=database)
        import sqlalchemy

        engine = sqlalchemy.create_engine(database)
        for table, columns in gx_cases.TABLES.items():
            frame(columns, times=False).to_sql(table, engine, index=False)
        for table, columns in gx_cases.TABLES.items():
            whole = pandas.add_dataframe_asset(table).add_batch_definition_whole_dataframe(table)
            batch = whole.get_batch({"dataframe": frame(columns, times=True)})
            for number, (name, kwargs) in enumerate(gx_cases.cases()):
                results.append({"table": table, "case": number, **run(batch, name, kwargs)})
            stored = sql.add_table_asset(table, table_name=table)
            rows = stored.add_batch_definition_whole_table(table).get_batch()
            for number, (name, kwargs) in enumerate(gx_cases.sql_cases()):
                results.append({"table": table, "sql": number, **run(rows, name, kwargs)})
    print(json.dumps({**answer, "results": results}, default=str))


main()
