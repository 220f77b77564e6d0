"""The code of a run: the project's modules as they were when it was planned.

A run that somebody goes on with later is executed with that code, whatever has been edited since.
Where nothing has been edited, the project's own folder is used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from millwright.pipelines.archive import pack_parts, unpack_parts
from millwright.pipelines.dsl import Plan
from millwright.pipelines.entry_point import is_project, is_project_file
from millwright.pipelines.placement import is_importable, root_of
from millwright.pipelines.records import PipelineRunDetail

_MOST_BYTES = 20 << 20


def keep_code(plan: Plan, put: Callable[[bytes], str]) -> str | None:
    """Store the project's modules that are loaded; the archive's digest, None without any."""
    code = packed_code(plan)
    return None if code is None else put(code)


def packed_code(plan: Plan) -> bytes | None:
    """An archive of the project's modules that are loaded, None without any."""
    steps = {id(step): step for step in plan.steps.values()}.values()
    roots = {Path(root_of(step)) for step in steps if is_importable(step, required=False)}
    files = dict(sorted(_modules_in(roots).items()))
    if not files or sum(map(len, files.values())) > _MOST_BYTES:
        return None
    return pack_parts(files)


def know_modules() -> None:
    """Look at all modules that are loaded once, so that the forks of this process need not."""
    for module in list(sys.modules.values()):
        if _own_file(getattr(module, "__file__", None)) is not None:
            is_project(module)


def restored_code(
    run: PipelineRunDetail, folder: Path, state: Path, fetch: Callable[[str], bytes]
) -> Path:
    """The folder with a run's code: the project's own while it is unchanged, else a copy."""
    return folder if run.code_digest is None else code_folder(run.code_digest, folder, state, fetch)


def code_folder(digest: str, folder: Path, state: Path, fetch: Callable[[str], bytes]) -> Path:
    """The folder with stored code: ``folder`` while it holds the same, else a copy."""
    files = unpack_parts(fetch(digest))
    if all(_content(folder / name) == content for name, content in files.items()):
        return folder
    copy = state / "code" / digest[:16]
    for name, content in files.items():
        # Names are those of modules below the project's folder; what is not is left out.
        path = (copy / name).resolve()
        if not path.is_relative_to(copy.resolve()):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return copy


def _modules_in(roots: set[Path]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for module in list(sys.modules.values()):
        path = _own_file(getattr(module, "__file__", None))
        if path is None or not is_project(module):
            continue
        for root in roots:
            if path.is_relative_to(root):
                content = _content(path)
                if content is not None:
                    found[path.relative_to(root).as_posix()] = content
                break
    return found


@cache
def _own_file(file: str | None) -> Path | None:
    """Where a module's source is, None where it is not the project's."""
    if file is None or not file.endswith(".py") or not is_project_file(file):
        return None
    return Path(file).resolve()


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
