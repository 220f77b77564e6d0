"""When schedules fire: held against a loop over every minute, across changes of the wall clock."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.automation.schedules.timing import Timing, timing_of
from millwright.kernel.clock import parse_rfc3339, rfc3339
from millwright.kernel.config import parse_project
from millwright.kernel.config_automation import ScheduleConfig
from millwright.kernel.errors import InvalidInput

from .cron_oracle import fires

HOUR_MS = 3_600_000
JUMPS = {
    "Europe/Berlin": ("2024-03-31T01:00:00Z", "2024-10-27T01:00:00Z"),
    "America/New_York": ("2024-03-10T07:00:00Z", "2024-11-03T06:00:00Z"),
    "Australia/Lord_Howe": ("2024-10-05T15:30:00Z", "2024-04-06T15:00:00Z"),
    "America/St_Johns": ("2011-03-13T03:31:00Z", "2010-11-07T02:31:00Z"),
    "Pacific/Apia": ("2011-12-30T10:00:00Z", "2012-03-31T14:00:00Z"),
    "Asia/Kathmandu": ("1985-12-31T18:30:00Z",),
}
"""Moments at which the wall clock jumps: by an hour, by half of one, by a whole day."""

zones_and_jumps = st.sampled_from([(z, parse_rfc3339(j)) for z, js in JUMPS.items() for j in js])
expressions = st.tuples(
    st.sampled_from(["0", "30", "*/15", "0,30", "5", "15-45/10", "*"]),
    st.sampled_from(["*", "2", "0", "1,2,3", "*/6", "1-4", "23", "3"]),
    st.sampled_from(["*", "*", "1", "30,31", "*/2"]),
    st.sampled_from(["*", "3,4,10-12"]),
    st.sampled_from(["*", "*", "0", "1-5", "7"]),
).map(" ".join)


@given(where=zones_and_jumps, expression=expressions, before=st.integers(1, 40 * 60))
@settings(max_examples=30, deadline=None)
def test_cron_fires_as_a_loop_over_every_minute_does(
    where: tuple[str, int], expression: str, before: int
) -> None:
    zone, jump = where
    after, until = jump - before * 60_000, jump + 27 * HOUR_MS

    found = Timing(cron=expression, timezone=zone).between(after, until, 10_000)

    assert found == fires(expression, zone, after, until)


@given(where=zones_and_jumps, expression=expressions, pieces=st.lists(st.integers(1, 900)))
@settings(max_examples=30, deadline=None)
def test_asking_in_pieces_gives_the_same_fires(
    where: tuple[str, int], expression: str, pieces: list[int]
) -> None:
    zone, jump = where
    timing = Timing(cron=expression, timezone=zone)
    whole = timing.between(jump - 12 * HOUR_MS, jump + 12 * HOUR_MS, 10_000)
    found, at = [], jump - 12 * HOUR_MS
    for minutes in [*pieces, 1440]:
        until = min(at + minutes * 60_000, jump + 12 * HOUR_MS)
        found += timing.between(at, until, 10_000)
        at = until

    assert found == whole


def test_a_time_that_does_not_exist_fires_once_after_the_gap() -> None:
    nightly = Timing(cron="0,30 2 * * *", timezone="Europe/Berlin")

    found = nightly.between(
        parse_rfc3339("2024-03-30T12:00:00Z"), parse_rfc3339("2024-03-31T12:00:00Z"), 10
    )

    assert [rfc3339(fire)[:16] for fire in found] == ["2024-03-31T01:00"]


def test_a_time_that_comes_twice_fires_the_first_time() -> None:
    nightly = Timing(cron="30 2 * * *", timezone="Europe/Berlin")
    noon = parse_rfc3339("2024-10-26T12:00:00Z")
    between_the_two = parse_rfc3339("2024-10-27T00:45:00Z")

    assert [rfc3339(f)[:16] for f in nightly.between(noon, noon + 24 * HOUR_MS, 10)] == [
        "2024-10-27T00:30"
    ]
    following = nightly.next_after(between_the_two)
    assert following is not None
    assert rfc3339(following)[:16] == "2024-10-28T01:30"


def test_an_hourly_job_follows_elapsed_time() -> None:
    hourly = Timing(cron="0 * * * *", timezone="Europe/Berlin")
    spring, autumn = map(parse_rfc3339, ("2024-03-30T23:00:00Z", "2024-10-26T22:00:00Z"))

    assert len(hourly.between(spring, spring + 23 * HOUR_MS, 100)) == 23
    assert len(hourly.between(autumn, autumn + 25 * HOUR_MS, 100)) == 25


def test_intervals_are_counted_from_their_start_and_know_no_wall_clock() -> None:
    timing = timing_of(ScheduleConfig(pipeline="train", every="90m", start="2024-03-31T00:00:00Z"))
    found = [rfc3339(fire)[:16] for fire in islice(timing.after(0), 3)]

    assert found == ["2024-03-31T00:00", "2024-03-31T01:30", "2024-03-31T03:00"]


@given(where=zones_and_jumps, expression=expressions)
@settings(max_examples=15, deadline=None)
def test_the_fire_before_a_fire_is_the_one_before_it(
    where: tuple[str, int], expression: str
) -> None:
    zone, jump = where
    timing = Timing(cron=expression, timezone=zone)
    one, two = islice(timing.after(jump - 5 * HOUR_MS), 2)

    assert timing.before(two) == one


def test_nothing_fires_before_the_start_or_from_the_end_on() -> None:
    timing = Timing(cron="0 0 * * *", start_ms=86_400_000, end_ms=3 * 86_400_000)

    assert list(timing.after(-1)) == [86_400_000, 2 * 86_400_000]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("{pipeline: train, cron: '0 25 * * *'}", "no cron expression"),
        ("{pipeline: train, cron: '0 0 30 2 *'}", "no cron expression"),
        ("{pipeline: train, cron: '* * * * * *'}", "five fields"),
        ("{pipeline: train, cron: '@daily', timezone: Mars/Olympus}", "no time zone"),
        ("{pipeline: train}", "either 'cron' or 'every'"),
        ("{pipeline: train, cron: '@daily', every: 1h}", "either 'cron' or 'every'"),
        ("{pipeline: train, every: 10ms}", "at least 1s"),
        ("{pipeline: train, every: 1h, start: soon}", "not a time"),
        ("{pipeline: ../evil.py:run, every: 1h}", "pipeline"),
    ],
    ids=lambda text: text[:40],
)
def test_a_schedule_that_cannot_be_is_refused_where_it_stands(keys: str, said: str) -> None:
    text = f"project: p\ndata: {{source: a.csv, target: y}}\nschedules:\n  nightly: {keys}\n"

    with pytest.raises(InvalidInput, match="nightly") as refused:
        parse_project(text)

    assert said in str(refused.value)
