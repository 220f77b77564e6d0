"""Dataset versions as a graph: kinds, parents, branches, tags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What the versions of the first schema are: tables, one after another.
_ADDED = (
    ("kind", sa.String(length=10), "table"),
    ("files", sa.BigInteger(), "0"),
    ("parents", sa.Text(), "[]"),
    ("branch", sa.String(length=100), "main"),
    ("message", sa.Text(), ""),
    ("key", sa.Text(), "[]"),
)


def upgrade() -> None:
    with op.batch_alter_table("dataset_versions") as table:
        for name, kind, value in _ADDED:
            table.add_column(sa.Column(name, kind, nullable=False, server_default=value))
        table.add_column(sa.Column("original", sa.String(length=64), nullable=True))
    _lead_each_version_back_to_the_one_before()
    with op.batch_alter_table("dataset_versions") as table:
        for name, kind, _ in _ADDED:
            table.alter_column(name, existing_type=kind, server_default=None)
    op.create_index(
        op.f("ix_dataset_versions_project_name_digest"),
        "dataset_versions",
        ["project", "name", "digest"],
        unique=False,
    )
    op.create_table(
        "dataset_refs",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("ref", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "ref", name=op.f("pk_dataset_refs")),
    )
    op.create_index(op.f("ix_dataset_refs_version_id"), "dataset_refs", ["version_id"])


def _lead_each_version_back_to_the_one_before() -> None:
    versions = sa.table(
        "dataset_versions",
        sa.column("id", sa.String),
        sa.column("project", sa.String),
        sa.column("name", sa.String),
        sa.column("version", sa.Integer),
        sa.column("parents", sa.Text),
    )
    connection = op.get_bind()
    before: dict[tuple[str, str], str] = {}
    found = connection.execute(
        sa.select(versions.c.id, versions.c.project, versions.c.name).order_by(versions.c.version)
    ).all()
    for identifier, project, name in found:
        parent = before.get((project, name))
        before[project, name] = identifier
        if parent is not None:
            connection.execute(
                sa.update(versions)
                .where(versions.c.id == identifier)
                .values(parents=f'["{parent}"]')
            )


def downgrade() -> None:
    op.drop_table("dataset_refs")
    op.drop_index(op.f("ix_dataset_versions_project_name_digest"), "dataset_versions")
    with op.batch_alter_table("dataset_versions") as table:
        for name in ("original", *(name for name, _, _ in _ADDED)):
            table.drop_column(name)
