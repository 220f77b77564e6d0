"""What is kept out at the door: values unlike any in training, strangers, callers in a hurry."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field
from millwright.serving.application import Application
from millwright.serving.asgi import AsgiServer
from millwright.serving.config import ServerConfig
from millwright.serving.guard import RangeGuard
from millwright.serving.keys import TokenBucket
from millwright.serving.models import Models
from millwright.serving.signature import Rows


def replies(config: dict[str, Any], *requests: dict[str, Any]) -> list[httpx.Response]:
    """What a server of this configuration answers, in this process, and its metrics at the end."""

    async def run() -> list[httpx.Response]:
        models = Models(ServerConfig.model_validate(config))
        models.start()
        application = Application(models, admin_token="admin", access_token=None)
        transport = httpx.ASGITransport(AsgiServer(application))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            path = "/v2/models/delays/infer"
            found = [
                await client.post(path, json=one["json"], headers=one.get("headers", {}))
                for one in requests
            ]
            key = requests[-1].get("headers", {}) if requests else {}
            return [*found, await client.get("/metrics", headers=key)]

    return asyncio.run(run())


def test_values_unlike_any_in_training_are_flagged_and_counted(sampled_package, one_champion, ask):
    config = one_champion(sampled_package, guard="flag")
    usual, far, new, metrics = replies(
        config,
        {"json": ask()},
        {"json": ask(distance=1e6)},
        {"json": ask(distance=-1e6, carrier="Zeppelin")},
    )
    assert usual.status_code == far.status_code == new.status_code == 200
    assert "x-millwright-outside" not in usual.headers
    assert far.headers["x-millwright-outside"] == "distance"
    assert new.headers["x-millwright-outside"] == "distance,carrier"
    assert 'millwright_outside_total{model="delays",field="distance"} 2' in metrics.text


def test_or_refused_in_a_sentence(sampled_package, one_champion, ask):
    config = one_champion(sampled_package, guard="reject")
    usual, far, new, _ = replies(
        config, {"json": ask()}, {"json": ask(distance=1e6)}, {"json": ask(carrier="Zeppelin")}
    )
    assert usual.status_code == 200
    assert (far.status_code, new.status_code) == (400, 400)
    assert "Tensor 'distance': expected 0 to 1200, got 1000000.0" in far.json()["error"]
    assert (
        "Tensor 'carrier': expected a value seen in training, got 'Zeppelin'" in new.json()["error"]
    )


def test_a_guard_without_a_sample_to_go_by_is_refused_at_the_start(make_package, one_champion):
    from millwright.kernel.errors import Corrupt

    with pytest.raises(Corrupt, match="no sample of its training rows"):
        replies(one_champion(make_package(), guard="flag"))


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1),
    st.lists(st.one_of(st.none(), st.floats(-1e7, 1e7)), min_size=1),
)
def test_a_number_is_outside_exactly_where_it_is_beyond_the_widened_range(seen, asked):
    guard = RangeGuard(pa.table({"x": seen}), [Field(name="x", kind="numeric")])
    slack = 0.1 * (max(seen) - min(seen))
    low, high = min(seen) - slack, max(seen) + slack
    rows = Rows(len(asked), 1, list(asked))
    far = any(v is not None and not low <= v <= high for v in asked)
    assert guard.outside(rows) == (["x"] if far else [])
    if far:
        assert isinstance(guard.refusal(["x"], rows), InvalidInput)


def key(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), **more}


def test_only_known_keys_are_answered_and_each_as_often_as_it_may(make_package, one_champion, ask):
    config = one_champion(make_package(), keys=[key("hasty", per_second=2), key("calm")])
    hasty, calm = ({"authorization": f"Bearer {name}"} for name in ("hasty", "calm"))
    found = replies(
        config,
        {"json": ask()},
        {"json": ask(), "headers": {"authorization": "Bearer other"}},
        *[{"json": ask(), "headers": hasty}] * 3,
        *[{"json": ask(), "headers": calm}] * 3,
    )
    assert [one.status_code for one in found] == [401, 401, 200, 200, 429, 200, 200, 200, 200]
    assert found[4].headers["retry-after"] == "1"
    assert "'hasty'" in found[4].json()["error"]


def test_a_key_may_be_for_small_bodies_only(make_package, one_champion, ask):
    keys = [key("small", max_body_bytes=300), key("any")]
    config = one_champion(make_package(), keys=keys)
    small, large = ({"authorization": f"Bearer {name}"} for name in ("small", "any"))
    long = ask(carrier="A" * 400)
    found = replies(
        config,
        {"json": {"inputs": []}, "headers": small},
        {"json": long, "headers": small},
        {"json": long, "headers": large},
    )
    assert [one.status_code for one in found[:3]] == [400, 413, 200]
    assert "300 bytes" in found[1].json()["error"]


@given(st.floats(0.5, 100), st.lists(st.floats(0, 0.5), max_size=200))
def test_over_any_time_a_bucket_allows_its_rate_and_one_burst(rate, gaps):
    bucket, now, allowed = TokenBucket(rate, 0.0), 0.0, 0
    for gap in gaps:
        now += gap
        allowed += bucket.take(now)
    assert allowed <= rate * now + max(1.0, rate) + 1e-6
