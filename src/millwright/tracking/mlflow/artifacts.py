"""Artifacts of the MLflow protocol: the proxy, and those of runs by their logical names."""

from __future__ import annotations

import mimetypes
import re
from typing import Any
from urllib.parse import quote

import msgspec
from anyio import to_thread

from millwright.kernel.access import Permission
from millwright.kernel.attachments import SANDBOX
from millwright.tracking.artifacts import files, uploads
from millwright.tracking.artifacts.paths import checked_path, joined
from millwright.tracking.artifacts.streaming import stored
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall, Reply
from millwright.tracking.mlflow.errors import MlflowError, absent, invalid, missing

endpoints = Endpoints()
_PROXY = "/api/2.0/mlflow-artifacts/"
_MAX_AJAX_UPLOAD = 10 << 20
_MEDIA_TYPE = re.compile(r"^[a-z]+/[A-Za-z0-9][A-Za-z0-9.+-]{0,99}$")
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")
_TEXTS = frozenset(
    [
        "txt",
        "log",
        "err",
        "cfg",
        "conf",
        "cnf",
        "cf",
        "ini",
        "properties",
        "prop",
        "hocon",
        "toml",
        "yaml",
        "yml",
        "xml",
        "json",
        "js",
        "py",
        "py3",
        "csv",
        "tsv",
        "md",
        "rst",
        "ipynb",
        "MLmodel",
        "mlproject",
    ]
)
"""Endings that MLflow shows as plain text."""


class Asked(msgspec.Struct):
    """A request that names an artifact by what it belongs to."""

    run_id: str | None = None
    run_uuid: str | None = None
    model_id: str | None = None
    path: str | None = None
    expiration: int | None = None


class Multipart(msgspec.Struct):
    """A request about an upload in parts."""

    path: str | None = None
    num_parts: int = 1
    upload_id: str | None = None
    parts: list[Any] = []


@endpoints.get(f"{_PROXY}artifacts", permission=Permission.READ)
def list_proxy(call: MlflowCall) -> object:
    """What lies directly below a path."""
    path = checked_path(call.read(Asked).path or "", empty=True)
    return listing(files.entries(call.store, call.project, path))


@endpoints.get(f"{_PROXY}artifacts/{{path:path}}", permission=Permission.READ)
def download_proxy(call: MlflowCall) -> Reply:
    """The bytes of an artifact, as a download that no browser runs."""
    path = checked_path(call.parts["path"])
    return download(call, path)


@endpoints.put(f"{_PROXY}artifacts/{{path:path}}", permission=Permission.WRITE, streams=True)
async def upload_proxy(call: MlflowCall) -> object:
    """Store the body as the artifact of a path."""
    path = checked_path(call.parts["path"])
    await _put(call, path)
    return {}


@endpoints.delete(f"{_PROXY}artifacts/{{path:path}}", permission=Permission.WRITE)
def delete_proxy(call: MlflowCall) -> object:
    """Remove an artifact or a folder of them."""
    path = checked_path(call.parts["path"])
    files.remove(call.store, call.actor, call.project, path)
    return {}


@endpoints.post(f"{_PROXY}mpu/create/{{path:path}}", permission=Permission.WRITE)
def create_upload(call: MlflowCall) -> object:
    """Begin an upload in parts; each part has an address of its own to be put to."""
    asked = call.read(Multipart)
    folder = checked_path(call.parts["path"], empty=True)
    # Clients say where the file is with them; only its name is of use here.
    name = checked_path(re.split(r"[/\\]", asked.path or "")[-1])
    path = joined(folder, name)
    upload = uploads.begin(call.store, call.actor, call.project, path, asked.num_parts)
    base = _base(call)
    return {
        "upload_id": upload,
        "credentials": [
            {"url": f"{base}/mpu/part/{upload}/{number}", "part_number": number}
            for number in range(1, asked.num_parts + 1)
        ],
    }


# Whoever holds the address of a part was given it for that part alone, for a day.
@endpoints.put(
    f"{_PROXY}mpu/part/{{upload}}/{{number}}", permission=Permission.PUBLIC, streams=True
)
async def upload_part(call: MlflowCall) -> Reply:
    """Store one part."""
    upload, number = call.parts["upload"], call.parts["number"]
    project = await to_thread.run_sync(uploads.project_of, call.store, upload, number)
    digest = await stored(call.store, project, call.stream())
    await to_thread.run_sync(uploads.add_part, call.store, upload, number, digest)
    return Reply(b"{}", headers={"etag": f'"{digest}"'})


@endpoints.post(f"{_PROXY}mpu/complete/{{path:path}}", permission=Permission.WRITE)
def complete_upload(call: MlflowCall) -> object:
    """Put the parts together."""
    asked = call.read(Multipart)
    path, digest = uploads.joined_parts(
        call.store, call.project, asked.upload_id or "", len(asked.parts)
    )
    files.put(call.store, call.actor, call.project, path, digest, media_type_of(path, None))
    uploads.forget(call.store, asked.upload_id or "")
    return {}


@endpoints.post(f"{_PROXY}mpu/abort/{{path:path}}", permission=Permission.WRITE)
def abort_upload(call: MlflowCall) -> object:
    """Forget an upload and its parts."""
    upload = call.read(Multipart).upload_id or ""
    uploads.of_project(call.store, call.project, upload)
    uploads.forget(call.store, upload)
    return {}


@endpoints.get(f"{_PROXY}presigned/{{path:path}}", permission=Permission.READ)
def presigned(call: MlflowCall) -> object:
    """Not offered: artifacts are downloaded through this server."""
    checked_path(call.parts["path"])
    raise MlflowError(
        "NOT_IMPLEMENTED",
        "Multipart download is not supported for the current artifact repository",
    )


@endpoints.get("artifacts/list", permission=Permission.READ)
def list_run_artifacts(call: MlflowCall) -> object:
    """What lies directly below a path among a run's artifacts."""
    asked = call.read(Asked)
    run = asked.run_id or asked.run_uuid
    if not run:
        raise missing("run_id")
    path = checked_path(asked.path or "", empty=True)
    root = run_root(call, run)
    found = listing(files.entries(call.store, call.project, joined(_place(root), path)), path)
    return {"root_uri": root, **found}


@endpoints.get("/get-artifact", permission=Permission.READ)
def get_run_artifact(call: MlflowCall) -> Reply:
    """The bytes of a run's artifact."""
    asked = call.read(Asked)
    run = asked.run_id or asked.run_uuid
    if not run:
        raise missing("run_uuid")
    path = checked_path(asked.path or "")
    return download(call, joined(_place(run_root(call, run)), path))


@endpoints.post("upload-artifact", permission=Permission.WRITE, streams=True)
async def upload_run_artifact(call: MlflowCall) -> object:
    """Store a small body as a run's artifact; what the web interface calls."""
    given = {name: values[-1] for name, values in call.arguments().items()}
    if not given.get("run_uuid"):
        raise invalid("Request must specify run_uuid.")
    if not given.get("path"):
        raise invalid("Request must specify path.")
    path = checked_path(given["path"])
    if call.headers.get("content-length", "0") == "0" and "transfer-encoding" not in call.headers:
        raise invalid("Request must specify data.")
    root = await to_thread.run_sync(run_root, call, given["run_uuid"])
    await _put(call, joined(_place(root), path), limit=_MAX_AJAX_UPLOAD)
    return {}


@endpoints.post("artifacts/presigned-upload-url", permission=Permission.WRITE)
@endpoints.post("artifacts/presigned-download-url", permission=Permission.READ)
def presigned_url(call: MlflowCall) -> object:
    """Not offered, as MLflow has it for artifacts that go through the server."""
    asked = call.read(Asked)
    way = "upload" if "upload" in call.path else "download"
    if bool(asked.run_id) == bool(asked.model_id):
        raise invalid("Exactly one of run_id and model_id must be provided.")
    checked_path(asked.path or "")
    if asked.run_id:
        run_root(call, asked.run_id)
    raise invalid(
        f"Presigned {way} is not supported for proxied artifact storage (artifact URI scheme: "
        "mlflow-artifacts). This endpoint requires a direct cloud storage artifact URI."
    )


def download(call: MlflowCall, path: str) -> Reply:
    """An artifact as an answer that is streamed, never rendered and never sniffed."""
    found = files.find(call.store, call.project, path)
    name = path.rpartition("/")[2]
    headers = {
        "content-type": shown_type(name),
        "content-length": str(found.size),
        "content-disposition": disposition(name),
        "content-security-policy": SANDBOX,
        "x-content-type-options": "nosniff",
    }
    return Reply(found.blocks(), headers=headers)


def listing(entries: list[files.Entry], below: str = "") -> dict[str, object]:
    """Entries as MLflow lists them."""
    if not entries:
        return {}
    shown: list[dict[str, object]] = []
    for entry in entries:
        known: dict[str, object] = {"path": joined(below, entry.path), "is_dir": entry.is_dir}
        if not entry.is_dir:
            known["file_size"] = entry.size
        shown.append(known)
    return {"files": shown}


def run_root(call: MlflowCall, run: str) -> str:
    """Where a run's artifacts are; raises ``RESOURCE_DOES_NOT_EXIST`` for an unknown run."""
    with call.store.read() as connection:
        root = files.artifact_root(connection, call.project, run)
    if root is None:
        raise absent(f"Run with id={run[:100]} not found")
    return root


def shown_type(name: str) -> str:
    """What a download is said to be: by its name alone, whatever its uploader said.

    >>> shown_type("MLmodel"), shown_type("page.html"), shown_type("model.pkl")
    ('text/plain', 'text/html', 'application/octet-stream')
    """
    ending = name.rpartition(".")[2]
    return "text/plain" if ending in _TEXTS else media_type_of(name, None)


def disposition(name: str) -> str:
    """How a download asks to be saved; a name beyond plain letters stands twice, as RFC 6266 has it.

    >>> disposition("dog+step.png"), disposition("a b.txt")
    ('attachment; filename=dog+step.png', "attachment; filename=a_b.txt; filename*=UTF-8''a%20b.txt")
    """
    safe = _UNSAFE.sub("_", name)[-200:] or "artifact"
    if safe == name:
        return f"attachment; filename={safe}"
    return f"attachment; filename={safe}; filename*=UTF-8''{quote(name, safe='')}"


def media_type_of(path: str, said: str | None) -> str:
    """What an artifact is: what the client said, where that is a type, else by its name."""
    kind = (said or "").split(";")[0].strip()
    if kind and _MEDIA_TYPE.match(kind) and kind != "application/octet-stream":
        return kind
    guessed = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return guessed if _MEDIA_TYPE.match(guessed) else "application/octet-stream"


async def _put(call: MlflowCall, path: str, **options: int) -> None:
    digest = await stored(call.store, call.project, call.stream(), **options)
    kind = media_type_of(path, call.headers.get("content-type"))
    await to_thread.run_sync(files.put, call.store, call.actor, call.project, path, digest, kind)


def _place(root: str) -> str:
    path = files.path_of(root)
    if path is None:
        raise invalid(
            f"The artifacts of this run are at {root[:200]}, which this server does not keep. "
            "Clients reach them directly."
        )
    return path


def _base(call: MlflowCall) -> str:
    """Our own address as the client called it, for the addresses of parts."""
    host = call.headers.get("host", "localhost")
    scheme = call.headers.get("x-forwarded-proto", "http")
    return f"{scheme if scheme in ('http', 'https') else 'http'}://{host}/api/2.0/mlflow-artifacts"
