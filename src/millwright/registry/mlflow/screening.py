"""What is looked at when an MLflow client registers files that it put here as a version."""

from __future__ import annotations

from millwright.kernel.store import Store
from millwright.registry.mlflow.sources import Source, is_ours, resolved
from millwright.registry.service.policy import policy_of
from millwright.registry.vetting.contents import Finding
from millwright.registry.vetting.service import examine
from millwright.tracking import artifact_root, digests_below, path_of


def may_be_here(source: str) -> bool:
    """Whether a source can lead to files that this server keeps."""
    return is_ours(source) or source.startswith(("runs:", "models:"))


def screened(
    store: Store, project: str, source: str, run: str | None, model: str | None
) -> tuple[Finding, ...]:
    """What the files of a source do when they are loaded; nothing of files that are elsewhere.

    Raises:
        MlflowError: the source is refused, whatever its files are.
        InvalidInput: its files run when they are loaded, and the project refuses that.
    """
    with store.read() as connection:
        found = resolved(connection, project, source, run, model)
        root = artifact_root(connection, project, run) if run else None
    path = _place(found, root)
    if path is None:
        return ()
    return examine(store, project, digests_below(store, project, path), policy_of(store, project))


def _place(source: Source, root: str | None) -> str | None:
    """Where below our artifacts the files are; None where they are elsewhere."""
    storage = source.storage
    if storage.startswith("runs:"):
        below = storage.removeprefix("runs:").lstrip("/").partition("/")[2]
        storage = f"{root}/{below}" if root else ""
    elif "/mlflow-artifacts/artifacts/" in storage:
        return storage.partition("/mlflow-artifacts/artifacts/")[2]
    return path_of(storage)
