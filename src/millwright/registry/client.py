"""The registry through the one door: packages up, packages down, every digest checked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from millwright.evaluation import GateResult
from millwright.kernel.door import Door
from millwright.kernel.errors import Corrupt, MillwrightError
from millwright.kernel.model_package import CARD_HTML, CARD_MARKDOWN, MANIFEST
from millwright.kernel.objects import digest_of
from millwright.kernel.scoring import read_manifest, verify_package
from millwright.registry.comparison import Comparison
from millwright.registry.records import (
    AliasChange,
    AliasState,
    ApprovalState,
    Model,
    ModelDetail,
    ModelVersion,
    NewApproval,
    NewVersion,
)


def register(
    door: Door,
    project: str,
    name: str,
    package: Path,
    *,
    run: str | None = None,
    dataset: str | None = None,
    members: Sequence[str] = (),
    metrics: Mapping[str, float] | None = None,
    gates: Sequence[GateResult] = (),
    evaluation: bytes | None = None,
    description: str = "",
) -> ModelVersion:
    """Verify a package folder, upload its files and register it as the next version of ``name``.

    Args:
        door: the way to the API.
        project: whose model.
        name: of the model.
        package: folder made by ``build_package``.
        run: id of the run that trained it.
        dataset: id of the dataset version it was trained on.
        members: ids of the versions that it joins, where it is a graph.
        metrics: the main ones, for lists.
        gates: what the gates said; a version that failed one cannot become champion.
        evaluation: the full evaluation record as JSON.
        description: a sentence for people.

    Raises:
        NotFound: the folder holds no package.
        Corrupt: a file is not what the manifest says.
        InvalidInput: the package is of another model.
    """
    manifest = read_manifest(package)
    verify_package(package, manifest)
    for file in manifest.digests:
        door.upload(project, package / file)
    new = NewVersion(
        manifest=door.upload(project, package / MANIFEST),
        run=run,
        dataset=dataset,
        members=tuple(members),
        metrics=dict(metrics or {}),
        gates=tuple(gates),
        evaluation=None if evaluation is None else door.upload(project, evaluation),
        description=description,
    )
    return ModelVersion.model_validate(door.post(f"{_model(project, name)}/versions", new))


def fetch(door: Door, project: str, name: str, version: int | str, directory: Path) -> Path:
    """Materialise a version's package in ``directory``, verifying every digest.

    A folder that holds exactly this version already is left as it is. The files appear all
    together or not at all, whatever is killed when.

    Args:
        door: the way to the API.
        project: whose model.
        name: of the model.
        version: number or alias.
        directory: where the package should be; replaced if it holds another one.

    Raises:
        NotFound: there is no such version.
        Corrupt: bytes that arrived are not those that were registered.
    """
    found = get_version(door, project, name, version)
    if _holds(directory, found):
        return directory
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        for file, digest in {**found.digests, MANIFEST: found.manifest}.items():
            content = door.fetch(project, digest)
            if digest_of(content) != digest:
                raise Corrupt(
                    "registry.digest",
                    f"{file} of {name} version {found.version} did not arrive as it was registered.",
                    hint="Try again; if it recurs, the store or the way to it is damaged.",
                )
            (staging / file).parent.mkdir(exist_ok=True)
            (staging / file).write_bytes(content)
        verify_package(staging, read_manifest(staging))
        staging.chmod(0o755)
        if _holds(directory, found):
            # Somebody else fetched the same meanwhile, and may be reading it already.
            shutil.rmtree(staging)
            return directory
        if directory.exists():
            shutil.rmtree(directory)
        staging.replace(directory)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return directory


def list_models(door: Door, project: str) -> list[Model]:
    """The models of a project, the one changed last first."""
    return [Model.model_validate(row) for row in door.get(f"/projects/{project}/models")]


def get_model(door: Door, project: str, name: str) -> ModelDetail:
    """A model with its versions, newest first; raises ``NotFound``."""
    return ModelDetail.model_validate(door.get(_model(project, name)))


def get_version(door: Door, project: str, name: str, version: int | str) -> ModelVersion:
    """A version by number or alias; raises ``NotFound``."""
    return ModelVersion.model_validate(door.get(_version(project, name, version)))


def set_alias(
    door: Door,
    project: str,
    name: str,
    alias: str,
    version: int,
    *,
    expected: int | None = None,
    override: bool = False,
    reason: str | None = None,
) -> AliasState:
    """Point an alias to a version; see ``AliasChange`` for the rest.

    Raises:
        Conflict: it is not where ``expected`` says, or the version failed its gates.
    """
    change = AliasChange(version=version, expected=expected, override=override, reason=reason)
    answer = door.put(f"{_model(project, name)}/aliases/{quote(alias, safe='')}", change)
    return AliasState.model_validate(answer)


def remove_alias(door: Door, project: str, name: str, alias: str) -> AliasState:
    """Remove an alias; raises ``NotFound``."""
    answer = door.delete(f"{_model(project, name)}/aliases/{quote(alias, safe='')}")
    return AliasState.model_validate(answer)


def model_card(
    door: Door, project: str, name: str, version: int | str, *, html: bool = False
) -> str:
    """The model card as Markdown or HTML; raises ``NotFound`` if the version has none."""
    file = CARD_HTML if html else CARD_MARKDOWN
    return door.download(f"{_version(project, name, version)}/artifacts/{file}").decode()


def evaluation(door: Door, project: str, name: str, version: int | str) -> bytes:
    """The evaluation record as JSON; raises ``NotFound`` if the version has none."""
    return door.download(f"{_version(project, name, version)}/artifacts/evaluation.json")


def approve(
    door: Door, project: str, name: str, version: int | str, new: NewApproval
) -> ApprovalState:
    """Approve a version for an alias, or reject it; raises ``NotFound``."""
    answer = door.post(f"{_version(project, name, version)}/approvals", new)
    return ApprovalState.model_validate(answer)


def compare(door: Door, project: str, name: str, left: int | str, right: int | str) -> Comparison:
    """Two versions side by side; raises ``NotFound``."""
    other = quote(str(right), safe="")
    answer = door.get(f"{_version(project, name, left)}/compare/{other}")
    return Comparison.model_validate(answer)


def _holds(directory: Path, version: ModelVersion) -> bool:
    try:
        content = (directory / MANIFEST).read_bytes()
        if digest_of(content) != version.manifest:
            return False
        verify_package(directory, read_manifest(directory))
    except (OSError, MillwrightError):
        return False
    found = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    return found == {MANIFEST, *version.digests}


def _model(project: str, name: str) -> str:
    return f"/projects/{project}/models/{quote(name, safe='')}"


def _version(project: str, name: str, version: int | str) -> str:
    return f"{_model(project, name)}/versions/{quote(str(version), safe='')}"
