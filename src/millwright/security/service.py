"""Every change and query of tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from millwright.kernel import clock
from millwright.kernel.access import LOCAL, SYSTEM, Actor, Role
from millwright.kernel.errors import Conflict, InvalidInput, NotFound, nearest
from millwright.kernel.ids import new_id
from millwright.kernel.store import Store, Transaction
from millwright.security.records import IssuedToken, Token, TokenRequest
from millwright.security.tables import token_grants, tokens
from millwright.security.tokens import digest_of_secret, id_of, matches, new_secret

_RESERVED = {LOCAL.name, SYSTEM.name}
_LAST_USED_STEP_MS = 60_000


def create_token(store: Store, actor: Actor, request: TokenRequest) -> IssuedToken:
    """Make a token; the answer is the only place its secret ever stands.

    Raises:
        Conflict: an active token has this name.
        InvalidInput: the name is one that Millwright uses itself.
    """
    if request.name in _RESERVED:
        raise InvalidInput(
            "security.reserved_name",
            f"'{request.name}' is a name that Millwright itself uses in the audit trail.",
            hint="Name the token after who or what will use it.",
            value=request.name,
        )
    now = clock.now_ms()
    token_id = new_id()
    secret = new_secret(token_id)
    lifetime = None if request.expires_in is None else clock.parse_duration(request.expires_in)
    row: dict[str, Any] = {
        "id": token_id,
        "name": request.name,
        "role": request.role.value,
        "digest": digest_of_secret(secret),
        "created_ms": now,
        "created_by": actor.name,
        "expires_ms": None if lifetime is None else now + lifetime,
        "last_used_ms": None,
        "revoked_ms": None,
    }
    with store.write(actor) as tx:
        if _active_named(tx.connection, request.name, now) is not None:
            raise Conflict(
                "security.token_exists",
                f"There is an active token named '{request.name}' already.",
                hint=f"Choose another name, or first run: mw token revoke {request.name}",
                value=request.name,
            )
        tx.execute(insert(tokens).values(row))
        put_grants(tx, token_id, request.projects)
        tx.event(
            "token.created",
            subject=f"token:{token_id}",
            payload={
                "name": request.name,
                "role": request.role.value,
                "projects": {name: role.value for name, role in request.projects.items()},
                "expires_in": request.expires_in,
            },
        )
        created = tx.execute(select(tokens).where(tokens.c.id == token_id)).one()
    return IssuedToken(token=_token(created, now, request.projects), secret=secret)


def list_tokens(store: Store) -> list[Token]:
    """All tokens ever made, newest first."""
    now = clock.now_ms()
    with store.read() as connection:
        rows = connection.execute(select(tokens).order_by(tokens.c.id.desc())).all()
        return _tokens(connection, rows, now)


def active_tokens(connection: Connection) -> list[Token]:
    """Those that are neither revoked nor expired."""
    now = clock.now_ms()
    return _tokens(connection, connection.execute(select(tokens).where(*_active(now))).all(), now)


def active_token(connection: Connection, name_or_id: str) -> Token:
    """The active token with this name or id.

    Raises:
        NotFound: there is none.
    """
    now = clock.now_ms()
    found = _active_named(connection, name_or_id, now)
    if found is None:
        raise _unknown(connection, name_or_id, now)
    return _tokens(connection, [found], now)[0]


def revoke_token(store: Store, actor: Actor, name_or_id: str) -> Token:
    """Make a token worthless at once.

    Raises:
        NotFound: no active token has this name or id.
    """
    now = clock.now_ms()
    with store.write(actor) as tx:
        found = active_token(tx.connection, name_or_id)
        tx.execute(update(tokens).where(tokens.c.id == found.id).values(revoked_ms=now))
        tx.event("token.revoked", subject=f"token:{found.id}", payload={"name": found.name})
        row = tx.execute(select(tokens).where(tokens.c.id == found.id)).one()
    return _token(row, now, found.projects)


def put_grants(tx: Transaction, token_id: str, granted: Mapping[str, Role]) -> None:
    """Give a token roles in projects, instead of those that it has there."""
    now = clock.now_ms()
    for project, role in granted.items():
        key = {"token": token_id, "project": project}
        mine = (token_grants.c.token == token_id, token_grants.c.project == project)
        tx.execute(delete(token_grants).where(*mine))
        row = {**key, "role": role.value, "granted_ms": now, "granted_by": tx.actor.name}
        tx.execute(insert(token_grants).values(row))


def find_by_secret(store: Store, secret: str) -> Token | None:
    """The token that a secret belongs to, active or not; None for any other text."""
    token_id = id_of(secret)
    if token_id is None:
        return None
    with store.read() as connection:
        row = connection.execute(select(tokens).where(tokens.c.id == token_id)).first()
        if row is None or not matches(secret, row.digest):
            return None
        now = clock.now_ms()
        token = _tokens(connection, [row], now)[0]
    if token.active and now - (row.last_used_ms or 0) >= _LAST_USED_STEP_MS:
        _note_use(store, token_id, now)
    return token


def has_admin_token(store: Store) -> bool:
    """Whether somebody could manage this installation over the network."""
    now = clock.now_ms()
    admins = select(tokens.c.id).where(*_active(now), tokens.c.role == Role.ADMIN.value).limit(1)
    with store.read() as connection:
        return connection.execute(admins).first() is not None


def _note_use(store: Store, token_id: str, now: int) -> None:
    # No event: that a token was used is not a change of what it may do, and what it did is in the
    # event log already.
    with store.database.write() as connection:
        connection.execute(update(tokens).where(tokens.c.id == token_id).values(last_used_ms=now))


def _active(now: int) -> tuple[Any, ...]:
    return (
        tokens.c.revoked_ms.is_(None),
        or_(tokens.c.expires_ms.is_(None), tokens.c.expires_ms > now),
    )


def _active_named(connection: Connection, name_or_id: str, now: int) -> Row[Any] | None:
    named = or_(tokens.c.name == name_or_id, tokens.c.id == name_or_id)
    return connection.execute(select(tokens).where(named, *_active(now))).first()


def _unknown(connection: Connection, name_or_id: str, now: int) -> NotFound:
    names = [row.name for row in connection.execute(select(tokens.c.name).where(*_active(now)))]
    guess = nearest(name_or_id, names)
    hint = f"Did you mean '{guess}'?" if guess else "See the tokens with: mw token list"
    return NotFound(
        "security.unknown_token",
        f"There is no active token '{name_or_id}'.",
        hint=hint,
        value=name_or_id,
    )


def _tokens(connection: Connection, rows: Iterable[Row[Any]], now: int) -> list[Token]:
    rows = list(rows)
    granted: dict[str, dict[str, Role]] = defaultdict(dict)
    wanted = token_grants.c.token.in_([row.id for row in rows])
    for one in connection.execute(select(token_grants).where(wanted)):
        granted[one.token][one.project] = Role(one.role)
    return [_token(row, now, granted[row.id]) for row in rows]


def _token(row: Row[Any], now: int, granted: Mapping[str, Role]) -> Token:
    expired = row.expires_ms is not None and row.expires_ms <= now
    return Token(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        projects=dict(granted),
        created_at=clock.rfc3339(row.created_ms),
        created_by=row.created_by,
        expires_at=_moment(row.expires_ms),
        last_used_at=_moment(row.last_used_ms),
        revoked_at=_moment(row.revoked_ms),
        active=row.revoked_ms is None and not expired,
    )


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else clock.rfc3339(milliseconds)
