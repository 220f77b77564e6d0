"""A graph in a file as a version of a model: packed with its models, and registered with where they come
from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa

from millwright.deployment.batch.pieces import files_of, pieces_of
from millwright.deployment.versions import require_passed
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import MANIFEST, Field
from millwright.kernel.objects import digest_of
from millwright.registry import CHAMPION, ModelVersion, get_version, list_models, register
from millwright.serving import GraphSpec, pack_graph, package_at, read_graph

_SAMPLE_ROWS = 5_000


def register_graph(
    door: Door,
    project: str,
    file: Path,
    *,
    example: Path | None = None,
    trust_code: bool = False,
) -> ModelVersion:
    """Register the graph in ``file`` as the next version of the model of its name.

    What was registered already, the same graph of the same models, gives the version that it became.

    Args:
        door: the way to the API.
        project: whose model.
        file: the graph. Its models are versions of the project's registry, or folders beside it.
        example: rows as callers send them; they become the sample that guard, explanations and drift
            compare with.
        trust_code: whether code of the graph may run here, which only ``example`` needs.

    Raises:
        NotFound: there is no such file, model or version.
        Conflict: a version that it joins failed its gates.
        InvalidInput, Corrupt: the graph is not sound, or a package is damaged.
    """
    spec = read_graph(file)
    members, packages = _members(door, project, file.parent, spec)
    origins = {node: f"{one.model} version {one.version}" for node, one in members.items()}
    with tempfile.TemporaryDirectory(prefix="millwright-") as made:
        folder = Path(made)
        pack_graph(
            spec,
            file.parent,
            packages,
            folder,
            origins=origins,
            sample=None if example is None else _sample(example, spec),
            trust_code=trust_code,
        )
        digest = digest_of((folder / MANIFEST).read_bytes())
        known = _registered(door, project, spec.graph, digest)
        return known or register(
            door,
            project,
            spec.graph,
            folder,
            members=sorted({one.id for one in members.values()}),
            description=f"A graph of {', '.join(sorted(set(origins.values()))) or 'models'}.",
        )


def _members(
    door: Door, project: str, home: Path, spec: GraphSpec
) -> tuple[Mapping[str, ModelVersion], Mapping[str, Path]]:
    """The version that each node's model is, where it is one, and the folder of its package."""
    found: dict[str, ModelVersion] = {}
    packages: dict[str, Path] = {}
    for node, place in spec.models.items():
        if (home / place).is_dir():
            packages[node] = home / place
            continue
        model, at, which = place.partition("@")
        if not at:
            raise InvalidInput(
                "deployment.graph_model",
                f"Node '{node}': '{place}' is neither a folder beside the graph nor MODEL@ALIAS.",
                hint=f"Write {place}@champion for the champion of a registered model.",
                value=place,
            )
        version = get_version(door, project, model, which or CHAMPION)
        require_passed(version)
        found[node] = version
        packages[node] = package_at(f"{model}@{version.version}", project)[0]
    return found, packages


def _registered(door: Door, project: str, model: str, manifest: str) -> ModelVersion | None:
    """The version of a model that has this manifest, if there is one."""
    if all(one.name != model for one in list_models(door, project)):
        return None
    detail = door.get(f"/projects/{project}/models/{quote(model, safe='')}")
    versions = (ModelVersion.model_validate(one) for one in detail["versions"])
    return next((one for one in versions if one.manifest == manifest), None)


def _sample(file: Path, spec: GraphSpec) -> pa.Table:
    """The first rows of a table; the graph says of which kinds the columns of a CSV are."""
    fields = [Field(name=name, kind=kind) for name, kind in spec.inputs.items()]
    found: list[pa.Table] = []
    for piece in pieces_of(files_of(file), fields):
        for table in piece.read():
            found.append(table)
            if sum(one.num_rows for one in found) >= _SAMPLE_ROWS:
                return pa.concat_tables(found).slice(0, _SAMPLE_ROWS)
    return pa.concat_tables(found)
