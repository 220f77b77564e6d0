"""hf-xet's own upload and download, as a command of its environment (`ci/peer hf-xet`).

    PYTHON benchmarks/data/xet_transfer.py upload REMOTE NOTES PATH
    PYTHON benchmarks/data/xet_transfer.py download REMOTE NOTES PATH

The remote is a folder: with an endpoint `local://`, hf-xet writes to the file system what it else sends
to Hugging Face. ``upload`` sends a file or all files of a folder and notes hash, size and path of each;
``download`` brings all of them back. No SHA-256, which only Git LFS needs and the others do not make.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import hf_xet


def upload(endpoint: str, notes: Path, path: Path) -> None:
    """Send a file or a folder."""
    paths = [str(path)]
    if path.is_dir():
        paths = [f"{at}/{name}" for at, _, names in os.walk(path) for name in names]
    session = hf_xet.XetSession()
    with session.new_upload_commit(endpoint=endpoint) as commit:
        sent = [commit.start_upload_file(one, hf_xet.SKIP_SHA256) for one in paths]
    told = [one.result().xet_info for one in sent]
    noted = [(one.hash, one.file_size, name) for one, name in zip(told, paths, strict=True)]
    notes.write_text(json.dumps(noted))


def download(endpoint: str, notes: Path) -> None:
    """Bring back what was noted, to where it was."""
    session = hf_xet.XetSession()
    with session.new_file_download_group(endpoint=endpoint) as group:
        for digest, size, name in json.loads(notes.read_text()):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            group.start_download_file(hf_xet.XetFileInfo(digest, size), name)


if __name__ == "__main__":
    act, remote, noted = sys.argv[1], f"local://{sys.argv[2]}", Path(sys.argv[3])
    if act == "upload":
        upload(remote, noted, Path(sys.argv[4]))
    else:
        download(remote, noted)
