"""Data quality: suites with their edits, what checks found, overrides."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dataset_suites",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("checks", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "number", name=op.f("pk_dataset_suites")),
    )
    op.create_table(
        "dataset_overrides",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_dataset_overrides")),
    )
    with op.batch_alter_table("dataset_checks") as table:
        table.add_column(sa.Column("suite", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("quarantine", sa.String(length=64), nullable=True))
    with op.batch_alter_table("dataset_checks") as table:
        table.alter_column("suite", existing_type=sa.Integer(), server_default=None)
    _rules_become_checks()
    op.drop_table("dataset_rules")


def _rules_become_checks() -> None:
    """What was inferred and confirmed under the first schema, in the words of this one."""
    connection = op.get_bind()
    for row in connection.execute(sa.text("SELECT * FROM dataset_rules")).mappings().all():
        rules = json.loads(row["rules"])["rules"]
        values = {
            "project": row["project"],
            "name": row["name"],
            "checks": json.dumps({"checks": [_check(rule) for rule in rules]}),
            "created_ms": row["updated_ms"],
            "created_by": row["updated_by"],
        }
        connection.execute(
            sa.text(
                "INSERT INTO dataset_suites (project, name, number, checks, source, created_ms,"
                " created_by) VALUES (:project, :name, 1, :checks, 'inferred', :created_ms,"
                " :created_by)"
            ),
            values,
        )
    for kept in connection.execute(sa.text("SELECT id, report FROM dataset_checks")).all():
        report = json.loads(kept.report)
        report["rows_read"] = report["rows"]
        for result in report["results"]:
            result["check"] = _check(result.pop("rule"))
        connection.execute(
            sa.text("UPDATE dataset_checks SET report = :report WHERE id = :id"),
            {"report": json.dumps(report), "id": kept.id},
        )


def _check(rule: dict[str, Any]) -> dict[str, Any]:
    kinds = {
        "type": "has_type",
        "range": "between",
        "allowed_values": "in_set",
        "min_rows": "row_count_between",
    }
    kind = kinds.get(rule["check"], rule["check"])
    arguments: dict[str, Any] = {
        name: rule[name] for name in ("minimum", "maximum") if rule.get(name) is not None
    }
    if rule.get("values"):
        arguments["types" if kind == "has_type" else "values"] = rule["values"]
    return {
        "id": f"{rule['column'] or 'table'}:{kind}",
        "kind": kind,
        "columns": [rule["column"]] if rule["column"] else [],
        "arguments": arguments,
        "mostly": round(1.0 - rule.get("tolerance", 0.0), 6),
        "status": rule.get("status", "proposed"),
    }


def downgrade() -> None:
    op.create_table(
        "dataset_rules",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("project", "name", name=op.f("pk_dataset_rules")),
    )
    with op.batch_alter_table("dataset_checks") as table:
        table.drop_column("suite")
        table.drop_column("quarantine")
    op.drop_table("dataset_overrides")
    op.drop_table("dataset_suites")
