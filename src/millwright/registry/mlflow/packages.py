"""Our packages as MLflow reads models: a folder with an ``MLmodel`` file, made as it is asked for.

Nothing is stored twice: the files are the package's own objects, and what MLflow wants beside them
(``MLmodel``, requirements, the few lines that apply the manifest) is made from the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Permission
from millwright.kernel.model_package import MANIFEST, Manifest
from millwright.kernel.store import Store
from millwright.registry.mlflow.entities import PACKAGES, live_version, package_uri, storage_of
from millwright.registry.mlflow.names import required
from millwright.registry.tables import model_files, model_versions
from millwright.tracking import (
    Endpoints,
    Entry,
    Found,
    MlflowCall,
    Reply,
    checked_path,
    children,
    download,
    invalid,
    joined,
    keeps,
    path_of,
)

endpoints = Endpoints()
_LOADER = "code/millwright_package.py"
_TYPES = {"numeric": "double", "categorical": "string", "boolean": "boolean"}
_REQUIREMENTS = ("mlflow", "numpy", "onnxruntime", "pandas")


class Asked(msgspec.Struct):
    """A request for a file of a version."""

    name: str | None = None
    version: str | None = None
    path: str | None = None


@endpoints.get("/model-versions/get-artifact", permission=Permission.READ)
def get_version_artifact(call: MlflowCall) -> Reply:
    """A file of a version, ours or one that a client logged."""
    asked = call.read(Asked)
    path = checked_path(asked.path or "")
    with call.store.read() as connection:
        row = live_version(
            connection,
            call.project,
            required(asked.name, "name"),
            required(asked.version, "version"),
        )
    root = path_of(storage_of(row))
    if root is None:
        raise invalid("The files of this version are at a place that this server does not keep.")
    return download(call, joined(root, path))


class PackageTree:
    """The folder ``packages``: one folder for each version of ours."""

    def entries(self, store: Store, project: str, below: str) -> list[Entry]:
        """What lies directly below a path; the folders of all versions are not listed."""
        version, _, inside = below.partition("/")
        row = _row(store, project, version)
        if row is None:
            return []
        sizes = {name: found.size for name, found in _files(store, row).items()}
        return [Entry(*each) for each in children(sizes, inside)]

    def find(self, store: Store, project: str, path: str) -> Found | None:
        """One file of a version."""
        version, _, name = path.partition("/")
        row = _row(store, project, version)
        return None if row is None else _files(store, row).get(name)


keeps(PACKAGES, PackageTree())


def _row(store: Store, project: str, version: str) -> Row[Any] | None:
    table = model_versions.c
    query = select(model_versions).where(
        table.id == version,
        table.project == project,
        table.manifest != "",
        table.deleted_ms.is_(None),
    )
    with store.read() as connection:
        return connection.execute(query).first()


def _files(store: Store, row: Row[Any]) -> dict[str, Found]:
    objects = store.objects.of(row.project)
    query = select(model_files.c.name, model_files.c.digest).where(model_files.c.version == row.id)
    with store.read() as connection:
        digests = {file.name: file.digest for file in connection.execute(query)}
    digests[MANIFEST] = row.manifest
    found = {name: _stored(objects, digest) for name, digest in digests.items()}
    manifest = Manifest.model_validate_json(objects.read(row.manifest))
    for name, text in made_files(manifest, row.id, row.run, row.created_ms).items():
        found[name] = _made(text.encode())
    return found


def made_files(
    manifest: Manifest, version: str, run: str | None, created_ms: int
) -> dict[str, str]:
    """The files that MLflow needs beside those of the package, by name."""
    # Another form than a graph is run by Millwright, with the library that trained it.
    native = () if manifest.runtime == "onnx" else ("millwright", *manifest.requires)
    needed = (*_REQUIREMENTS, *native)
    requirements = "".join(f"{name}\n" for name in needed)
    loader = Path(__file__).with_name("package_loader.py").read_text("utf-8")
    pip = "".join(f"  - {name}\n" for name in needed)
    return {
        "MLmodel": _mlmodel(manifest, version, run, created_ms),
        _LOADER: loader,
        "requirements.txt": requirements,
        "conda.yaml": f"name: mlflow-env\nchannels:\n- conda-forge\ndependencies:\n- python>=3.11\n"
        f"- pip\n- pip:\n{pip}",
        "python_env.yaml": "python: '3.11'\nbuild_dependencies:\n- pip\ndependencies:\n"
        "- -r requirements.txt\n",
    }


def _mlmodel(manifest: Manifest, version: str, run: str | None, created_ms: int) -> str:
    import yaml

    inputs = [
        {"type": _TYPES[field.kind], "name": field.name, "required": not field.nullable}
        for field in manifest.signature
    ]
    output = "double" if manifest.task == "regression" else "string"
    param = {"name": "output", "type": "string", "default": "labels", "shape": None}
    described = {
        "artifact_path": package_uri(version),
        "flavors": {
            **_onnx_flavour(manifest),
            "python_function": {
                "code": "code",
                "data": ".",
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "millwright_package",
                "python_version": "3.11",
            },
        },
        "metadata": {
            "millwright": {
                "model": manifest.model,
                "task": manifest.task,
                "classes": list(manifest.classes),
                "parity": manifest.parity,
            }
        },
        "model_uuid": version,
        "signature": {
            "inputs": json.dumps(inputs),
            "outputs": json.dumps([{"type": output, "required": True}]),
            "params": json.dumps([param]),
        },
        "utc_time_created": clock.rfc3339(created_ms).rstrip("Z").replace("T", " "),
    }
    if run:
        described["run_id"] = run
    return str(yaml.safe_dump(described, sort_keys=True))


def _onnx_flavour(manifest: Manifest) -> dict[str, object]:
    """The flavour of a graph; a model in another form is a Python function only."""
    if manifest.runtime != "onnx":
        return {}
    described = {
        "code": "code",
        "data": manifest.model_file,
        "providers": ["CPUExecutionProvider"],
        "onnx_session_options": None,
    }
    return {"onnx": described}


def _stored(objects: Any, digest: str) -> Found:
    def blocks() -> Iterator[bytes]:
        with objects.open(digest) as file:
            while block := file.read(1 << 20):
                yield block

    return Found(objects.size(digest), "application/octet-stream", blocks)


def _made(content: bytes) -> Found:
    return Found(len(content), "text/plain", lambda: iter([content]))
