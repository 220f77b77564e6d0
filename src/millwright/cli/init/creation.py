"""Writing a new project to disk: the project file last, so that it exists only when all does."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from millwright.cli.init.project_text import SCHEMA_PATH, render
from millwright.cli.init.proposal import Proposal, propose
from millwright.data import read_table, to_parquet
from millwright.kernel.config import FILE_NAME, json_schema, parse_project
from millwright.kernel.errors import Conflict, InvalidInput, Unavailable
from millwright.kernel.record import Record

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")


class Created(Record):
    """A project that was written."""

    project: str
    folder: str
    file: str
    source: str
    task: str
    question: str
    rows: int
    target: str
    time: str | None
    entity: tuple[str, ...]
    slices: tuple[str, ...]
    metric: str
    notes: tuple[str, ...]


def create_project(
    name: str,
    source: object,
    *,
    target: str,
    time: str | None = None,
    entity: Sequence[str] = (),
    here: Path | None = None,
) -> Created:
    """Read the data, decide what it suggests, and write the project's folder.

    Args:
        name: of the folder and the project; ``.`` for the folder we are in.
        source: file, folder or address of the data, as seen from ``here``; or a pandas, polars
            or Arrow table, which is kept as a Parquet file in the project's folder.
        here: where we are; the current folder by default.

    Raises:
        Conflict: there is a project already, or a file in the way.
        InvalidInput: the name or the data cannot be used.
        NotFound: there is no such data file.
        Unavailable: the folder cannot be written, or the address does not answer.
    """
    here = (here or Path.cwd()).resolve()
    folder = (here / name).resolve()
    project = _project_name(folder)
    _refuse_existing(folder)
    table = read_table(source, base=here)
    kept = None if isinstance(source, str | Path) else Path("data") / f"{project}.parquet"
    named = _from_folder(str(source), here, folder) if kept is None else kept.as_posix()
    proposal = propose(table, source=named, target=target, time=time, entity=entity)
    text = render(project, proposal)
    parse_project(text)
    _write(folder, text, {} if kept is None else {kept: to_parquet(table)})
    return _created(project, folder, proposal)


def schema_text() -> str:
    """The JSON Schema of the project file, as it is published."""
    return json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"


def _project_name(folder: Path) -> str:
    if not _NAME.match(folder.name):
        raise InvalidInput(
            "init.name",
            f"'{folder.name}' cannot be the name of a project.",
            hint="Use letters, digits and _ . -, starting with a letter or digit.",
            value=folder.name,
        )
    return folder.name


def _refuse_existing(folder: Path) -> None:
    if (folder / FILE_NAME).exists():
        raise Conflict(
            "init.exists",
            f"There is a project in {folder} already.",
            hint=f"Choose another name, or remove {folder / FILE_NAME} first.",
        )
    if folder.exists() and not folder.is_dir():
        raise Conflict("init.file_in_the_way", f"{folder} is a file.", hint="Choose another name.")


def _from_folder(source: str, here: Path, folder: Path) -> str:
    """The source as the project file names it: from its own folder where that reads well."""
    if source.startswith(("http://", "https://")):
        return source
    path = Path(os.path.normpath(here / Path(source).expanduser()))
    relative = Path(os.path.relpath(path, folder))
    far = relative.parts[:3] == ("..", "..", "..")
    return (path if far else relative).as_posix()


def _write(folder: Path, text: str, data: dict[Path, bytes]) -> None:
    try:
        for name, content in data.items():
            _write_data(folder / name, content)
        schema = folder / SCHEMA_PATH
        schema.parent.mkdir(parents=True, exist_ok=True)
        schema.write_text(schema_text(), "utf-8")
        temporary = folder / ".millwright" / f"{FILE_NAME}.new"
        temporary.write_text(text, "utf-8")
        temporary.replace(folder / FILE_NAME)
    except OSError as cause:
        raise Unavailable(
            "init.unwritable",
            f"The folder {folder} cannot be written: {cause.strerror}.",
            hint="Free some space or change its permissions, then run the same command again.",
        ) from cause


def _write_data(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    try:
        # Linking, unlike renaming, never replaces a file that is there.
        path.hardlink_to(temporary)
    except FileExistsError as cause:
        if path.read_bytes() != content:
            raise Conflict(
                "init.file_in_the_way",
                f"{path} holds other data already.",
                hint="Choose another name or folder.",
            ) from cause
    finally:
        temporary.unlink()


def _created(project: str, folder: Path, proposal: Proposal) -> Created:
    return Created(
        project=project,
        folder=_shown(folder),
        file=_shown(folder / FILE_NAME),
        source=proposal.source,
        task=proposal.task,
        question=proposal.question,
        rows=proposal.rows,
        target=proposal.target,
        time=proposal.time,
        entity=proposal.entity,
        slices=proposal.slices,
        metric=proposal.metric,
        notes=proposal.notes,
    )


def _shown(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
