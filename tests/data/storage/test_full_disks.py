"""A disk that fills up, here or under the remote: nothing is lost, and more room is enough."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from storage_bench import Bench, random_files

from millwright.data.working.place import Place
from millwright.kernel.errors import Unavailable
from millwright.kernel.workspace import Workspace

Make = Callable[[str], Bench]
FILES = random_files(60, 40_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a filesystem")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)


def test_a_pull_onto_a_full_disk_goes_on_when_there_is_room(
    bench: Make, small_disk: Path, tmp_path: Path
) -> None:
    here = bench("here")
    here.remote(str(tmp_path / "remote"))
    here.keep("notes", {"a": b"small"})
    here.push()
    workspace = Workspace(small_disk / "there")
    workspace.folder()
    there = Bench(Place(workspace, "p"))
    there.remote(str(tmp_path / "remote"))
    there.fetch()
    here.keep("photos", FILES)
    here.push()

    for _ in range(2):
        with pytest.raises(Unavailable, match="no space left"):
            there.fetch()
    enlarge(small_disk)
    assert there.files("notes") == {"a": b"small"}
    assert there.place.objects.verify() == []
    there.fetch()
    assert there.files("photos") == FILES
    assert there.place.objects.verify() == []


def test_a_push_to_a_full_disk_tells_of_nothing_that_is_not_there(
    bench: Make, small_disk: Path
) -> None:
    here = bench("here")
    here.remote(str(small_disk / "remote"))
    here.keep("notes", {"a": b"small"})
    here.push()
    here.keep("photos", FILES)
    with pytest.raises(Unavailable, match="no space left"):
        here.push()
    there = bench("there")
    there.remote(str(small_disk / "remote"), name="full")
    there.fetch()
    assert there.files("notes") == {"a": b"small"}
    enlarge(small_disk)
    here.push()
    there.fetch()
    assert there.files("photos") == FILES
