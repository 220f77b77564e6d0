"""How requests are shared among variants, and scored by one more beside their answer."""

from __future__ import annotations

import math
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.errors import InvalidInput
from millwright.serving.config import config_of
from millwright.serving.mirroring import differences
from millwright.serving.outcome import Outcome
from millwright.serving.traffic import Sample, Split, position, salt_of
from odd_variants import slow, variant_of
from watching import read_log, wait_until

NAMES = ["champion", "b", "c"]
weights = st.lists(
    st.floats(0.0, 100.0).filter(lambda w: w == 0 or w > 1e-6), min_size=3, max_size=3
).filter(any)


@given(st.text(), weights, st.integers(0, 2), st.floats(0.01, 50.0))
def test_a_raised_weight_moves_callers_only_to_its_own_variant(key, before, raised, more):
    after = [w + more if i == raised else w for i, w in enumerate(before)]
    was, now = (Split("d", NAMES, each).index_of(key) for each in (before, after))
    assert now in (was, raised)
    assert before[was] > 0


@given(st.text(), weights, st.floats(0.01, 100.0))
def test_only_the_proportion_of_the_weights_counts(key, some, scale):
    scaled = [weight * scale for weight in some]
    assert Split("d", NAMES, some).index_of(key) == Split("d", NAMES, scaled).index_of(key)


def test_each_variant_gets_its_weight_of_the_keys():
    split = Split("flights", NAMES, [5.0, 3.0, 2.0])
    found = Counter(split.index_of(f"key-{i}") for i in range(20_000))
    for index, share in enumerate((0.5, 0.3, 0.2)):
        assert abs(found[index] / 20_000 - share) < 4 * math.sqrt(share * (1 - share) / 20_000)


def test_splits_of_two_deployments_are_independent():
    ours, theirs = (Split(name, ["champion", "b"], [1, 1]) for name in ("flights", "fares"))
    both = Counter((ours.index_of(f"k{i}"), theirs.index_of(f"k{i}")) for i in range(8_000))
    assert all(abs(n / 8_000 - 0.25) < 0.02 for n in both.values())


@given(st.text())
def test_a_position_is_above_zero_and_at_most_one(key):
    assert 0.0 < position(key, salt_of("d")) <= 1.0


def test_a_sample_draws_each_for_its_share_and_one_at_most():
    sample = Sample("flights", [0.1, 0.25])
    found = Counter(sample.index_of(f"request-{i}") for i in range(20_000))
    assert abs(found[0] / 20_000 - 0.1) < 0.01
    assert abs(found[1] / 20_000 - 0.25) < 0.015
    assert abs(found[None] / 20_000 - 0.65) < 0.02


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        ([("b", 1, 0)], "exactly one champion"),
        ([("champion", 1, 0), ("champion", 1, 0)], "each variant once"),
        ([("champion", 0, 0), ("b", 0, 0.5)], "nobody would answer"),
        ([("champion", 1, 0.5)], "champion has none"),
        ([("champion", 1, 0), ("b", 0, 0.6), ("c", 0, 0.5)], "sum to 1 or less"),
    ],
    ids=["no champion", "twice", "no weight", "mirrored champion", "too much"],
)
def test_traffic_that_does_not_add_up_is_refused(variants, said):
    content = [
        {"name": n, "package": "p", "version_id": n, "version": 1, "weight": w, "mirror": m}
        for n, w, m in variants
    ]
    with pytest.raises(InvalidInput, match=said):
        config_of({"deployment": "d", "model_name": "m", "variants": content})


def test_labels_differ_by_name_and_numbers_by_a_tenth():
    yes, no = Outcome([0.6, 0.4], None, ["yes", "no"]), Outcome([0.9, 0.6], None, ["yes", "yes"])
    assert differences(yes, no) == 1
    assert differences(Outcome([100, 10], None, None), Outcome([109, 12], None, None)) == 1


def test_a_shadow_scores_its_sample_and_answers_nobody(
    tmp_path, start_server, make_package, one_champion, ask
):
    config = one_champion(make_package(), tmp_path / "spool")
    shadow = variant_of(make_package(name="second", seed=2), "night", 2, 0.0, 0.4)
    server = start_server({**config, "variants": [*config["variants"], shadow]})
    said = {server.infer(ask(id=f"r{i}")).json()["model_version"] for i in range(100)}
    assert said == {"1"}
    wait_until(lambda: 'mirror_waiting_rows{model="delays"} 0' in server.get("/metrics").text)
    text = server.get("/metrics").text
    assert 'millwright_mirrored_rows_total{model="delays",variant="night",outcome="scored"}' in text
    server.process.terminate()
    assert server.process.wait(10) == 0
    rows = read_log(tmp_path / "spool").to_pylist()
    seen = [row for row in rows if row["shadow_version_id"] == "v2"]
    assert len(rows) == 100
    assert 20 < len(seen) < 60
    assert all(row["shadow_score"] is not None for row in seen)


def test_three_arms_share_callers_and_change_without_a_restart(
    tmp_path, start_server, make_package, one_champion, ask
):
    config = one_champion(make_package())
    arms = [
        variant_of(make_package(name=name, seed=n), name, n, 1.0, 0.0)
        for n, name in enumerate(("b", "c"), start=2)
    ]
    server = start_server({**config, "variants": [*config["variants"], *arms]})

    def who(key: str) -> str:
        return server.infer(ask(parameters={"routing_key": key})).json()["parameters"]["variant"]

    keys = [f"customer-{i}" for i in range(60)]
    before = {key: who(key) for key in keys}
    assert set(before.values()) == {"champion", "b", "c"}
    assert {key: who(key) for key in keys} == before, "the split is sticky"
    changed = [{**config["variants"][0], "weight": 0.0}, {**arms[0], "weight": 1.0}]
    reply = server.infer(
        {**config, "revision": 1, "variants": changed},
        "/admin/config",
        authorization="Bearer secret",
    )
    assert reply.status_code == 200, reply.text
    assert {who(key) for key in keys} == {"b"}


def test_an_answer_does_not_wait_for_a_slow_shadow(
    tmp_path, start_server, make_package, one_champion, ask
):
    config = one_champion(make_package(), tmp_path / "spool", trust_code=True)
    shadow = variant_of(slow(make_package(name="slow")), "slow", 2, 0.0, 1.0)
    server = start_server({**config, "variants": [*config["variants"], shadow]})
    server.infer(ask())
    times = []
    for _ in range(40):
        started = time.perf_counter()
        server.infer(ask())
        times.append(time.perf_counter() - started)
    assert sorted(times)[20] < 0.025
