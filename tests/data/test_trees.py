"""Merkle manifests against a dictionary: the same content is the same root, however it came about."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millwright.data import trees
from millwright.data.trees import Change, Entry, Kind, NodesInMemory
from millwright.data.trees.boundaries import LARGEST, SMALLEST
from millwright.data.trees.reading import has_below
from millwright.kernel.errors import Corrupt, InvalidInput

Content = dict[bytes, Entry]
steady = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def entry(seed: object, kind: int = Kind.FILE, size: int = 7) -> Entry:
    return Entry(kind, size, blake3(repr(seed).encode()).digest())


class Counting:
    """Nodes that count how many were read."""

    def __init__(self, nodes: dict[bytes, bytes]) -> None:
        self.nodes, self.reads = nodes, 0

    def read_many(self, digests: Sequence[bytes]) -> list[bytes]:
        self.reads += len(digests)
        return [self.nodes[digest] for digest in digests]


def many(count: int) -> Content:
    return {b"d%02d/%05d" % (i % 13, i): entry(i) for i in range(count)}


NAMES = st.sampled_from(["a", "b", "é", "日本", "a-b", "a.b", "A", "x y", "0"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
ENTRIES = st.builds(entry, st.integers(0, 5), st.sampled_from([0, 1, 2]), st.integers(0, 9))
CONTENTS = st.dictionaries(PATHS, ENTRIES, max_size=40).map(
    lambda found: without_clashes({path.encode(): value for path, value in found.items()})
)


def without_clashes(content: Content) -> Content:
    return {
        path: value
        for path, value in content.items()
        if not any(other.startswith(path + b"/") for other in content)
    }


def numbered(choice: Sequence[int], salt: str) -> Content:
    return {b"f/%04d" % number: entry((salt, number)) for number in choice}


@steady
@given(CONTENTS)
def test_what_was_built_is_read_back_in_the_order_of_the_paths(content: Content) -> None:
    built = trees.build(content)
    nodes = NodesInMemory(built.nodes)
    assert list(trees.walk(nodes, built.root)) == sorted(content.items())
    assert all(trees.lookup(nodes, built.root, path) == value for path, value in content.items())
    assert trees.lookup(nodes, built.root, b"a/none") is None
    assert trees.totals(nodes, built.root) == (
        len(content),
        sum(value.size for value in content.values()),
    )


@steady
@given(
    st.sets(st.integers(0, 900), max_size=700),
    st.sets(st.integers(0, 900), max_size=60),
    st.sets(st.integers(0, 900), max_size=60),
)
def test_an_edited_manifest_is_the_one_built_afresh(
    first: set[int], removed: set[int], put: set[int]
) -> None:
    before = numbered(sorted(first), "old")
    changes: dict[bytes, Entry | None] = {b"f/%04d" % number: None for number in removed}
    changes.update(numbered(sorted(put), "new"))
    after = {path: value for path, value in (before | changes).items() if value is not None}
    built = trees.build(before)
    edited = trees.edit(NodesInMemory(built.nodes), built.root, changes)
    assert edited.root == trees.build(after).root
    together = NodesInMemory(built.nodes | edited.nodes)
    assert dict(trees.walk(together, edited.root)) == after
    assert not edited.nodes.keys() & built.nodes.keys()


@steady
@given(st.sets(st.integers(0, 2999), max_size=900), st.booleans())
def test_folders_are_told_from_files(numbers: set[int], deep: bool) -> None:
    form = b"d/%03d/%02d" if deep else b"%03d/%02d"
    content = {form % divmod(number, 30): entry(number) for number in numbers}
    built = trees.build(content)
    asked = sorted({*content, *(form.rpartition(b"/")[0] % n for n in range(100)), b"d", b"e"})
    folders = {path.rpartition(b"/")[0] for path in content} | (
        {b"d"} if deep and content else set()
    )
    below = has_below(NodesInMemory(built.nodes), built.root, asked)
    assert below == sorted(folders)


@steady
@given(CONTENTS, CONTENTS)
def test_a_diff_is_that_of_the_dictionaries(old: Content, new: Content) -> None:
    before, after = trees.build(old), trees.build(new)
    nodes = NodesInMemory(before.nodes | after.nodes)
    found = trees.diff(nodes, before.root, after.root)
    assert sorted(found.changes()) == [
        Change(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]
    for gone, come in found.renamed:
        assert gone.before is not None
        assert come.after is not None
        assert gone.before.digest == come.after.digest
    assert all(change.before and change.after for change in found.modified)


@steady
@given(CONTENTS, CONTENTS, CONTENTS)
def test_a_merge_takes_both_sides_and_names_what_both_changed(
    base: Content, ours: Content, theirs: Content
) -> None:
    built = [trees.build(content) for content in (base, ours, theirs)]
    nodes = NodesInMemory({k: v for one in built for k, v in one.nodes.items()})
    merged = trees.merge(nodes, *(one.root for one in built))
    everything = NodesInMemory(merged.nodes, nodes)
    result = dict(trees.walk(everything, merged.root))
    conflicts = {conflict.path for conflict in merged.conflicts}
    for path in base.keys() | ours.keys() | theirs.keys():
        was, mine, other = base.get(path), ours.get(path), theirs.get(path)
        if path in conflicts or other == was:
            assert result.get(path) == mine
        elif mine in (was, other):
            assert result.get(path) == other
        else:
            raise AssertionError(f"{path!r} was changed by both and is no conflict")


@steady
@given(CONTENTS, PATHS)
def test_a_folder_is_listed_with_what_is_below_it(content: Content, folder: str) -> None:
    built = trees.build(content)
    nodes = NodesInMemory(built.nodes)
    for place in ("", folder):
        prefix = place + "/" if place else ""
        expected: dict[str, tuple[int, int]] = {}
        for path, value in content.items():
            if path.decode().startswith(prefix):
                name = path.decode()[len(prefix) :].split("/")[0]
                count, size = expected.get(name, (0, 0))
                expected[name] = (count + 1, size + value.size)
        found = list(trees.list_folder(nodes, built.root, place.encode()))
        assert {
            item.name: item.below or (1, item.entry.size if item.entry else 0) for item in found
        } == expected


@steady
@given(CONTENTS, st.sampled_from(["*", "a*", "**/b", "a/**", "?", "[ab]/*", "**", "a/b", "x y"]))
def test_a_pattern_finds_what_it_says(content: Content, pattern: str) -> None:
    built = trees.build(content)
    found = {p.decode() for p, _ in trees.glob(NodesInMemory(built.nodes), built.root, pattern)}
    assert found <= {path.decode() for path in content}
    if pattern == "**":
        assert len(found) == len(content)
    if "**" not in pattern:
        depth = pattern.count("/")
        assert found == {
            path
            for path in map(bytes.decode, content)
            if path.count("/") == depth and fnmatch.fnmatchcase(path, pattern)
        }


def test_a_change_rewrites_only_the_nodes_above_it() -> None:
    content = many(20_000)
    built = trees.build(content)
    edited = trees.edit(NodesInMemory(built.nodes), built.root, {b"d05/00005": entry("new")})
    assert len(built.nodes) > 300
    assert len(edited.nodes) <= 4


def test_a_diff_reads_only_what_differs() -> None:
    content = many(20_000)
    built = trees.build(content)
    edited = trees.edit(NodesInMemory(built.nodes), built.root, {b"d05/00005": entry("new")})
    nodes = Counting(built.nodes | edited.nodes)
    found = trees.diff(nodes, built.root, edited.root)
    assert [change.path for change in found.modified] == [b"d05/00005"]
    assert nodes.reads <= 8


def test_equal_versions_are_told_without_reading_anything() -> None:
    assert len(trees.diff(Counting({}), b"r" * 32, b"r" * 32)) == 0


def test_a_walk_can_be_resumed_anywhere() -> None:
    content = many(3000)
    built = trees.build(content)
    nodes = Counting(built.nodes)
    paths = sorted(content)
    resumed = trees.walk(nodes, built.root, after=paths[2899])
    assert [path for path, _ in resumed] == paths[2900:]
    assert nodes.reads < 12


def test_nodes_keep_their_sizes_whatever_the_paths() -> None:
    # A thousand paths of one length, and the same path grown by one letter at a time.
    for content in (many(5000), {b"x" * n: entry(n) for n in range(1, 3000)}):
        built = trees.build(content)
        counts = [
            len(trees.decode(node).keys)
            for node in built.nodes.values()
            if trees.decode(node).level == 0
        ]
        assert max(counts) <= LARGEST
        assert sorted(counts)[1] >= SMALLEST


def test_the_empty_dataset_has_a_root() -> None:
    built = trees.build({})
    nodes = NodesInMemory(built.nodes)
    assert list(trees.walk(nodes, built.root)) == []
    grown = trees.edit(nodes, built.root, {b"a": entry(1)})
    assert grown.root == trees.build({b"a": entry(1)}).root
    emptied = trees.edit(NodesInMemory(grown.nodes), grown.root, {b"a": None})
    assert emptied.root == built.root


def test_a_path_is_not_both_a_file_and_a_folder() -> None:
    with pytest.raises(InvalidInput, match="'a' is a file"):
        trees.build({b"a": entry(1), b"a-b": entry(2), b"a/x": entry(3)})
    built = trees.build({b"a": entry(1), b"b/c": entry(2)})
    nodes = NodesInMemory(built.nodes)
    with pytest.raises(InvalidInput, match="'a' is a file"):
        trees.edit(nodes, built.root, {b"a/x": entry(3)})
    with pytest.raises(InvalidInput, match="'b' is a file"):
        trees.edit(nodes, built.root, {b"b": entry(3)})
    assert trees.edit(nodes, built.root, {b"a": None, b"a/x": entry(3)}).root


HOSTILE = [
    "", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "./a", "a/.", "a\0b", ".git/config",
    "a/.GIT/hooks/x", ".git./x", ".g\u200cit/x", "git~1/x", ".git::$INDEX_ALLOCATION/x",
    ".millwright/journal.db", "\ud800", "n" * 256, "/".join(["d" * 200] * 25),
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE, ids=range(len(HOSTILE)))
def test_a_path_that_leads_outside_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        trees.check_path(path)


def test_ordinary_and_odd_names_are_kept() -> None:
    for path in (
        "a b/ü.txt",
        ".gitignore",
        "git/x",
        "-rf",
        "a\nb",
        "con",
        "..a",
        "日本/語",
        "n" * 255,
    ):
        assert trees.check_path(path) == path.encode()


def test_a_link_may_point_inside_only() -> None:
    for path, target in (("a/link", "../b"), ("link", "x/y"), ("a/b/link", "../../c")):
        assert trees.check_target(path, target) == target
    for path, target in (
        ("link", "../x"), ("a/link", "../../x"), ("link", "/etc"), ("a/link", "b/../../.."),
        ("link", ""), ("link", ".git/config"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            trees.check_target(path, target)


def test_bytes_that_are_no_node_are_refused() -> None:
    built = trees.build(many(20))
    content = built.nodes[built.root]
    for broken in (b"", b"MWT1", content[:-1], content + b"x", b"XXXX" + content[4:]):
        with pytest.raises(Corrupt):
            trees.decode(broken)


def test_every_node_of_a_version_is_named_once() -> None:
    built = trees.build(many(5000))
    edited = trees.edit(NodesInMemory(built.nodes), built.root, {b"d05/00005": entry("new")})
    nodes = NodesInMemory(built.nodes | edited.nodes)
    seen: set[bytes] = set()
    assert set(trees.node_digests(nodes, built.root, seen)) == built.nodes.keys()
    assert set(trees.node_digests(nodes, edited.root, seen)) == edited.nodes.keys()


def test_the_bytes_of_a_node_are_those_written_down() -> None:
    # docs/formats.md, "Trees", by hand.
    digest = bytes(range(32))
    built = trees.build({b"p/a": Entry(0, 5, digest), b"p/b": Entry(1, 6, digest)})
    content = (
        b"MWT1" + bytes([0, 4]) + (2).to_bytes(2, "little") + (2).to_bytes(4, "little")
        + (3).to_bytes(4, "little") + b"p/" + b"a\0b" + digest + digest
        + (5).to_bytes(4, "little") + (6).to_bytes(4, "little") + bytes([0, 1])
    )  # fmt: skip
    assert built.nodes == {blake3(content).digest(): content}
