"""Files for the tests of working copies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # As an editor saves: a new file under the same name.
        temporary = path.with_name(f"{path.name}~")
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode())
        temporary.replace(path)


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): (
            f"→{path.readlink()}" if path.is_symlink() else path.read_text()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
