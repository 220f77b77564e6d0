"""Explanations on request: what each field does to the score, within a budget of time."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import numpy as np
import pytest

from millwright.serving.application import Application
from millwright.serving.asgi import AsgiServer
from millwright.serving.config import ServerConfig
from millwright.serving.explaining import Explainer
from millwright.serving.models import Models
from millwright.serving.signature import Rows
from millwright.serving.variant import Generation, load_generation

PATH = "/v2/models/delays/explain"


@pytest.fixture
def generation(sampled_package, one_champion) -> Generation:
    return load_generation(ServerConfig.model_validate(one_champion(sampled_package)), {})


def test_a_contribution_is_what_the_score_loses_at_the_fields_usual_value(generation):
    champion = generation.champion
    explainer = Explainer.open(champion, generation.signature.fields)
    rows = Rows(2, 3, [100.0, "UA", 1.0, None, "AA", 0.0])
    found = explainer.explain(rows, 10.0)
    assert (found.fields, found.left_out) == (["distance", "carrier", "holiday"], [])
    np.testing.assert_allclose(found.scores, champion.score(rows).scores)
    usual = {"distance": 500.0, "carrier": "AA", "holiday": 0.0}
    for row in range(2):
        for column, name in enumerate(found.fields):
            values = list(rows.row(row))
            values[column] = usual[name]
            without = champion.score(Rows(1, 3, values)).scores[0]
            assert found.contributions[row][column] == pytest.approx(
                found.scores[row] - without, abs=1e-6
            )


def test_fields_for_which_there_is_no_time_are_named(generation, monkeypatch):
    monkeypatch.setattr("millwright.serving.explaining._AT_ONCE", 1)
    explainer = Explainer.open(generation.champion, generation.signature.fields)
    found = explainer.explain(Rows(1, 3, [100.0, "UA", 1.0]), 0.0)
    assert (found.fields, found.left_out) == (["distance"], ["carrier", "holiday"])
    assert len(found.contributions[0]) == 1


def asked(config: dict[str, Any], body: Any) -> tuple[httpx.Response, httpx.Response]:
    async def run() -> tuple[httpx.Response, httpx.Response]:
        models = Models(ServerConfig.model_validate(config))
        models.start()
        transport = httpx.ASGITransport(AsgiServer(Application(models)))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post(PATH, json=body), await client.get("/metrics")

    return asyncio.run(run())


def test_an_explanation_comes_as_an_inference_response(sampled_package, one_champion, ask):
    reply, metrics = asked(one_champion(sampled_package), ask(id="mine"))
    assert reply.status_code == 200
    said = reply.json()
    assert (said["id"], said["model_version"], said["parameters"]["complete"]) == (
        "mine",
        "1",
        True,
    )
    outputs = {one["name"]: one for one in said["outputs"]}
    assert outputs["field"]["data"] == ["distance", "carrier", "holiday"]
    assert outputs["contribution"]["shape"] == [1, 3]
    assert 'requests_total{protocol="explain",code="200"} 1' in metrics.text


def test_without_a_sample_nothing_is_usual(make_package, one_champion, ask):
    reply, _ = asked(one_champion(make_package()), ask())
    assert (reply.status_code, reply.json()["code"]) == (409, "serving.no_reference")


def test_a_question_that_is_none_is_refused_as_everywhere(sampled_package, one_champion, ask):
    reply, _ = asked(one_champion(sampled_package), ask(distance="far"))
    assert reply.status_code == 400
    assert "Tensor 'distance', row 0" in reply.json()["error"]
