"""Tokens: shown once, never stored, worthless when revoked or expired."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright import security
from millwright.kernel import events
from millwright.kernel.access import Actor, Role
from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.store import Store
from millwright.security.client import create_token, list_tokens, revoke_token
from millwright.security.records import TokenRequest
from millwright.security.service import find_by_secret
from millwright.security.tokens import digest_of_secret, id_of, matches, new_secret

pytestmark = pytest.mark.core


@given(st.integers(0, 2**128 - 1).map(lambda number: f"{number:032x}"))
def test_the_id_stands_in_the_secret_and_the_digest_matches_it_alone(token_id: str) -> None:
    secret, another = new_secret(token_id), new_secret(token_id)
    assert id_of(secret) == token_id
    assert matches(secret, digest_of_secret(secret))
    assert not matches(another, digest_of_secret(secret))


@given(st.text(max_size=100))
def test_other_text_has_no_id(text: str) -> None:
    assert id_of(text) is None


@pytest.mark.parametrize("spoil", ["{}\n", " {}", "{}x", "X{}"])
def test_a_secret_with_anything_added_is_none(spoil: str) -> None:
    assert id_of(spoil.format(new_secret("0" * 32))) is None


def test_a_token_is_found_by_its_secret_and_by_nothing_else(store: Store, actor: Actor) -> None:
    issued = security.create_token(store, actor, TokenRequest(name="ci", role=Role.EDITOR))
    found = find_by_secret(store, issued.secret)
    assert found is not None
    assert (found.name, found.role, found.active) == ("ci", Role.EDITOR, True)
    assert find_by_secret(store, issued.secret[:-1] + "~") is None
    assert find_by_secret(store, new_secret(issued.token.id)) is None
    assert find_by_secret(store, new_secret("f" * 32)) is None


def test_the_secret_is_stored_nowhere(store: Store, actor: Actor) -> None:
    issued = security.create_token(store, actor, TokenRequest(name="ci", role=Role.VIEWER))
    with sqlite3.connect(store.workspace.state / "millwright.db") as database:
        everything = "\n".join(database.iterdump())
    assert issued.token.id in everything
    assert issued.secret not in everything
    assert issued.secret[-30:] not in everything


def test_a_revoked_token_is_worthless_and_its_name_is_free_again(
    store: Store, actor: Actor
) -> None:
    first = security.create_token(store, actor, TokenRequest(name="ci", role=Role.VIEWER))
    with pytest.raises(Conflict, match="mw token revoke ci"):
        security.create_token(store, actor, TokenRequest(name="ci", role=Role.ADMIN))
    assert security.revoke_token(store, actor, "ci").revoked_at is not None
    found = find_by_secret(store, first.secret)
    assert found is not None
    assert not found.active
    security.create_token(store, actor, TokenRequest(name="ci", role=Role.ADMIN))
    assert [token.active for token in security.list_tokens(store)] == [True, False]


def test_a_token_expires(store: Store, actor: Actor) -> None:
    request = TokenRequest(name="brief", role=Role.ADMIN, expires_in="0ms")
    issued = security.create_token(store, actor, request)
    found = find_by_secret(store, issued.secret)
    assert found is not None
    assert not found.active
    assert found.revoked_at is None


def test_last_use_is_noted(store: Store, actor: Actor) -> None:
    issued = security.create_token(store, actor, TokenRequest(name="ci", role=Role.VIEWER))
    assert security.list_tokens(store)[0].last_used_at is None
    find_by_secret(store, issued.secret)
    assert security.list_tokens(store)[0].last_used_at is not None


@pytest.mark.parametrize("name", ["local", "system"])
def test_nobody_can_pose_as_millwright_itself(store: Store, actor: Actor, name: str) -> None:
    with pytest.raises(InvalidInput, match="audit trail"):
        security.create_token(store, actor, TokenRequest(name=name, role=Role.VIEWER))


def test_making_and_revoking_stand_in_the_event_log(store: Store, actor: Actor) -> None:
    issued = security.create_token(store, actor, TokenRequest(name="ci", role=Role.VIEWER))
    security.revoke_token(store, actor, issued.token.id)
    with store.read() as connection:
        written = events.read(connection, subject=f"token:{issued.token.id}")
    assert [event.kind for event in written] == ["token.created", "token.revoked"]
    assert all(event.actor == actor.name for event in written)


def test_tokens_through_the_door(door: Door) -> None:
    issued = create_token(door, TokenRequest(name="night-job", role=Role.OPERATOR))
    assert list_tokens(door) == [issued.token]
    with pytest.raises(NotFound, match="Did you mean 'night-job'"):
        revoke_token(door, "nightjob")
    assert revoke_token(door, "night-job").revoked_at is not None
    assert door.get("/whoami")["role"] == "admin"
