"""Projects: known from their first data or run on, and the configuration that they last ran with."""

from __future__ import annotations

from sqlalchemy import insert, select

from millwright.kernel import clock
from millwright.kernel.config import ProjectConfig, parse_project
from millwright.kernel.errors import NotFound
from millwright.kernel.store import Store, Transaction
from millwright.kernel.tables import projects


def begin_project(tx: Transaction) -> None:
    """Make the transaction's project known, if it is not: its first dataset or experiment does."""
    known = tx.execute(select(projects.c.name).where(projects.c.name == tx.project)).first()
    if known is None:
        now = clock.now_ms()
        row = {"name": tx.project, "config_digest": None, "created_ms": now, "updated_ms": now}
        tx.execute(insert(projects).values(**row))
        tx.event("project.created", f"project:{tx.project}", {})


def config_text(store: Store, project: str) -> str:
    """The text of the project's ``millwright.yaml`` as last recorded.

    Raises:
        NotFound: there is no such project, or it was never configured.
    """
    with store.read() as connection:
        digest = connection.execute(
            select(projects.c.config_digest).where(projects.c.name == project)
        ).scalar()
    if digest is None:
        raise NotFound(
            "projects.unknown", f"There is no project named '{project}' here.", value=project
        )
    return store.objects.of(project).read(digest).decode()


def config_of(store: Store, project: str) -> ProjectConfig:
    """As ``config_text``, parsed."""
    return parse_project(config_text(store, project))
