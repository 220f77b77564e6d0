"""Projects: the name under which everything else lives."""

from __future__ import annotations

from fastapi import Depends
from sqlalchemy import insert, select

from millwright.kernel import clock
from millwright.kernel.access import Permission
from millwright.kernel.config import Name, ProjectConfig, parse_project
from millwright.kernel.errors import Forbidden, MillwrightError
from millwright.kernel.projects import config_of, record_config
from millwright.kernel.record import Record
from millwright.kernel.routing import Call, Reach, RoomRouter, current_call
from millwright.kernel.tables import projects

router = RoomRouter(tag="projects")


class Project(Record):
    """A project and the digest of the configuration it last ran with."""

    name: str
    config_digest: str | None
    created: str
    updated: str


class ProjectText(Record):
    """The text of a ``millwright.yaml``."""

    config: str


class Health(Record):
    """That the server is up, and which version it is."""

    status: str
    version: str


@router.get("/health", permission=Permission.PUBLIC)
def health() -> Health:
    """Answers as soon as the server does."""
    from millwright import __version__

    return Health(status="ok", version=__version__)


@router.get("/projects", permission=Permission.READ, reach=Reach.PROJECTS)
def list_projects(call: Call = Depends(current_call)) -> list[Project]:
    """The projects that the caller may see, the one changed last first."""
    allowed = call.actor.projects(Permission.READ)
    with call.store.read() as connection:
        rows = connection.execute(select(projects).order_by(projects.c.updated_ms.desc()))
        return [
            Project(
                name=row.name,
                config_digest=row.config_digest,
                created=clock.rfc3339(row.created_ms),
                updated=clock.rfc3339(row.updated_ms),
            )
            for row in rows
            if allowed is None or row.name in allowed
        ]


@router.put("/projects/{project}", permission=Permission.WRITE)
def put_project(project: Name, body: ProjectText, call: Call = Depends(current_call)) -> Project:
    """Create a project or record its new configuration; the same text changes nothing."""
    config = parse_project(body.config)
    digest = call.store.objects.of(project).put(body.config.encode())
    now = clock.now_ms()
    with call.store.write(call.actor, project) as tx:
        known = tx.execute(select(projects).where(projects.c.name == project)).first()
        if known is None:
            tx.execute(
                insert(projects).values(
                    name=project, config_digest=digest, created_ms=now, updated_ms=now
                )
            )
            tx.event("project.created", f"project:{project}", {"config": digest})
        elif known.config_digest != digest:
            _require_same_rules(call, project, known.config_digest, config)
            record_config(tx, digest, config)
    created = now if known is None else known.created_ms
    return Project(
        name=project,
        config_digest=digest,
        created=clock.rfc3339(created),
        updated=clock.rfc3339(now),
    )


def _require_same_rules(
    call: Call, project: str, digest: str | None, config: ProjectConfig
) -> None:
    """Approvals and quotas bind those who run things, so these cannot lift them by a run.

    Raises:
        Forbidden: the caller is no admin, and the configuration has other ones.
    """
    if digest is None or call.actor.may(Permission.ADMIN):
        return
    try:
        known = config_of(call.store, project)
    except MillwrightError:
        return
    if (known.registry, known.quotas) != (config.registry, config.quotas):
        raise Forbidden(
            "projects.rules",
            f"Only an admin changes 'registry' and 'quotas' of the project '{project}', and this "
            "project file has others than those that hold.",
            hint="Take these sections over from the project's file, or ask an admin.",
        )


@router.get("/projects/{project}/config", permission=Permission.READ)
def get_config(project: Name, call: Call = Depends(current_call)) -> ProjectText:
    """The configuration text that holds for the project."""
    from millwright.kernel.projects import config_text

    return ProjectText(config=config_text(call.store, project))
