"""The online store: what is known of an entity now, and what its file says after it changed."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import httpx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.features.online.latest import LatestRows, key_of
from millwright.features.online.serving import OnlineServer, OnlineStore
from millwright.features.point_in_time import join_as_of
from millwright.kernel.errors import InvalidInput

MOMENTS = st.integers(0, 20)
KEYS = st.one_of(st.none(), st.sampled_from(["a", "b", "c"]))


@given(st.lists(st.tuples(KEYS, st.one_of(st.none(), MOMENTS)), min_size=1), MOMENTS)
def test_it_knows_of_each_entity_what_a_join_at_that_moment_finds(rows, now):
    times = pa.array([at for _, at in rows], pa.timestamp("us", tz="UTC"))
    side = pa.table({"key": pa.array([key for key, _ in rows], pa.string()), "at": times})
    asked = ["a", "b", "c", "d"]
    main = pa.table({"key": asked, "now": pa.array([now] * 4, pa.timestamp("us", tz="UTC"))})
    joined = join_as_of(
        main, side, keys=["key"], main_time="now", side_time="at", tolerance_ms=10**9
    )
    latest = LatestRows(side, ["key"], "at")
    found = [latest.at(key_of([key]), now) for key in asked]
    assert [-1 if one is None else one[0] for one in found] == joined.tolist()


def test_a_column_that_is_not_there_is_named():
    table = pa.table({"origin": ["JFK"], "temp": [1.0]})
    with pytest.raises(InvalidInput, match="Did you mean 'origin'"):
        LatestRows(table, ["orgin"], None)
    with pytest.raises(InvalidInput, match="no time"):
        LatestRows(table, ["origin"], "temp")


def test_it_answers_in_feasts_form_and_follows_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr("millwright.features.online.serving._LOOK_SECONDS", 0.0)
    file = tmp_path / "weather.csv"
    file.write_text("origin,at,temp\nJFK,2021-01-01T00:00:00Z,5.5\nLGA,2021-01-01T00:00:00Z,\n")
    store = OnlineStore("weather", file, ["origin"], "at")
    question = {"features": ["weather:temp"], "entities": {"origin": ["JFK", "LGA", "EWR"]}}
    headers = {"authorization": "Bearer secret"}

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(OnlineServer(store, "secret"))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            path = "/get-online-features"

            async def ask(content: Any, **more: Any) -> httpx.Response:
                return await client.post(path, json=content, **{"headers": headers, **more})

            found = [await ask(question)]
            file.write_text("origin,at,temp\nJFK,2022-01-01T00:00:00Z,7.5\n")
            os.utime(file, ns=(1, 1))
            found += [await ask(question), await ask(question, headers={})]
            found.append(await ask({**question, "features": ["weather:humid"]}))
            found.append(await ask({**question, "entities": {"tail": ["a"]}}))
            found.append(await ask([]))
            return found

    first, later, stranger, unknown, keys, odd = asyncio.run(run())
    assert first.json() == {
        "metadata": {"feature_names": ["origin", "temp"]},
        "results": [
            {
                "values": ["JFK", "LGA", "EWR"],
                "statuses": ["PRESENT"] * 3,
                "event_timestamps": ["1970-01-01T00:00:00.000Z"] * 3,
            },
            {
                "values": [5.5, None, None],
                "statuses": ["PRESENT", "NULL_VALUE", "NOT_FOUND"],
                "event_timestamps": [
                    "2021-01-01T00:00:00.000Z",
                    "2021-01-01T00:00:00.000Z",
                    "1970-01-01T00:00:00.000Z",
                ],
            },
        ],
    }
    assert later.json()["results"][1]["values"] == [7.5, None, None]
    assert stranger.status_code == 401
    assert [one.status_code for one in (unknown, keys, odd)] == [400, 400, 400]
    assert "'weather' has: at, temp" in unknown.json()["detail"]
