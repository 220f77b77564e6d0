"""Several models in one process: loaded when asked for, let go to make room, swapped without a gap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from millwright.serving.application import Application
from millwright.serving.asgi import AsgiServer
from millwright.serving.config import ServerConfig
from millwright.serving.models import Models

ADMIN = {"authorization": "Bearer admin", "content-type": "application/json"}


@pytest.fixture
def three(make_package, one_champion) -> dict[str, Any]:
    """The configuration of three models."""

    def one(name: str, seed: int) -> dict[str, Any]:
        config = one_champion(make_package(name=name, seed=seed))
        return {**config, "deployment": name, "model_name": name}

    return {**one("first", 1), "others": [one("second", 2), one("third", 3)]}


def asking(
    config: dict[str, Any], ask: Callable[[httpx.AsyncClient, Models], Awaitable[Any]]
) -> Any:
    """What ``ask`` finds of a server of this configuration, in this process."""

    async def run() -> Any:
        models = Models(ServerConfig.model_validate(config))
        models.start()
        transport = httpx.ASGITransport(AsgiServer(Application(models, admin_token="admin")))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await ask(client, models)
        finally:
            models.close()

    return asyncio.run(run())


def test_each_model_answers_under_its_name_and_the_first_where_none_is_said(three, ask):
    async def questions(client, _models):
        by_name = [
            (await client.post(f"/v2/models/{name}/infer", json=ask())).json()
            for name in ("first", "second", "third")
        ]
        row = {"distance": 100.0, "carrier": "AA", "holiday": True}
        plain = await client.post("/invocations", json={"dataframe_records": [row]})
        unknown = await client.post("/v2/models/secund/infer", json=ask())
        return by_name, plain.json(), unknown

    by_name, plain, unknown = asking(three, questions)
    scores = [reply["outputs"][0]["data"][0] for reply in by_name]
    assert len(set(scores)) == 3, "three different models"
    assert plain["probabilities"] == [scores[0]]
    assert unknown.status_code == 404
    assert "Did you mean 'second'?" in unknown.json()["error"]


def test_with_a_limit_of_memory_models_are_loaded_when_asked_and_the_longest_unused_let_go(
    three, ask
):
    async def questions(client, models):
        async def states():
            found = (await client.post("/v2/repository/index", json={})).json()
            return {one["name"]: one["state"] for one in found}

        seen = [await states()]
        for name in ("second", "third", "first"):
            assert (await client.post(f"/v2/models/{name}/infer", json=ask())).status_code == 200
            seen.append(await states())
        return seen, models.evictions

    seen, evictions = asking({**three, "memory_bytes": 1}, questions)
    ready = [{name for name, state in one.items() if state == "READY"} for one in seen]
    assert ready == [{"first"}, {"second"}, {"third"}, {"first"}]
    assert evictions == 3


def test_a_model_is_unloaded_and_loaded_again_by_who_may(three, ask):
    async def questions(client, _models):
        unload, load = ("/v2/repository/models/second/" + verb for verb in ("unload", "load"))
        assert (await client.post(unload)).status_code == 401
        assert (await client.post(unload, headers=ADMIN)).status_code == 200
        away = await client.post("/v2/models/second/infer", json=ask())
        assert away.status_code == 404
        assert "was unloaded" in away.json()["error"]
        ready = (await client.post("/v2/repository/index", json={"ready": True})).json()
        assert [one["name"] for one in ready] == ["first", "third"]
        assert (await client.get("/v2/models/second/ready")).status_code == 503
        assert (await client.post(load, headers=ADMIN)).status_code == 200
        assert (await client.get("/v2/models/second/ready")).json()["ready"] is True
        return await client.post("/v2/models/second/infer", json=ask())

    assert asking(three, questions).status_code == 200


def test_a_model_that_cannot_be_loaded_says_why_and_the_others_answer(three, ask, tmp_path):
    three["others"][0]["variants"][0]["package"] = str(tmp_path / "gone")

    async def questions(client, _models):
        failed = await client.post("/v2/models/second/infer", json=ask())
        index = (await client.post("/v2/repository/index")).json()
        return failed, index, await client.post("/v2/models/third/infer", json=ask())

    failed, index, other = asking({**three, "memory_bytes": 10**9}, questions)
    assert failed.status_code == 404
    assert "There is no manifest.json" in index[1]["reason"]
    assert other.status_code == 200


def test_swaps_under_load_fail_no_request(make_package, one_champion, ask):
    packages = [make_package(name=f"package-{seed}", seed=seed) for seed in (1, 2)]
    configs = [
        {**one_champion(package), "revision": revision} for revision, package in enumerate(packages)
    ]
    for number, config in enumerate(configs):
        config["variants"][0].update(version=number + 1, version_id=f"v{number}")

    async def questions(client, _models):
        over = False
        statuses: list[int] = []
        versions: set[str] = set()

        async def caller():
            while not over:
                reply = await client.post("/v2/models/delays/infer", json=ask())
                statuses.append(reply.status_code)
                versions.add(reply.json()["model_version"])

        callers = [asyncio.create_task(caller()) for _ in range(8)]
        for turn in range(20):
            swapped = await client.post("/admin/config", json=configs[turn % 2], headers=ADMIN)
            assert swapped.status_code == 200
        over = True
        await asyncio.gather(*callers)
        return statuses, versions

    statuses, versions = asking(configs[0], questions)
    assert set(statuses) == {200}
    assert versions == {"1", "2"}
