"""Times and durations: integer milliseconds inside, RFC 3339 and ``7d`` outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.clock import format_duration, parse_duration, parse_rfc3339, rfc3339
from millwright.kernel.errors import InvalidInput

pytestmark = pytest.mark.core


@given(st.integers(-2_000_000_000_000, 250_000_000_000_000))
def test_a_time_written_and_read_is_the_same_time(milliseconds: int) -> None:
    assert parse_rfc3339(rfc3339(milliseconds)) == milliseconds


@given(st.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_zones_are_honoured(moment: datetime, minutes: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (zoned - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)
    assert abs(parse_rfc3339(zoned.isoformat()) - expected) <= 1


def test_a_time_without_zone_is_utc() -> None:
    assert parse_rfc3339("2013-04-01 05:15") == parse_rfc3339("2013-04-01T05:15:00Z")


@pytest.mark.parametrize("text", ["", "yesterday", "2013-13-01", "12:00"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match="for example 2013-04-01T05:15:00Z"):
        parse_rfc3339(text)


@given(st.integers(0, 10_000), st.sampled_from(["ms", "s", "m", "h", "d", "w"]))
def test_durations_are_their_number_of_units(count: int, unit: str) -> None:
    seconds = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit]
    assert parse_duration(f" {count}{unit} ") == round(count * seconds * 1000)


@pytest.mark.parametrize("text", ["", "7", "d", "7 days", "-1d", "1e3s", "7d7h", "∞d"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match="for example 60s or 7d"):
        parse_duration(text)


@given(st.floats(0, 1e10))
def test_every_duration_can_be_shown_with_a_unit(milliseconds: float) -> None:
    assert format_duration(milliseconds).split()[-1] in {"ms", "s", "min"}
