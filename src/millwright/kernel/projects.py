"""The configuration a project last ran with, as the controllers read it."""

from __future__ import annotations

from sqlalchemy import select

from millwright.kernel.config import ProjectConfig, parse_project
from millwright.kernel.errors import NotFound
from millwright.kernel.store import Store
from millwright.kernel.tables import projects


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
