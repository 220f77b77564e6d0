"""Uploads in parts: each part is an object of its own until the whole is put together."""

from __future__ import annotations

import re
import secrets
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.store import Store
from millwright.tracking.artifacts.tables import artifact_upload_parts, artifact_uploads
from millwright.tracking.mlflow.errors import absent, invalid

MOST_PARTS = 10_000
KEEP_MS = 86_400_000
_ID = re.compile(r"^[A-Za-z0-9_-]{20,64}$")
_BLOCK = 1 << 20


def begin(store: Store, actor: Actor, project: str, path: str, parts: int) -> str:
    """Begin an upload; the id is unguessable, because it is all that the sender of a part shows.

    Raises:
        MlflowError: a number of parts that no upload has.
    """
    if not 1 <= parts <= MOST_PARTS:
        raise invalid(f"num_parts must be between 1 and {MOST_PARTS}.")
    upload = secrets.token_urlsafe(32)
    row = {
        "id": upload,
        "project": project,
        "path": path,
        "parts": parts,
        "actor": actor.name,
        "created_ms": clock.now_ms(),
    }
    with store.database.write() as connection:
        old = artifact_uploads.c.created_ms < clock.now_ms() - KEEP_MS
        stale = list(connection.execute(select(artifact_uploads.c.id).where(old)).scalars())
        if stale:
            part = artifact_upload_parts.c.upload
            connection.execute(delete(artifact_upload_parts).where(part.in_(stale)))
            connection.execute(delete(artifact_uploads).where(artifact_uploads.c.id.in_(stale)))
        connection.execute(insert(artifact_uploads).values(**row))
    return upload


def project_of(store: Store, upload: str, number: str) -> str:
    """The project that a part of an upload goes to.

    Raises:
        MlflowError: there is no such upload, or it has no such part.
    """
    row = _find(store, upload)
    _number(number, row.parts)
    return str(row.project)


def of_project(store: Store, project: str, upload: str) -> Row[Any]:
    """The upload with this id in a project; raises where there is none."""
    row = _find(store, upload)
    if row.project != project:
        raise _unknown()
    return row


def add_part(store: Store, upload: str, number: str, digest: str) -> None:
    """Note that a part has arrived; sent again, the later bytes count."""
    row = _find(store, upload)
    place = _number(number, row.parts)
    size = store.objects.of(row.project).size(digest)
    table = artifact_upload_parts
    with store.database.write() as connection:
        mine = (table.c.upload == upload, table.c.number == place)
        connection.execute(delete(table).where(*mine))
        connection.execute(
            insert(table).values(upload=upload, number=place, digest=digest, size=size)
        )


def joined_parts(store: Store, project: str, upload: str, claimed: int) -> tuple[str, str]:
    """Path and digest of the whole.

    Raises:
        MlflowError: a part is missing, or the client counts otherwise.
    """
    row = of_project(store, project, upload)
    table = artifact_upload_parts.c
    query = select(table.number, table.digest).where(table.upload == upload).order_by(table.number)
    with store.read() as connection:
        parts = connection.execute(query).all()
    if [part.number for part in parts] != list(range(1, row.parts + 1)) or claimed != row.parts:
        raise invalid(
            f"The upload has {len(parts)} of {row.parts} parts and the request names {claimed}."
        )
    objects = store.objects.of(project)
    with objects.receiving() as receiving:
        for part in parts:
            with objects.open(part.digest) as file:
                while block := file.read(_BLOCK):
                    receiving.write([block])
        return str(row.path), receiving.finish()


def forget(store: Store, upload: str) -> None:
    """Remove an upload; its parts become garbage."""
    with store.database.write() as connection:
        part = artifact_upload_parts.c.upload
        connection.execute(delete(artifact_upload_parts).where(part == upload))
        connection.execute(delete(artifact_uploads).where(artifact_uploads.c.id == upload))


def _find(store: Store, upload: str) -> Row[Any]:
    if not _ID.match(upload):
        raise _unknown()
    with store.read() as connection:
        query = select(artifact_uploads).where(artifact_uploads.c.id == upload)
        row = connection.execute(query).first()
    if row is None or row.created_ms < clock.now_ms() - KEEP_MS:
        raise _unknown()
    return row


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7 and 1 <= int(text) <= most):
        raise invalid(f"part_number must be between 1 and {most}.")
    return int(text)


def _unknown() -> Exception:
    return absent("There is no such upload.")
