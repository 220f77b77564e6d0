"""What deployments need of the registry: which version, which bytes, and who is champion there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import pyarrow as pa
from sqlalchemy import Connection, select

from millwright.deployment.queries import deployment_of
from millwright.deployment.records import Choice, Deployment, Variant
from millwright.deployment.tables import deployments
from millwright.kernel.errors import Conflict
from millwright.kernel.model_package import REFERENCE
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.store import Store, Transaction
from millwright.registry import (
    CHAMPION,
    EXTERNAL,
    AliasChange,
    ModelVersion,
    holds,
    without_package,
)
from millwright.registry import service as registry


def choose_version(store: Store, project: str, model: str, choice: Choice) -> ModelVersion:
    """The version that a number, an alias, or neither (the champion) means.

    Raises:
        NotFound: there is no such version.
        Conflict: an MLflow client registered it, and there is nothing that could be verified and
            served.
    """
    which = choice.alias or CHAMPION if choice.version is None else str(choice.version)
    version = registry.get_version(store, project, model, which)
    if version.status == EXTERNAL:
        raise without_package(version)
    return version


def require_passed(version: ModelVersion) -> None:
    """Refuse a version whose gates failed, unless somebody overruled them by making it champion.

    Raises:
        Conflict: its gates failed and nobody took the responsibility.
    """
    if version.status != "rejected" or CHAMPION in version.aliases:
        return
    failed = " ".join(gate.reason for gate in version.gates if not gate.passed)
    raise Conflict(
        "deployment.gates_failed",
        f"Version {version.version} of {version.model} failed its gates. {failed}",
        hint=f"To serve it all the same, overrule them with a reason: mw models alias "
        f'{version.model} champion {version.version} --override --reason "…"',
    )


def version_of(store: Store, deployment: Deployment, variant: Variant) -> ModelVersion:
    """The registered version that a variant of a deployment is."""
    return registry.get_version(store, deployment.project, deployment.model, str(variant.version))


def example_row(store: Store, version: ModelVersion) -> dict[str, object]:
    """A real row that the version was trained on, by field; empty where the package has none."""
    digest = version.digests.get(REFERENCE)
    return {} if digest is None else _first_row(store.objects.of(version.project), digest)


@lru_cache(maxsize=64)
def _first_row(objects: ProjectObjects, digest: str) -> dict[str, object]:
    # Objects never change, so what was read once stays true.
    with objects.open(digest) as file:
        rows = pa.ipc.open_file(file).read_all().slice(0, 1).to_pylist()
    plain = rows[0] if rows else {}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in plain.items()}


def make_champion(
    tx: Transaction, project: str, model: str, version: int, *, restored: str | None = None
) -> None:
    """Point the registry's alias ``champion`` to a version, in the caller's transaction.

    Args:
        tx: the transaction in progress.
        project: whose model.
        model: its name.
        version: the number that becomes champion.
        restored: the reason why an earlier champion returns. It served before, so gates that it
            failed do not keep it from coming back; a new champion must have passed them.

    Raises:
        Conflict: a version that failed its gates would become champion for the first time.
    """
    change = AliasChange(version=version, override=restored is not None, reason=restored)
    registry.point_alias(tx, project, model, CHAMPION, change)


@holds
def _deployed(connection: Connection, project: str, versions: Sequence[str]) -> list[str]:
    table = deployments.c
    query = select(deployments).where(table.project == project, table.status != "stopped")
    found = (deployment_of(row) for row in connection.execute(query))
    return [
        f"the deployment '{one.name}'"
        for one in found
        if not {variant.version_id for variant in one.variants}.isdisjoint(versions)
    ]
