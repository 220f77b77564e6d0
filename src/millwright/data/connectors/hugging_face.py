"""Folders in the layout of Hugging Face datasets: configurations and splits by name or README.

Which files belong to a split is said in the YAML head of ``README.md``, or follows from the names
(https://huggingface.co/docs/datasets/repository_structure): ``data/train-00000-of-00002.parquet``,
``test.csv``, ``validation/part.jsonl``. Files that name no split are ``train``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import yaml

from millwright.data.connectors.files import is_table, listing_state, missing, table_pieces
from millwright.data.connectors.interface import TableContent
from millwright.data.connectors.records import SourceOptions, SourceState
from millwright.kernel.errors import InvalidInput, NotFound, nearest

Splits = dict[str, list[Path]]
_WORDS: Final = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_DEFAULT: Final = "default"


class HuggingFaceSource:
    """A dataset folder. All splits become one table with a column ``split``, unless one is chosen."""

    def __init__(self, folder: Path, options: SourceOptions) -> None:
        self._folder, self._options = folder.resolve(), options

    @property
    def url(self) -> str:
        """``hf:///…``."""
        return f"hf://{self._folder.as_posix()}"

    def state(self) -> SourceState:
        """Names, sizes and times of the files that are read."""
        lines = []
        for split, paths in sorted(self._splits().items()):
            for path in paths:
                found = path.stat()
                name = path.relative_to(self._folder).as_posix()
                lines.append(f"{split}\0{name}\0{found.st_size}\0{found.st_mtime_ns}")
        return listing_state(lines)

    def content(self, scratch: Path) -> TableContent:
        """The rows of the chosen split, or of all with their names."""
        del scratch
        return TableContent(self._pieces(self._splits()))

    def _splits(self) -> Splits:
        if not self._folder.is_dir():
            raise missing(self._folder)
        configs = configurations(self._folder)
        name = self._options.config or (
            _DEFAULT if _DEFAULT in configs else next(iter(configs), _DEFAULT)
        )
        if name not in configs:
            raise _unknown("configuration", name, configs)
        splits = configs[name]
        wanted = self._options.split
        if wanted is None:
            return splits
        if wanted not in splits:
            raise _unknown("split", wanted, splits)
        return {wanted: splits[wanted]}

    def _pieces(self, splits: Splits) -> Iterator[pa.Table]:
        named = len(splits) > 1
        for split, paths in splits.items():
            for piece in table_pieces(paths):
                if not named:
                    yield piece
                    continue
                column = "split" if "split" not in piece.column_names else "hf_split"
                values = pa.array([split] * piece.num_rows, pa.string())
                yield piece.append_column(column, values)


def is_hugging_face(folder: Path) -> bool:
    """Whether a folder looks like a dataset of this layout."""
    if "configs:" in _head(folder) or "dataset_info:" in _head(folder):
        return True
    return any((folder / "data").glob("*-[0-9]*-of-[0-9]*.parquet"))


def configurations(folder: Path) -> dict[str, Splits]:
    """The files of each split of each configuration.

    Raises:
        InvalidInput: the head of README.md is not as it should be, or names no files.
    """
    try:
        head = yaml.safe_load(_head(folder)) or {}
    except yaml.YAMLError as cause:
        raise InvalidInput("data.readme", f"The head of README.md is no YAML: {cause}.") from cause
    declared = head.get("configs") if isinstance(head, dict) else None
    if declared:
        found = {str(c.get("config_name", _DEFAULT)): _declared(folder, c) for c in declared}
    else:
        found = {_DEFAULT: _by_name(folder)}
    empty = [name for name, splits in found.items() if not any(splits.values())]
    if empty:
        raise InvalidInput(
            "data.no_files",
            f"The configuration '{empty[0]}' of {folder} has no files.",
            hint="Files are CSV, JSON, Arrow or Parquet, in the folder itself or in data/.",
        )
    return found


def _head(folder: Path) -> str:
    readme = folder / "README.md"
    if not readme.is_file():
        return ""
    found = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", readme.read_text("utf-8"), re.DOTALL)
    return found.group(1) if found else ""


def _declared(folder: Path, config: Mapping[str, Any]) -> Splits:
    base = str(config.get("data_dir", ""))
    files = config.get("data_files")
    if files is None:
        return _by_name(_inside(folder, base))
    if isinstance(files, str) or all(isinstance(one, str) for one in files):
        files = [{"split": "train", "path": files}]
    found: Splits = {}
    for one in files:
        patterns = one["path"] if isinstance(one["path"], list) else [one["path"]]
        paths = [path for pattern in patterns for path in _matching(folder, base, str(pattern))]
        found.setdefault(str(one["split"]), []).extend(paths)
    return found


def _matching(folder: Path, base: str, pattern: str) -> list[Path]:
    whole = f"{base}/{pattern}".strip("/")
    if ".." in whole.split("/") or pattern.startswith("/"):
        raise InvalidInput(
            "data.readme", "README.md names files outside of its folder.", value=pattern
        )
    return sorted(path for path in folder.glob(whole) if path.is_file())


def _inside(folder: Path, name: str) -> Path:
    if ".." in name.split("/") or name.startswith("/"):
        raise InvalidInput("data.readme", "README.md names a folder outside of it.", value=name)
    return folder / name


def _by_name(folder: Path) -> Splits:
    base = folder / "data" if (folder / "data").is_dir() else folder
    found: Splits = {}
    for path in sorted(p for p in base.rglob("*") if p.is_file() and is_table(p.name)):
        found.setdefault(_split_of(path.relative_to(base).as_posix()), []).append(path)
    order = [*_WORDS, *found]
    return {split: found[split] for split in dict.fromkeys(order) if split in found}


def _split_of(path: str) -> str:
    sharded = re.fullmatch(r"(\w[\w.]*)-\d{5}-of-\d{5}\.\w+", path.rpartition("/")[2])
    words = re.split(r"[^A-Za-z]+", path.lower())
    for split, names in _WORDS.items():
        if any(word in names for word in words):
            return split
    return sharded.group(1) if sharded else "train"


def _unknown(what: str, name: str, known: Mapping[str, Any]) -> NotFound:
    guess = nearest(name, known)
    hint = f"Did you mean '{guess}'?" if guess else f"There are: {', '.join(known)}."
    return NotFound(f"data.unknown_{what}", f"There is no {what} '{name}'.", hint=hint, value=name)
