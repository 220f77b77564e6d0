"""A graph as a model package: its plan, its functions' files, and the packages of its models as folders.

So it is registered, verified, signed, deployed and taken back as any model is. The same graph of the
same models is the same package, byte for byte.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from blake3 import blake3

from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.model_package import (
    CARD_HTML,
    CARD_MARKDOWN,
    MANIFEST,
    MODEL_FILES,
    REFERENCE,
    Manifest,
)
from millwright.kernel.scoring import read_manifest, verify_package
from millwright.serving.graph.model import Graph, manifest_of, plan_of
from millwright.serving.graph.spec import GraphSpec
from millwright.serving.graph.tables import score_table

SCORE = "score"
"""The column of the sample that says what was answered."""
_LONGEST = 40


def pack_graph(
    spec: GraphSpec,
    home: Path,
    packages: Mapping[str, Path],
    folder: Path,
    *,
    origins: Mapping[str, str] | None = None,
    sample: pa.Table | None = None,
    trust_code: bool = False,
) -> Manifest:
    """Write the package of a graph into the empty ``folder``; its manifest.

    Args:
        spec: the graph.
        home: where its functions' files are.
        packages: folder of the package of each node that is a model.
        folder: where it goes.
        origins: which version of the registry the model of a node is, where it is one.
        sample: rows as callers send them, which say what is usual; they are answered here.
        trust_code: whether code of the graph may run here, which only ``sample`` needs.

    Raises:
        InvalidInput: the graph is not sound, or a file holds no such function.
        NotFound, Corrupt: a model or file of it is missing or damaged.
        Forbidden: ``sample`` needs code to run, and nobody said that it may.
    """
    manifests = {name: read_manifest(place) for name, place in packages.items()}
    made = manifest_of(spec, plan_of(spec, manifests))
    files = _functions(spec, home)
    names: dict[Path, str] = {}
    for node, place in packages.items():
        if place not in names:
            names[place] = node if len(node) <= _LONGEST else f"model{len(names)}"
            verify_package(place, manifests[node])
            files |= _member(place, names[place], manifests[node])
    known = origins or {}
    nodes = {
        name: node.model_copy(update={"model": names[packages[name]], "of": known.get(name)})
        if node.model
        else node
        for name, node in spec.nodes.items()
    }
    packed = spec.model_copy(update={"nodes": nodes, "version": 0})
    content = packed.model_dump_json(indent=1, exclude_defaults=True) + "\n"
    files[MODEL_FILES["graph"]] = content.encode()
    _write(folder, files)
    if sample is not None:
        graph = Graph.open(packed, folder, {}, trust_code=trust_code)
        files[REFERENCE] = _answered(graph, sample)
        _write(folder, {REFERENCE: files[REFERENCE]})
    digests = {name: blake3(part).hexdigest() for name, part in sorted(files.items())}
    created = max((one.created_at for one in manifests.values()), default="")
    manifest = made.model_copy(update={"digests": digests, "created_at": created})
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    return manifest


def _functions(spec: GraphSpec, home: Path) -> dict[str, bytes]:
    """The files of a graph's functions, each looked at without running it."""
    files: dict[str, bytes] = {}
    for name, node in spec.nodes.items():
        place, _, function = (node.function or "").partition(":")
        if not place.endswith(".py"):
            continue
        try:
            files[place] = content = (home / place).read_bytes()
            defined = _defined(content)
        except OSError as cause:
            raise NotFound(
                "serving.graph_function",
                f"Node '{name}': there is no {place} in {home}.",
                hint="Put the file beside the graph.",
            ) from cause
        except (SyntaxError, ValueError) as cause:
            raise InvalidInput(
                "serving.graph_function", f"Node '{name}': {place} is not Python: {cause}."
            ) from cause
        if function not in defined:
            raise InvalidInput(
                "serving.graph_function",
                f"Node '{name}': {place} has no function '{function}'.",
                hint=f"It has: {', '.join(sorted(defined))[:300]}." if defined else None,
            )
    return files


def _defined(content: bytes) -> set[str]:
    """Names that a module's top level gives a meaning."""
    found: set[str] = set()
    for one in ast.parse(content).body:
        if isinstance(one, ast.FunctionDef | ast.ClassDef):
            found.add(one.name)
        elif isinstance(one, ast.Assign):
            found |= {target.id for target in one.targets if isinstance(target, ast.Name)}
        elif isinstance(one, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in one.names}
    return found


def _member(place: Path, name: str, manifest: Manifest) -> dict[str, bytes]:
    """The files of a member's package, below its name; cards are for people."""
    wanted = [one for one in manifest.digests if one not in (CARD_HTML, CARD_MARKDOWN)]
    kept = manifest.model_copy(update={"digests": {one: manifest.digests[one] for one in wanted}})
    files = {f"{name}/{one}": (place / one).read_bytes() for one in wanted}
    files[f"{name}/{MANIFEST}"] = (kept.model_dump_json(indent=1) + "\n").encode()
    return files


def _answered(graph: Graph, sample: pa.Table) -> bytes:
    """A sample with what the graph says of each row, as an Arrow file."""
    scores = score_table(graph, sample).scores
    table = sample.select([one.name for one in graph.manifest.signature])
    sink = io.BytesIO()
    told = table.append_column(SCORE, pa.array(scores, pa.float64()))
    with pa.ipc.new_file(sink, told.schema) as writer:
        writer.write_table(told)
    return sink.getvalue()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
