"""Where a version says it comes from: what is believed, what is looked up, what is refused.

A source is text that clients follow later with their own rights, so it must not name what the one
who registered it could not name: files of this machine, other people's runs, paths that climb.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, select

from millwright.registry.mlflow.entities import live_version, model_row, storage_of
from millwright.registry.mlflow.names import alias_name
from millwright.registry.tables import model_aliases
from millwright.tracking import MlflowError, artifact_root, invalid, logged_model_source

_PROMPT_SOURCES = ("dummy-source", "prompt-template")
_LOCAL = re.compile(r"^(?:file:|/|\\|[A-Za-z]:[\\/])", re.IGNORECASE)
_LOGGED = re.compile(r"^m-[0-9a-f]{32}$")
_MODEL_URI = re.compile(r"^/?([^/@]+)(?:/([^/@]+)|@([^/@]+))?$")


@dataclass(frozen=True, slots=True)
class Source:
    """What is recorded of a version's origin."""

    source: str
    storage: str
    run: str | None
    logged_model: str | None


def resolved(
    connection: Connection, project: str, source: str, run: str | None, model: str | None
) -> Source:
    """A source checked and followed to where its files are.

    Raises:
        MlflowError: it names a local file, climbs, or is not within the run or model it is said
            to be of.
    """
    parts = urlsplit(source)
    if _LOCAL.match(source) is None and parts.scheme:
        refuse_hostile(source)
    if parts.scheme == "models":
        return _of_model(connection, project, source, run, model)
    host = parts.hostname or "."
    if parts.scheme == "file" and not host.startswith((".", "localhost", "127.0.0.1")):
        raise invalid(
            f"{source[:500]} is not a valid remote uri. For remote access on windows, please "
            "consider using a different scheme such as SMB (e.g. smb://<hostname>/<path>)."
        )
    if _LOCAL.match(source) or not parts.scheme:
        name = "model_id" if model else "run_id"
        raise invalid(
            f"Invalid model version source: '{source[:500]}'. To use a local path as a model "
            f"version source, the {name} request parameter has to be specified and the local path "
            f"has to be contained within the artifact directory of the run specified by the {name}."
        )
    if model:
        kept = logged_model_source(connection, project, model)
        if kept is None:
            raise _not_within(source, "model_id")
        if parts.scheme == "runs":
            raise _not_within(source, "model_id")
        if is_ours(source) and not _within(source, kept.artifact_uri):
            raise _not_within(source, "model_id")
        return Source(source, source, run or kept.run, model)
    if parts.scheme == "runs":
        if parts.netloc or not run or parts.path.lstrip("/").split("/")[0] != run:
            raise _not_within(source, "run_id")
    elif is_ours(source):
        root = artifact_root(connection, project, run) if run else None
        if root is None or not _within(source, root):
            raise _not_within(source, "run_id")
    return Source(source, source, run, None)


def refuse_hostile(source: str) -> None:
    """Refuse what climbs, hides or breaks off, in whatever encoding.

    Raises:
        MlflowError: it does.
    """
    plain = unquoted_fully(source)
    # Schemes with a host of their own would make whoever loads the model talk to it.
    scheme = urlsplit(plain).scheme.lower()
    if scheme in ("ftp", "sftp", "viewfs", "hdfs+http", "javascript", "data"):
        raise invalid(f"Invalid model version source: the scheme '{scheme}' is not accepted.")
    climbs = ".." in re.split(r"[/\\]", plain)
    if climbs or "\x00" in plain or "\\" in plain or any(ord(c) < 32 for c in plain):
        raise _relative(source)
    if scheme in ("mlflow-artifacts", "runs", "models") and any(c in plain for c in "?#;"):
        raise _relative(source)


def unquoted_fully(text: str) -> str:
    """Text with every layer of percent-encoding taken off."""
    for _ in range(20):
        plain = unquote(text)
        if plain == text:
            return plain
        text = plain
    raise invalid("Invalid path: it is percent-encoded again and again.")


def is_ours(source: str) -> bool:
    """Whether a URI names artifacts that this server keeps."""
    parts = urlsplit(source)
    if parts.scheme == "mlflow-artifacts":
        return True
    return parts.scheme in ("http", "https") and "/api/2.0/mlflow-artifacts/" in parts.path


def prompt_source(source: str) -> str:
    """The source of a prompt's version, which is only a placeholder."""
    if source not in _PROMPT_SOURCES:
        raise invalid(
            f"Invalid prompt source: '{source[:200]}'. Prompt sources must use an MLflow "
            "placeholder."
        )
    return source


def _of_model(
    connection: Connection, project: str, source: str, run: str | None, model: str | None
) -> Source:
    parts = urlsplit(source)
    if parts.netloc:
        raise _not_within(source, "model_id")
    named = _MODEL_URI.match(parts.path)
    if named is None:
        raise _not_within(source, "model_id")
    name, version, alias = named.groups()
    if version is None and alias is None:
        return _of_logged_model(connection, project, source, name, run, model)
    row = model_row(connection, project, name)
    if row.prompt:
        raise invalid(
            f"Invalid model version source: '{source}'. Prompt versions cannot be used as model "
            "version sources."
        )
    if alias is not None:
        version = str(_aliased(connection, project, name, alias))
    found = live_version(connection, project, name, version)
    if (run and run != (found.run or "")) or (model and model != (found.logged_model or "")):
        raise invalid(
            f"Invalid model version source: '{source}'. The run_id and model_id request parameters "
            "must match the referenced model version."
        )
    kept = f"models:/{name}/{found.version}"
    return Source(kept, storage_of(found), run or found.run, model or found.logged_model)


def _of_logged_model(
    connection: Connection,
    project: str,
    source: str,
    identifier: str,
    run: str | None,
    model: str | None,
) -> Source:
    found = logged_model_source(connection, project, identifier)
    if not _LOGGED.match(identifier) or found is None or model not in (None, "", identifier):
        raise _not_within(source, "model_id")
    return Source(source, found.artifact_uri, run or found.run, identifier)


def _aliased(connection: Connection, project: str, name: str, alias: str) -> int:
    query = select(model_aliases.c.version).where(
        model_aliases.c.project == project,
        model_aliases.c.model == name,
        model_aliases.c.alias == alias_name(alias),
    )
    found = connection.execute(query).scalar()
    if found is None:
        raise invalid(f"Registered model alias {alias} not found.")
    return int(found)


def _within(source: str, root: str) -> bool:
    mine, top = (_parts(uri) for uri in (source, root))
    return bool(top) and mine[: len(top)] == top


def _parts(uri: str) -> list[str]:
    path = urlsplit(uri).path.partition("/mlflow-artifacts/artifacts/")
    return [unquoted_fully(part) for part in (path[2] or path[0]).split("/") if part]


def _not_within(source: str, parameter: str) -> MlflowError:
    return invalid(
        f"Invalid model version source: '{source[:500]}'. The {parameter} request parameter must "
        "identify the resource that contains the source."
    )


def _relative(source: str) -> MlflowError:
    return invalid(
        f"Invalid model version source: '{source[:500]}'. If supplying a source as an http, https, "
        "local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be "
        "provided without relative path references present. Please provide an absolute path."
    )
