"""The working copy through the command line: add, status, checkout, and what must never be lost."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

import millwright
from millwright.data.working import adding, storing
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from working_copy import Run, content, write

MW = str(Path(sys.executable).parent / "mw")


def test_a_folder_becomes_a_version_and_is_clean_then(photos: Path, mw: Run) -> None:
    assert "photos@1: 3 files, 6 B" in mw("add", "photos")
    assert "no changes, 3 files" in mw("status")
    again = mw("add", "photos", "--json")
    assert (again["new"], again["version"]) == (False, 1)


def test_status_names_what_changed(photos: Path, mw: Run) -> None:
    mw("add", "photos")
    write(photos, {"new.txt": "new", "b.txt": "BB"})
    (photos / "sub/c.txt").rename(photos / "sub/moved.txt")
    (photos / "a.txt").unlink()
    (found,) = mw("status", "--json")
    assert found["added"] == ["new.txt"]
    assert found["modified"] == ["b.txt"]
    assert found["removed"] == ["a.txt"]
    assert found["renamed"] == [{"from": "sub/c.txt", "to": "sub/moved.txt"}]
    kept = mw("add", "photos", "--json")
    assert kept["version"] == 2
    assert mw("status", "--json")[0]["clean"]
    diff = mw("diff", "photos@1", "@2", "--json")
    assert [(c["change"], c["path"]) for c in diff["changes"]] == [
        ("removed", "a.txt"),
        ("modified", "b.txt"),
        ("added", "new.txt"),
        ("renamed", "sub/moved.txt"),
    ]


def test_a_change_within_one_tick_of_the_clock_and_of_the_same_size_is_seen(
    root: Path, mw: Run
) -> None:
    for number in range(20):
        write(root, {"d/f": f"{number:04d}"})
        mw("add", "d")
        (root / "d/f").chmod(0o644)
        with (root / "d/f").open("r+") as file:
            file.write("edit")
        (found,) = mw("status", "--json")
        assert found["modified"] == ["f"], number
        (root / "d/f").unlink()


def test_what_is_added_in_parts_is_what_is_added_at_once(
    root: Path, mw: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / "d", {f"{name}/{n}": f"{n}" for name in "abc" for n in range(5)})
    (root / "d/hollow").mkdir()
    write(root / "d", {"file": "1", "folder/x/y": "2", "folder/z": "3"})
    with monkeypatch.context() as few:
        few.setattr(adding, "_AT_ONCE", 2)
        few.setattr(storing, "_AT_ONCE", 3)
        mw("add", "d")
        # A file becomes a folder, a folder becomes a file, and an empty folder is filled.
        shutil.rmtree(root / "d/folder")
        (root / "d/file").unlink()
        write(root / "d", {"folder": "now a file", "file/of/now": "4", "hollow/full": "5"})
        write(root / "d", {f"b/{n}": "edited" for n in range(4)} | {f"n/{n}": "" for n in range(7)})
        for name in "ac":
            shutil.rmtree(root / "d" / name)
        in_parts = mw("add", "d", "--json")
        assert mw("status", "--json")[0]["clean"]
    shutil.copytree(root / "d", root / "e")
    at_once = mw("add", "e", "--json")
    assert (in_parts["digest"], in_parts["files"]) == (at_once["digest"], at_once["files"])
    assert (
        mw("diff", "d@1", "@2", "--json")["changes"]
        == mw("diff", "d@1", "e@1", "--json")["changes"]
    )


def test_a_folder_of_another_project_is_told_as_such(photos: Path, mw: Run) -> None:
    mw("add", "photos")
    write(photos, {"b.txt": "changed"})
    with pytest.raises(Conflict, match=r"photos@1, which is no version of project other"):
        mw("add", "photos", "--project", "other")
    assert mw("add", "photos", "--json")["version"] == 2


def test_older_and_newer_versions_are_checked_out(photos: Path, mw: Run) -> None:
    mw("add", "photos")
    first = content(photos)
    (photos / "a.txt").unlink()
    write(photos, {"deep/er/x": "x", "b.txt": "changed"})
    mw("add", "photos", "-m", "second")
    second = content(photos)
    assert "1 removed" in mw("checkout", "photos@1")
    assert content(photos) == first
    assert not (photos / "deep").exists()
    mw("checkout", "photos@latest")
    assert content(photos) == second
    assert mw("status", "--json")[0]["clean"]


def test_what_is_missing_is_brought_back_and_what_was_edited_stays(photos: Path, mw: Run) -> None:
    mw("add", "photos")
    (photos / "a.txt").unlink()
    write(photos, {"untracked": "mine"})
    mw("checkout", "photos")
    assert content(photos)["a.txt"] == "a"
    write(photos, {"b.txt": "my edit"})
    with pytest.raises(Conflict, match=r"'b\.txt' in photos would be overwritten"):
        mw("checkout", "photos")
    assert content(photos)["b.txt"] == "my edit"
    mw("checkout", "photos", "--force")
    assert content(photos) | {"untracked": "mine"} == content(photos)
    assert content(photos)["b.txt"] == "bb"


def test_unsaved_work_stops_a_checkout_before_anything_is_touched(photos: Path, mw: Run) -> None:
    mw("add", "photos")
    write(photos, {"a.txt": "A2", "b.txt": "B2", "only2": "2"})
    mw("add", "photos")
    write(photos, {"b.txt": "unsaved"})
    before = content(photos)
    with pytest.raises(Conflict, match=r"b\.txt"):
        mw("checkout", "photos@1")
    assert content(photos) == before
    mw("checkout", "photos@1", "--force")
    assert content(photos) == {"a.txt": "a", "b.txt": "bb", "sub/c.txt": "ccc"}


def test_a_file_of_ones_own_is_not_overwritten_by_one_of_the_version(photos: Path, mw: Run) -> None:
    write(photos, {"extra": "kept"})
    mw("add", "photos")
    (photos / "extra").unlink()
    mw("add", "photos")
    write(photos, {"extra": "not kept anywhere"})
    with pytest.raises(Conflict, match="extra"):
        mw("checkout", "photos@1")
    write(photos, {"extra": "kept"})
    mw("checkout", "photos@1")
    assert mw("status", "--json")[0]["clean"]


def test_files_become_folders_and_back(root: Path, mw: Run) -> None:
    write(root, {"d/x": "a file", "d/y/z": "below"})
    mw("add", "d")
    (root / "d/x").unlink()
    (root / "d/y/z").unlink()
    (root / "d/y").rmdir()
    write(root, {"d/x/inside": "in", "d/y": "file now"})
    mw("add", "d")
    mw("checkout", "d@1")
    assert content(root / "d") == {"x": "a file", "y/z": "below"}
    mw("checkout", "d@2")
    assert content(root / "d") == {"x/inside": "in", "y": "file now"}


def test_names_of_every_script_exec_bits_links_and_empty_folders_are_kept(
    root: Path, mw: Run
) -> None:
    write(
        root,
        {
            "d/été/日本語.txt": "語",
            "d/with space": "",
            "d/🎉": "!",
            "d/new\nline": "n",
            "d/run": "#!",
        },
    )
    (root / "d/run").chmod(0o755)
    (root / "d/empty/inner").mkdir(parents=True)
    (root / "d/link").symlink_to("été/日本語.txt")
    mw("add", "d")
    before = content(root / "d")
    subprocess.run(["rm", "-rf", str(root / "d")], check=True)
    mw("checkout")
    assert content(root / "d") == before
    assert os.access(root / "d/run", os.X_OK)
    assert not (root / "d/🎉").stat().st_mode & 0o100
    assert (root / "d/empty/inner").is_dir()
    assert mw("status", "--json")[0]["clean"]
    (root / "d/empty/inner").rmdir()
    (root / "d/run").chmod(0o644)
    (found,) = mw("status", "--json")
    # The folder above is empty itself now.
    assert (found["added"], found["removed"], found["modified"]) == (
        ["empty"], ["empty/inner"], ["run"],
    )  # fmt: skip


def test_names_that_differ_only_in_case_stay_two(root: Path, mw: Run) -> None:
    write(root, {"d/Readme": "upper", "d/readme": "lower"})
    mw("add", "d")
    subprocess.run(["rm", "-rf", str(root / "d")], check=True)
    mw("checkout", "d")
    assert content(root / "d") == {"Readme": "upper", "readme": "lower"}


def test_a_link_that_leads_outside_is_refused_unless_followed(root: Path, mw: Run) -> None:
    write(root, {"secret": "outside", "d/in": "in"})
    (root / "d/out").symlink_to("../secret")
    with pytest.raises(InvalidInput, match="not inside the dataset"):
        mw("add", "d")
    assert mw("add", "d", "--follow", "--json")["files"] == 2
    mw("get", "d", "out", "-o", "copy")
    assert (root / "copy").read_text() == "outside"
    assert mw("add", "d", "--json")["new"] is False, "followed as before"
    (root / "d/out").unlink()
    (root / "d/out").symlink_to("in")
    mw("add", "d", "--no-follow")
    mw("checkout", "d@1")
    mw("checkout", "d@2")
    assert (root / "d/out").is_symlink()
    write(root, {"e/in": "in"})
    (root / "e/absolute").symlink_to("/etc/hostname")
    with pytest.raises(InvalidInput, match="not inside the dataset"):
        mw("add", "e")


def test_devices_and_pipes_are_refused_by_name(root: Path, mw: Run) -> None:
    write(root, {"d/f": "f"})
    os.mkfifo(root / "d/pipe")
    with pytest.raises(InvalidInput, match="'pipe' is neither"):
        mw("add", "d")
    write(root, {".mwignore": "pipe\n"})
    assert mw("add", "d", "--json")["files"] == 1


def test_large_and_empty_files_come_back_whole(root: Path, mw: Run) -> None:
    large = os.urandom(5 << 20)
    write(root, {"d/large": large, "d/empty": b""})
    mw("add", "d")
    write(root, {"d/large": large[:1000] + b"inserted" + large[1000:]})
    mw("add", "d")
    mw("checkout", "d@1")
    assert (root / "d/large").read_bytes() == large
    assert (root / "d/empty").read_bytes() == b""
    mw("get", "d@2", "large", "--range", "990:1020", "-o", "part")
    assert (root / "part").read_bytes() == large[990:1000] + b"inserted" + large[1000:1012]


def test_one_file_and_several_files_are_datasets_too(root: Path, mw: Run) -> None:
    write(root, {"model.bin": "weights", "x/one.jpg": "1", "x/two.jpg": "2", "x/other": "no"})
    assert mw("add", "model.bin", "--json")["name"] == "model"
    mw("add", "x/one.jpg", "x/two.jpg", "--name", "pair")
    assert {one["name"]: one["files"] for one in mw("status", "--json")} == {"model": 1, "pair": 2}
    for name in ("model.bin", "x/one.jpg"):
        (root / name).unlink()
    mw("checkout")
    assert (root / "model.bin").read_text() == "weights"
    assert (root / "x/one.jpg").read_text() == "1"
    assert [one["name"] for one in mw("ls", "pair", "--json")] == ["one.jpg", "two.jpg"]


def test_what_is_kept_is_write_protected_until_unprotected(photos: Path, mw: Run) -> None:
    mw("add", "photos")
    assert not (photos / "a.txt").stat().st_mode & 0o222
    assert "3 files can be written" in mw("unprotect", "photos")
    with (photos / "a.txt").open("w") as file:
        file.write("edited in place")
    (found,) = mw("status", "--json")
    assert found["modified"] == ["a.txt"]
    mw("checkout", "photos", "--force")
    assert (photos / "a.txt").read_text() == "a"


def test_protection_stops_root_where_the_file_system_can(
    photos: Path, mw: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLWRIGHT_PROTECT", "immutable")
    mw("add", "photos")
    try:
        with (photos / "a.txt").open("r+") as file:
            file.write("root can")
    except PermissionError:
        mw("unprotect", "photos/a.txt")
        (photos / "a.txt").write_text("now")
        assert mw("status", "--json")[0]["modified"] == ["a.txt"]
    else:
        pytest.skip("not root, or the file system has no immutable attribute")
    finally:
        mw("unprotect", "photos")
        subprocess.run(["chattr", "-R", "-i", ".millwright"], check=False, capture_output=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_protection_stops_the_owner(photos: Path, mw: Run) -> None:
    os.chown(photos / "a.txt", 65534, 65534)
    photos.chmod(0o755)

    def may(command: str) -> bool:
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=photos, user=65534, capture_output=True, check=False
        )
        return done.returncode == 0

    assert may("echo x >> a.txt")
    mw("add", "photos")
    assert may("cat a.txt")
    assert not may("echo y >> a.txt")


def test_adding_costs_no_second_copy(root: Path, mw: Run) -> None:
    write(root, {f"d/{n}": os.urandom(300_000) for n in range(10)})
    before = used(root)
    mw("add", "d")
    assert used(root) <= before * 1.02 + 300_000


def used(root: Path) -> int:
    seen: dict[int, int] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            found = (Path(folder) / name).lstat()
            if stat.S_ISREG(found.st_mode):
                seen[found.st_ino] = found.st_blocks * 512
    return sum(seen.values())


def test_names_that_are_not_there_are_answered_with_the_nearest(photos: Path, mw: Run) -> None:
    mw("add", "photos")
    with pytest.raises(NotFound, match="Did you mean 'photos'"):
        mw("status", "fotos")
    with pytest.raises(NotFound, match="Did you mean 'photos'"):
        mw("checkout", "photoss@1")
    with pytest.raises(NotFound, match="no version 7"):
        mw("checkout", "photos@7")
    with pytest.raises(InvalidInput, match="--name winds"):
        mw("add", "winds", "photos")
    with pytest.raises(InvalidInput, match="holds the workspace itself"):
        mw("add", ".")


def test_two_folders_of_one_name_need_names(root: Path, mw: Run) -> None:
    write(root, {"a/img/x": "1", "b/img/x": "2"})
    mw("add", "a/img")
    with pytest.raises(Conflict, match="is the dataset of a/img"):
        mw("add", "b/img")
    mw("add", "b/img", "--name", "other")
    assert len(mw("status", "--json")) == 2


def test_a_version_is_browsed_without_checking_it_out(photos: Path, mw: Run) -> None:
    mw("add", "photos")
    subprocess.run(["rm", "-rf", str(photos)], check=True)
    assert [i["name"] for i in mw("ls", "photos", "--json")] == ["a.txt", "b.txt", "sub"]
    assert [i["name"] for i in mw("ls", "photos@1", "sub", "--json")] == ["c.txt"]
    assert [i["name"] for i in mw("ls", "photos", "**/*.txt", "--json")] == [
        "a.txt", "b.txt", "sub/c.txt",
    ]  # fmt: skip
    assert mw("du", "photos", "--json") == {
        "files": 3, "size": 6, "folders": [{"name": "sub", "files": 1, "size": 3}],
    }  # fmt: skip
    mw("get", "photos", "-o", "copy")
    assert content(Path("copy")) == {"a.txt": "a", "b.txt": "bb", "sub/c.txt": "ccc"}
    assert (Path("copy") / "a.txt").stat().st_mode & 0o200
    with pytest.raises(NotFound, match="has no 'nope'"):
        mw("get", "photos", "nope")
    with pytest.raises(Conflict, match="already"):
        mw("get", "photos", "-o", "copy")


def test_branches_are_lines_of_their_own(photos: Path, mw: Run) -> None:
    mw("add", "photos")
    mw("branch", "photos", "trial")
    mw("checkout", "photos@trial")
    write(photos, {"trial": "t"})
    kept = mw("add", "photos", "--json")
    assert (kept["version"], kept["branch"]) == (2, "trial")
    mw("checkout", "photos@main")
    assert not (photos / "trial").exists()
    write(photos, {"main": "m"})
    kept = mw("add", "photos", "--json")
    assert (kept["version"], kept["branch"]) == (3, "main")
    log = {one["version"]: one["parents"] for one in mw("log", "photos", "--json")}
    assert log == {1: [], 2: [1], 3: [1]}
    mw("tag", "photos@2", "gold")
    mw("checkout", "photos@gold")
    assert (photos / "trial").exists()
    assert [one["version"] for one in mw("log", "photos@trial", "--json")] == [2, 1]


def test_git_brings_the_manifest_and_checkout_the_files(photos: Path, mw: Run) -> None:
    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    git("init", "-q", "-b", "main")
    mw("add", "photos")
    git("add", "-A")
    assert git("diff", "--cached", "--name-only").split() == [".gitignore", "photos.mw"]
    git("commit", "-qm", "one")
    write(photos, {"a.txt": "second"})
    mw("add", "photos")
    git("commit", "-qam", "two")
    git("checkout", "-q", "HEAD~1")
    assert "photos.mw names photos@1" in mw("status")
    mw("checkout")
    assert (photos / "a.txt").read_text() == "a"
    git("checkout", "-q", "main")
    mw("checkout", "photos")
    assert (photos / "a.txt").read_text() == "second"
    assert git("status", "--porcelain") == ""


def test_files_are_kept_and_brought_back_without_loading_a_database_or_a_web_framework(
    photos: Path,
) -> None:
    script = (
        "import sys; from click.testing import CliRunner; from millwright.data.commands import data\n"
        "for words in (['add', 'photos'], ['status'], ['checkout', 'photos@1'], ['log', 'photos'],"
        " ['ls', 'photos'], ['diff', 'photos']):\n"
        "    done = CliRunner().invoke(data, words); assert done.exit_code == 0, done.output\n"
        "print({'sqlalchemy', 'fastapi', 'pydantic', 'httpx', 'numpy', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_a_link_in_place_of_a_folder_is_not_written_through(photos: Path, mw: Run) -> None:
    mw("add", "photos")
    (photos / "sub/c.txt").unlink()
    (photos / "sub").rmdir()
    elsewhere = photos.parent / "elsewhere"
    elsewhere.mkdir()
    (photos / "sub").symlink_to("../elsewhere")
    with pytest.raises(Conflict, match="sub"):
        mw("checkout", "photos")
    assert list(elsewhere.iterdir()) == []


def test_what_was_erased_stays_erased(photos: Path, mw: Run) -> None:
    from millwright.data import trees
    from millwright.data.trees import Entry, Kind, Tombstone
    from millwright.data.working.copies import WorkingCopy
    from millwright.data.working.ledger import Draft

    mw("add", "photos")
    with WorkingCopy.opened() as copy:
        version = copy.version_of("photos")
        note = Tombstone("2024-01-01T00:00:00Z", "asked to", "me", 1).to_bytes()
        digest = bytes.fromhex(copy.place.objects.put(note))
        erased = {b"a.txt": Entry(Kind.ERASED, len(note), digest)}
        built = trees.edit(copy.place.trees, bytes.fromhex(version.digest), erased)
        copy.place.trees.keep(built)
        copy.ledger.keep(Draft("photos", built.root, 3, 5, "main", None, "", "", 0))
    assert "1 file had been erased" in mw("checkout", "photos@2")
    assert not (photos / "a.txt").exists()
    assert mw("status", "--json")[0]["clean"]
    write(photos, {"more": "m"})
    mw("add", "photos")
    kinds = {one["name"]: one["kind"] for one in mw("ls", "photos", "--json")}
    assert kinds["a.txt"] == "erased"


def test_a_version_taken_elsewhere_leaves_the_dataset_where_it_was(
    root: Path, mw: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write(root, {"z/a": "one"})
    mw("add", "z")
    write(root, {"z/a": "two"})
    mw("add", "z")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "there"
    mw("checkout", "z@1", "--to", str(elsewhere))
    mw("checkout", "z@1", "--to", "among")
    assert (elsewhere / "a").read_text() == (root / "among/a").read_text() == "one"
    assert (root / "z/a").read_text() == "two"
    mw("checkout", "z@1")
    assert (root / "z/a").read_text() == "one"
    assert "no changes" in mw("status", "z")


def test_python_and_fsspec_know_the_project_of_a_working_copy(root: Path, mw: Run) -> None:
    write(root, {"photos/sub/a": "one"})
    mw("add", "photos")
    with millwright.dataset("photos@1").open("sub/a") as file:
        assert file.read() == b"one"
    assert fsspec.filesystem("mw").cat_file("photos@1/sub/a") == b"one"


def test_a_diff_says_when_a_file_became_executable_or_a_link(root: Path, mw: Run) -> None:
    write(root, {"d/run": "x", "d/other": "x"})
    mw("add", "d")
    mw("unprotect", "d")
    (root / "d/run").chmod(0o755)
    (root / "d/other").unlink()
    (root / "d/other").symlink_to("run")
    told = mw("diff", "d")
    assert "run  1 B → 1 B  (file → executable)" in told
    assert "other  1 B → 3 B  (file → link)" in told
    mw("add", "d")
    (link, run) = mw("diff", "d@1", "@2", "--json")["changes"]
    assert (link["kind_after"], run["kind_after"]) == ("link", "executable")
