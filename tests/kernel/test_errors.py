"""One error hierarchy: what one side raises, the other side of the door raises too."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel import errors
from millwright.kernel.access import Actor, Permission, Role
from millwright.kernel.errors import ERRORS_BY_STATUS, MillwrightError, from_problem

pytestmark = pytest.mark.core


@given(
    st.sampled_from(sorted(ERRORS_BY_STATUS)),
    st.text(min_size=1),
    st.text(min_size=1),
    st.none() | st.text(),
)
def test_an_error_survives_the_door(status: int, code: str, message: str, hint: str | None) -> None:
    before = ERRORS_BY_STATUS[status](code, message, hint=hint)
    after = from_problem(before.status, before.problem())
    assert type(after) is type(before)
    assert (after.code, after.message, after.hint) == (code, message, hint)
    assert str(after) == str(before)


@pytest.mark.parametrize("body", [None, "<html>", [], {"error": "text"}, {"detail": "x"}])
def test_an_answer_that_is_none_of_ours_is_still_an_error_of_ours(body: object) -> None:
    assert isinstance(from_problem(502, body), MillwrightError)
    assert isinstance(from_problem(404, body), errors.NotFound)


def test_every_kind_has_its_own_meaning_for_http_and_for_the_shell() -> None:
    for kind in ERRORS_BY_STATUS.values():
        assert 400 <= kind.status < 600
        assert 1 < kind.exit_code < 126


def test_each_role_may_do_all_that_the_one_below_may() -> None:
    held = [{p for p in Permission if Actor("x", role).may(p)} for role in Role]
    for below, above in itertools.pairwise(held):
        assert below < above
    assert held[-1] == set(Permission)
