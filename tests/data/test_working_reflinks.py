"""Working copies where the filesystem clones files: real btrfs and xfs in an image each."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from working_copy import Run

LARGE = 3 << 20
IMAGE_BYTES = 400 << 20
"""xfs wants 300 MB; the image has holes where nothing was written."""


@pytest.fixture(scope="module", params=["btrfs", "xfs"])
def mounted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A new filesystem that clones files."""
    kind = request.param
    if os.geteuid() != 0 or shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"mounting {kind} needs root and mkfs.{kind}")
    folder = tmp_path_factory.mktemp(kind)
    image, place = folder / "image", folder / "place"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    for command in ([f"mkfs.{kind}", "-q", image], ["mount", "-o", "loop", image, place]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            image.unlink()
            pytest.skip(f"{kind} cannot be mounted here: {done.stderr.strip()}")
    yield place
    # What this process still has open there ends with it.
    subprocess.run(["umount", "--lazy", place], check=True)
    image.unlink()


@pytest.fixture
def root(mounted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder there, which is the working folder."""
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_DATABASE_URL", "MILLWRIGHT_PROTECT"):
        monkeypatch.delenv(name, raising=False)
    place = mounted / tmp_path.name
    place.mkdir()
    monkeypatch.chdir(place)
    yield place
    monkeypatch.chdir(tmp_path)
    subprocess.run(["chattr", "-R", "-i", place], check=True)
    shutil.rmtree(place)


@pytest.fixture
def kept(root: Path, mw: Run) -> dict[str, bytes]:
    """The files of a dataset ``d``, added and then lost; the bytes of each."""
    content = {
        "a/one.bin": os.urandom(4096),
        "a/run": os.urandom(4096),
        "big.bin": os.urandom(LARGE),
    }
    for path, text in content.items():
        (root / "d" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "d" / path).write_bytes(text)
    (root / "d/a/run").chmod(0o755)
    mw("add", "d")
    subprocess.run(["chattr", "-R", "-i", root / "d"], check=True)
    shutil.rmtree(root / "d")
    return content


def shares_all(path: Path) -> bool:
    """Whether a file has all its blocks with others."""
    subprocess.run(["sync", "-f", path], check=True)
    shown = subprocess.run(["filefrag", "-v", path], capture_output=True, text=True, check=True)
    extents = [line for line in shown.stdout.splitlines() if line.strip()[:1].isdigit()]
    return bool(extents) and all("shared" in line for line in extents)


def used(folder: Path) -> int:
    """Bytes in use on the filesystem."""
    subprocess.run(["sync", "-f", folder], check=True)
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def test_checkout_clones_and_the_clones_are_private(
    root: Path, mw: Run, kept: dict[str, bytes]
) -> None:
    before = used(root)
    mw("checkout", "d")
    assert used(root) - before < LARGE / 10
    for path, content in kept.items():
        file = root / "d" / path
        assert file.read_bytes() == content
        assert shares_all(file)
        assert file.stat().st_nlink == 1
        with file.open("r+b") as opened:
            opened.write(b"mine")
    assert (root / "d/a/run").stat().st_mode & 0o111
    assert not (root / "d/a/one.bin").stat().st_mode & 0o111
    assert mw("add", "d", "--json")["version"] == 2
    mw("checkout", "d@1")
    assert {path: (root / "d" / path).read_bytes() for path in kept} == kept
    assert mw("fsck", "--json")["damaged"] == []


def test_an_added_file_is_protected_until_it_is_made_a_private_clone(root: Path, mw: Run) -> None:
    (root / "d").mkdir()
    file = root / "d" / "f.bin"
    file.write_bytes(content := os.urandom(LARGE))
    mw("add", "d")
    with pytest.raises(PermissionError):
        file.open("r+b")
    before = used(root)
    mw("unprotect", "d")
    assert used(root) - before < LARGE / 10
    assert shares_all(file)
    assert "no changes" in mw("status")
    with file.open("r+b") as opened:
        opened.write(b"mine")
    mw("checkout", "d", "--force")
    assert file.read_bytes() == content


def test_a_folder_mounted_from_elsewhere_on_the_filesystem_is_cloned_into_the_store(
    root: Path, mw: Run
) -> None:
    (root / "elsewhere").mkdir()
    (root / "d").mkdir()
    subprocess.run(["mount", "--bind", root / "elsewhere", root / "d"], check=True)
    try:
        files = {"large": os.urandom(LARGE), "small": os.urandom(4096), "run": os.urandom(5000)}
        for name, content in files.items():
            (root / "d" / name).write_bytes(content)
        (root / "d/run").chmod(0o755)
        before = used(root)
        mw("add", "d")
        assert used(root) - before < LARGE / 10
        for name in files:
            assert shares_all(root / "d" / name)
            with (root / "d" / name).open("r+b") as opened:
                opened.write(b"mine")
        mw("checkout", "d", "--force")
        assert {name: (root / "d" / name).read_bytes() for name in files} == files
        assert (root / "d/run").stat().st_mode & 0o111
        assert "no changes" in mw("status")
    finally:
        subprocess.run(["umount", root / "d"], check=True)


def test_on_another_filesystem_files_are_copied(
    mw: Run, kept: dict[str, bytes], tmp_path: Path
) -> None:
    mw("checkout", "d", "--to", str(tmp_path / "out"))
    for path, content in kept.items():
        file = tmp_path / "out" / path
        assert file.read_bytes() == content
        assert file.stat().st_nlink == 1
        assert not shares_all(file)
        file.write_bytes(b"private")
    assert (tmp_path / "out/a/run").stat().st_mode & 0o111
