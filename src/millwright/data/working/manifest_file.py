"""The text file beside a dataset that says which version belongs here: small, for git.

One ``key: value`` per line, always in the same order, so that merges of two branches conflict in
the lines that really differ.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from millwright.data.references import split
from millwright.data.trees import check_path
from millwright.kernel.errors import InvalidInput

SUFFIX = ".mw"
_HEAD = "# A dataset kept by Millwright. `mw data checkout` brings its files back.\n"
_CONFLICT = ("<<<<<<<", "=======", ">>>>>>>")


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """What the file says."""

    dataset: str
    version: int
    kind: str
    digest: str
    files: int
    size: int
    path: str
    """The folder or file, from the folder that the manifest file is in."""
    branch: str = "main"
    members: tuple[str, ...] = ()
    original: str | None = None

    def to_text(self) -> str:
        """The text of the file."""
        lines = [
            f"dataset: {self.dataset}",
            f"version: {self.version}",
            f"branch: {self.branch}",
            f"kind: {self.kind}",
            f"digest: {self.digest}",
            *([f"original: {self.original}"] if self.original else []),
            f"files: {self.files}",
            f"size: {self.size}",
            f"path: {_quoted(self.path)}",
            *(f"member: {_quoted(member)}" for member in self.members),
        ]
        return _HEAD + "\n".join(lines) + "\n"

    @classmethod
    def from_text(cls, text: str, where: str) -> ManifestFile:
        """The inverse of ``to_text``.

        Raises:
            InvalidInput: it is no such text, has conflicts of a git merge, or leads outside.
        """
        values: dict[str, str] = {}
        members: list[str] = []
        for line in text.splitlines():
            if line.startswith(_CONFLICT):
                raise _unreadable(
                    where,
                    "it has conflicts of a git merge",
                    f"Keep one side with: git checkout --ours {where} (or --theirs), or merge both "
                    "versions with: mw data merge",
                )
            key, colon, value = line.partition(": ")
            if line.startswith("#") or not line.strip():
                continue
            if not colon:
                raise _unreadable(where, f"'{line[:80]}' is not 'key: value'")
            if key == "member":
                members.append(_unquoted(value))
            else:
                values[key] = value
        try:
            found = cls(
                dataset=split(values["dataset"])[0],
                version=int(values["version"]),
                kind=values["kind"],
                digest=values["digest"],
                files=int(values["files"]),
                size=int(values["size"]),
                path=_unquoted(values["path"]),
                branch=values.get("branch", "main"),
                members=tuple(members),
                original=values.get("original"),
            )
            bytes.fromhex(found.digest)
        except (KeyError, ValueError) as cause:
            raise _unreadable(where, f"{cause} is missing or not a value") from cause
        for path in (found.path, *members):
            check_path(path)
        if found.kind not in ("files", "table") or len(found.digest) != 64:
            raise _unreadable(where, "its kind or digest is not one")
        return found


def read_manifest(path: Path) -> ManifestFile:
    """The manifest file at a path; raises ``InvalidInput`` as ``from_text`` does."""
    return ManifestFile.from_text(path.read_text("utf-8"), path.name)


def write_manifest(path: Path, manifest: ManifestFile) -> bool:
    """Write the file where it says something else; whether it did."""
    text = manifest.to_text()
    if path.exists() and path.read_text("utf-8") == text:
        return False
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
    return True


def manifest_path(target: Path) -> Path:
    """Where the manifest file of a folder or file is: beside it."""
    return target.with_name(target.name + SUFFIX)


def keep_out_of_git(root: Path, targets: list[Path], state: Path) -> None:
    """Add data and the state folder to ``.gitignore`` in a git repository, each where it is.

    The state folder keeps itself out of a repository that is begun later, too.
    """
    inside = state / ".gitignore"
    if not inside.exists():
        inside.write_text("*\n", "utf-8")
    folder = root
    if not any((above / ".git").exists() for above in (folder, *folder.parents)):
        return
    _ignore(state.parent, f"/{state.name}/")
    for target in targets:
        slash = "/" if target.is_dir() else ""
        _ignore(target.parent, f"/{_escaped(target.name)}{slash}")


def _quoted(path: str) -> str:
    plain = path.isprintable() and path == path.strip() and not path.startswith('"')
    return path if plain else json.dumps(path)


def _unquoted(value: str) -> str:
    return str(json.loads(value)) if value.startswith('"') else value


def _escaped(name: str) -> str:
    return "".join(
        f"\\{c}" if c in "*?[\\" or (c == " " and name.endswith(" ")) else c for c in name
    )


def _ignore(folder: Path, line: str) -> None:
    file = folder / ".gitignore"
    known = file.read_text("utf-8") if file.exists() else ""
    if line.rstrip("/") in (each.strip().rstrip("/") for each in known.splitlines()):
        return
    if known and not known.endswith("\n"):
        known += "\n"
    file.write_text(f"{known}{line}\n", "utf-8")


def _unreadable(where: str, why: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput(
        "data.manifest",
        f"{where} is no manifest of a dataset: {why}.",
        hint=hint or "Bring it back with git, or run: mw data checkout NAME@VERSION",
        value=where,
    )
