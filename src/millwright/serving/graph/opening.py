"""A graph in a file, and the configuration that serves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from blake3 import blake3
from pydantic import ValidationError

from millwright.kernel.errors import Corrupt, InvalidInput, NotFound
from millwright.kernel.model_package import Manifest
from millwright.kernel.scoring import verify_package
from millwright.serving.fetching import package_at
from millwright.serving.graph.model import Graph
from millwright.serving.graph.spec import GraphSpec

SUFFIXES = (".yaml", ".yml")


def is_graph(place: str) -> bool:
    """Whether what a person named is the file of a graph, and no package."""
    return place.endswith(SUFFIXES)


def read_graph(path: Path) -> GraphSpec:
    """The graph in a YAML file.

    Raises:
        NotFound: there is no such file. InvalidInput: it holds no graph; the message says where.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError as cause:
        raise NotFound(
            "serving.no_graph", f"The graph {path} cannot be read: {cause.strerror}."
        ) from cause
    except (yaml.YAMLError, UnicodeDecodeError) as cause:
        reason = " ".join(str(cause).split())[:300]
        raise InvalidInput("serving.graph", f"The graph {path} is not YAML: {reason}.") from cause
    try:
        return GraphSpec.model_validate(content)
    except ValidationError as cause:
        first = cause.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidInput(
            "serving.graph",
            f"The graph {path} is not usable: {place}: {message}.",
            hint="The guide to serving shows one.",
        ) from cause


def open_graph(folder: Path, manifest: Manifest, *, trust_code: bool) -> Graph:
    """The graph of a package in ``folder``, verified.

    Raises:
        Corrupt: a file is not what was registered, or the graph does not answer as promised. Others as
            ``Graph.open``.
    """
    spec = GraphSpec.model_validate_json(verify_package(folder, manifest))
    graph = Graph.open(spec, folder, {}, trust_code=trust_code)
    if graph.manifest.signature != manifest.signature:
        raise Corrupt(
            "serving.graph_signature",
            f"The graph {manifest.model} in {folder} takes other columns than its manifest says.",
            hint="Register it again.",
        )
    graph.manifest = manifest
    return graph


def variant_of(path: Path, project: str | None) -> tuple[GraphSpec, dict[str, Any]]:
    """The graph in a file, and the variant that serves it, its models fetched.

    Raises:
        NotFound, Corrupt: a model of it is not there, or damaged. Others as ``read_graph``.
    """
    spec = read_graph(path)
    folder = path.parent
    nodes = {}
    for name, place in spec.models.items():
        beside = folder / place
        nodes[name] = beside if beside.is_dir() else package_at(place, project)[0]
    return spec, {
        "name": "champion",
        "package": folder,
        "version_id": f"{spec.graph}-{_digest(path, spec)}",
        "version": spec.version,
        "graph": spec,
        "nodes": nodes,
    }


def _digest(path: Path, spec: GraphSpec) -> str:
    """What tells this graph, with its functions' files, from another."""
    digest = blake3(path.read_bytes())
    homes = {node.function.partition(":")[0] for node in spec.nodes.values() if node.function}
    for home in sorted(homes):
        file = path.parent / home
        if file.suffix == ".py" and file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
