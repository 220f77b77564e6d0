"""Projects: known from their first data or run on, and the configuration that holds for them.

That is the one they last ran with; where the server stands in the project's own folder, the file as it
is there now (``follow_file``).
"""

from __future__ import annotations

from sqlalchemy import insert, select, update

from millwright.kernel import clock
from millwright.kernel.access import SYSTEM
from millwright.kernel.config import FILE_NAME, ProjectConfig, parse_project
from millwright.kernel.errors import MillwrightError, NotFound
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


def record_config(tx: Transaction, digest: str, config: ProjectConfig) -> None:
    """Note a known project's new configuration, whose text is an object already."""
    change = update(projects).where(projects.c.name == tx.project)
    tx.execute(change.values(config_digest=digest, updated_ms=clock.now_ms()))
    payload = {"config": digest, "target": config.data.target}
    tx.event("project.configured", f"project:{tx.project}", payload)


def follow_file(store: Store) -> None:
    """Record the project file of this workspace where it was changed after its project was configured.

    What it asks of approvals and quotas then holds from now on, and not from the next run on. A file
    that is missing, cannot be read, or is older than what a client recorded changes nothing.
    """
    path = store.workspace.root / FILE_NAME
    try:
        changed_ms = path.stat().st_mtime_ns // 1_000_000
        text = path.read_text("utf-8")
        config = parse_project(text)
    except (OSError, UnicodeDecodeError, MillwrightError):
        return
    columns = select(projects.c.config_digest, projects.c.updated_ms)
    with store.read() as connection:
        known = connection.execute(columns.where(projects.c.name == config.project)).first()
    if known is None or known.config_digest is None or known.updated_ms >= changed_ms:
        return
    digest = store.objects.of(config.project).put(text.encode())
    if digest != known.config_digest:
        with store.write(SYSTEM, config.project) as tx:
            record_config(tx, digest, config)


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
