"""What surrounds a working copy: ignore files, signatures, manifest files for git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from millwright.data.trees import Kind
from millwright.data.working.ignoring import read_ignores
from millwright.data.working.manifest_file import ManifestFile
from millwright.data.working.place import Place
from millwright.data.working.scanning import (
    EMPTY_FOLDER,
    kind_of,
    look_at,
    scan,
    size_of,
)
from millwright.data.working.storing import Storing
from millwright.kernel.errors import InvalidInput
from millwright.kernel.workspace import Workspace

PATTERNS = ["*.tmp", "cache/", "/top.txt", "a/**/z", "doc/*.md", "!keep.tmp", "**/deep", "[xy]1", r"\#h"]  # fmt: skip
PATHS = [
    "x.tmp", "a/x.tmp", "keep.tmp", "cache/f", "a/cache/f", "top.txt", "a/top.txt", "a/z",
    "a/b/c/z", "doc/r.md", "doc/sub/r.md", "deep", "a/deep", "x1", "a/y1", "z1", "#h", "plain",
]  # fmt: skip


def test_ignore_files_mean_what_they_mean_to_git(tmp_path: Path) -> None:
    text = "\n".join(["# a comment", "", *PATTERNS]) + "\n"
    for name in (".mwignore", ".gitignore"):
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        if not (tmp_path / path).exists():
            (tmp_path / path).write_text("")
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "-o", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = scan(tmp_path, read_ignores(tmp_path, tmp_path))
    files = {path for path, sign in found.items() if sign != EMPTY_FOLDER}
    assert files == set(listed.stdout.split())


def test_rules_above_the_folder_count_and_those_beyond_the_workspace_do_not(tmp_path: Path) -> None:
    (tmp_path / ".mwignore").write_text("*.log\n")
    root = tmp_path / "work"
    (root / "data").mkdir(parents=True)
    (root / ".mwignore").write_text("/data/private/\n")
    (root / "data" / "private").mkdir()
    for path in ("a.log", "b.txt", "private/c"):
        (root / "data" / path).write_text("")
    found = scan(root / "data", read_ignores(root / "data", root))
    assert set(found) == {"a.log", "b.txt"}


def test_a_scan_tells_files_links_and_empty_folders_apart(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("#!")
    (tmp_path / "run").chmod(0o755)
    (tmp_path / "plain").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("plain")
    (tmp_path / "nothing" / "here").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    found = scan(tmp_path, None)
    assert {path: kind_of(sign) for path, sign in found.items()} == {
        "run": Kind.EXECUTABLE,
        "plain": Kind.FILE,
        "link": Kind.LINK,
        "nothing/here": Kind.FOLDER,
    }
    assert size_of(found["plain"]) == 5


def test_a_followed_link_that_leads_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to("..")
    with pytest.raises(InvalidInput, match="leads back"):
        scan(tmp_path, None, follow=True)
    (tmp_path / "a" / "b" / "up").unlink()
    (tmp_path / "a" / "gone").symlink_to("nowhere")
    with pytest.raises(InvalidInput, match="leads nowhere"):
        scan(tmp_path, None, follow=True)


def test_bytes_are_stored_with_the_signature_that_the_file_has_afterwards(tmp_path: Path) -> None:
    (tmp_path / ".millwright").mkdir()
    place = Place(Workspace(tmp_path), "bench")
    contents = {"small": b"one", "large": bytes(range(256)) * 400, "twice": b"one"}
    found = {}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        sign = look_at(tmp_path / name)
        assert sign is not None
        found[name] = sign
    # What was written since the look is read again.
    (tmp_path / "small").write_bytes(b"two!")
    contents["small"] = b"two!"
    storing = Storing(place, tmp_path, found, {}, follow=False)
    stored = {k: v for part in storing.parts(sorted(contents), None) for k, v in part.items()}
    for name, content in contents.items():
        sign, entry = stored[name]
        assert sign == look_at(tmp_path / name)
        assert place.objects.read(entry.hex) == content
    there = {"gone": found["twice"]}
    lost = Storing(place, tmp_path, there, {}, follow=False)
    assert [part for part in lost.parts(["gone"], None) if part] == []
    assert there == {}


MANIFEST = ManifestFile("photos", 3, "files", "a" * 64, 2, 10, "my photos", "main", ("a b", "c\nd"))


def test_a_manifest_file_is_read_back_as_it_was_written() -> None:
    assert ManifestFile.from_text(MANIFEST.to_text(), "photos.mw") == MANIFEST


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 3", "<<<<<<< HEAD\nversion: 3\n=======", "conflicts of a git merge"),
        ("path: my photos", "path: ../../etc", "cannot be part"),
        ("path: my photos", "path: /etc", "cannot be part"),
        ("digest: " + "a" * 64, "digest: abc", "no manifest"),
        ("version: 3", "version: three", "no manifest"),
        ("dataset: photos", "nonsense", "not 'key: value'"),
        ("kind: files", "kind: magic", "kind or digest"),
    ],
)
def test_a_manifest_file_that_is_none_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        ManifestFile.from_text(MANIFEST.to_text().replace(old, new), "photos.mw")
