"""Long series and long lists: no peak is lost, and pages neither repeat nor skip while others write."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.access import LOCAL
from millwright.kernel.store import Store
from millwright.tracking import MetricPoint, NewRun, service
from millwright.tracking.service.decimation import sampled, thinned

VALUES = st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=300)


@given(VALUES, st.integers(4, 60))
def test_what_is_shown_of_a_series_has_its_ends_and_every_extreme(
    values: list[float], limit: int
) -> None:
    chosen = list(thinned(values, limit))
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= max(limit, len(values) if len(values) <= limit else limit)
    assert (chosen[0], chosen[-1]) == (0, len(values) - 1)
    real = [value for value in values if not math.isnan(value)]
    shown = [values[at] for at in chosen if not math.isnan(values[at])]
    if real:
        assert (min(shown), max(shown)) == (min(real), max(real))


@given(st.integers(0, 5_000), st.integers(1, 300))
def test_an_even_sample_is_even_and_has_the_last(count: int, limit: int) -> None:
    chosen = list(sampled(count, limit))
    assert len(chosen) == min(count, limit)
    assert chosen == sorted(set(chosen))
    if count:
        assert chosen[-1] == count - 1
    gaps = {after - before for before, after in pairwise(chosen[:-1])}
    assert len(gaps) <= 2


def test_a_peak_of_one_point_among_many_is_shown_and_zooming_shows_all(store: Store) -> None:
    run = service.create_run(store, LOCAL, "p", NewRun())
    points = [
        MetricPoint(key="loss", value=1e9 if step == 7_777 else 1.0, step=step, time_ms=step)
        for step in range(10_000)
    ]
    for start in range(0, len(points), 1000):
        service.log_metrics(store, LOCAL, run.id, points[start : start + 1000])
    shown = service.metric_history(store, run.id, "loss", 100)
    assert len(shown) <= 100
    assert 7_777 in [point.step for point in shown]
    near = service.metric_history(store, run.id, "loss", 100, first_step=7_770, last_step=7_790)
    assert [point.step for point in near] == list(range(7_770, 7_791))
