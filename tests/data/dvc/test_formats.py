"""DVC's files and folder lists, held against what DVC 2.58 and 3.67 wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.data.dvc import config, dir_objects, hashing
from millwright.data.dvc.files import DvcFile, inside, stages
from millwright.kernel.errors import Corrupt, InvalidInput

IMPORTED = """\
md5: 8efb09d211f48965d3f3f35882203a99
frozen: true
deps:
- path: d
  repo:
    url: .
    rev_lock: d47c33ce21d8cc185c6dbcdf6e2cca468198c63e
outs:
- md5: 430319784a50c9072ee2d03deddde4a0.dir
  size: 16
  nfiles: 3
  hash: md5
  path: imp
"""
IMPORTED_FROM_A_FOLDER = """\
md5: 33fdb5d8081f5532599486466e26ceed
frozen: true
deps:
- md5: 430319784a50c9072ee2d03deddde4a0.dir
  size: 16
  nfiles: 3
  hash: md5
  path: d
outs:
- md5: 430319784a50c9072ee2d03deddde4a0.dir
  size: 16
  nfiles: 3
  hash: md5
  path: iu
"""
EXECUTABLE = """\
outs:
- md5: 3e2b31c72181b87149ff995e7202c0e3
  size: 10
  isexec: true
  hash: md5
  path: x.sh
"""
OF_DVC_2 = """\
outs:
- md5: 24d3498a70c5dbedd66e28fb911106f3.dir
  size: 1200027
  nfiles: 7
  path: raw
"""
LISTED = (
    b'[{"md5": "d644a230f3ef20b00879aaceb61790af", "relpath": "a.txt"}, '
    b'{"md5": "d644a230f3ef20b00879aaceb61790af", "relpath": "link"}, '
    b'{"md5": "3e2b31c72181b87149ff995e7202c0e3", "relpath": "run.sh"}, '
    b'{"md5": "9dd4e461268c8034f5c8564e155c67a6", "relpath": "sub/\\u00fcn\\u00ef.bin"}]'
)
"""A folder's list as DVC 3.67 wrote it, under the name below."""
LISTED_NAME = "2b786b7670f9ac1c5278b9c6cb3e0357.dir"


@pytest.mark.parametrize("text", [IMPORTED, IMPORTED_FROM_A_FOLDER, EXECUTABLE, OF_DVC_2])
def test_a_file_is_written_back_byte_for_byte_with_its_checksum(text: str) -> None:
    assert DvcFile.read(text, "x.dvc").text() == text


def test_formats_are_told_apart() -> None:
    assert DvcFile.read(OF_DVC_2, "raw.dvc").outs[0].hash == "md5-dos2unix"
    assert DvcFile.read(EXECUTABLE, "x.dvc").outs[0].hash == "md5"


def test_unknown_fields_are_kept() -> None:
    text = EXECUTABLE + "  desc: what it is\n  remote: far\nmeta:\n  owner: me\n"
    assert DvcFile.read(text, "x.dvc").text() == text


def test_a_folder_s_list_has_dvc_s_name() -> None:
    entries = dir_objects.parse(LISTED)
    assert dir_objects.render(entries) == LISTED
    assert dir_objects.name_of(LISTED) == LISTED_NAME


names = st.text(st.characters(exclude_characters="/\\\x00", exclude_categories=["Cs"]), min_size=1)
paths = st.lists(names.filter(lambda n: n not in (".", "..")), min_size=1, max_size=3).map("/".join)
md5s = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(st.dictionaries(paths, md5s))
def test_folder_lists_are_what_json_with_sorted_keys_writes(files: dict[str, str]) -> None:
    entries = [dir_objects.Entry(path, md5) for path, md5 in files.items()]
    rows = sorted(({"relpath": p, "md5": m} for p, m in files.items()), key=lambda r: r["relpath"])
    content = dir_objects.render(entries)
    assert content == json.dumps(rows, sort_keys=True).encode()
    assert dir_objects.parse(content) == sorted(entries)


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "", "a//b", "./a", "a\\..\\b", "a/", "\x00"]
)
def test_paths_that_leave_their_folder_are_refused(path: str) -> None:
    content = json.dumps([{"md5": "0" * 32, "relpath": path}]).encode()
    with pytest.raises(InvalidInput, match="does not stay inside"):
        dir_objects.parse(content)


@pytest.mark.parametrize(
    "content", [b"", b"{}x", b"[1]", b'[{"md5": "../../x", "relpath": "a"}]', b"[" * 100_000]
)
def test_damaged_lists_are_said_to_be(content: bytes) -> None:
    with pytest.raises(Corrupt):
        dir_objects.parse(content)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../b", ".git/hooks/x", ".", ""])
def test_outputs_outside_of_the_repository_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        inside("", ".", path, "x.dvc")


def test_a_working_folder_may_climb_as_long_as_the_output_stays_inside() -> None:
    assert inside("a/b", "../..", "data/x", "a/b/x.dvc") == "data/x"
    with pytest.raises(InvalidInput):
        inside("a", "../..", "x", "a/x.dvc")


@pytest.mark.parametrize(
    "text",
    [
        "outs: 3",
        "outs:\n- md5: ../../etc/passwd\n  path: x",
        "outs:\n- path:\n  - x",
        "outs:\n- md5: 3e2b31c72181b87149ff995e7202c0e3\n  size: -1\n  path: x",
        "outs:\n- md5: 3e2b31c72181b87149ff995e7202c0e3\n  hash: sha1\n  path: x",
        "- a",
        "wdir: 3",
    ],
)
def test_malformed_files_are_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"bad\.dvc"):
        DvcFile.read(text, "bad.dvc")


def test_stages_take_their_digests_from_the_lock() -> None:
    pipeline = "stages:\n  train:\n    cmd: python t.py\n    deps:\n    - d\n    outs:\n    - m:\n        cache: false\n    - n\n"
    lock = (
        "schema: '2.0'\nstages:\n  train:\n    cmd: python t.py\n    outs:\n"
        "    - path: n\n      hash: md5\n      md5: 3e2b31c72181b87149ff995e7202c0e3\n      size: 10\n"
    )
    (stage,) = stages(pipeline, lock, "dvc.yaml")
    assert [(out.path, out.md5, out.cached) for out in stage.outs] == [
        ("m", None, False),
        ("n", "3e2b31c72181b87149ff995e7202c0e3", True),
    ]
    assert stage.command == stage.locked_command


def test_text_is_hashed_as_dvc_2_did(tmp_path: Path) -> None:
    # The digest DVC 2.58 and 3.67 gave b"a\r\nb\n": the one of the bytes with line ends made one.
    file = tmp_path / "a.txt"
    file.write_bytes(b"a\r\nb\n")
    assert hashing.md5_of_file(str(file), "md5", 5) == "d644a230f3ef20b00879aaceb61790af"
    assert hashing.md5_of_file(str(file), "md5-dos2unix", 5) == hashing.md5_of(b"a\nb\n")
    file.write_bytes(b"a\r\n\x00")
    assert hashing.md5_of_file(str(file), "md5-dos2unix", 4) == hashing.md5_of(b"a\r\n\x00")


sections = st.dictionaries(
    st.sampled_from(["core", "cache", 'remote "up"', 'remote "my remote"']),
    st.dictionaries(
        st.sampled_from(["url", "remote", "type"]),
        st.text("abc/:. ,#-_", max_size=12).map(str.strip),
        min_size=1,
    ),
)


@given(sections)
def test_configuration_is_read_as_it_was_written(written: config.Sections) -> None:
    assert config.parse(config.render(written), "config") == written
