"""YAML as DVC's files use it: read fast where plain, safely where rich, and written back."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from millwright.data.dvc import plain_yaml
from millwright.data.dvc.rich_yaml import Loader
from millwright.kernel.errors import InvalidInput

ODD_WORDS = """
yes no on null ~ 1 1.5 -3 1e3 0x1f 2024-01-01 12:30 1_000 0b11 .inf . .. = << # a: 'q' "q" a/b.csv
7420f10092bd753e16213a374f11a018.dir 1234567890e12345
"""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = st.one_of(
    texts,
    st.sampled_from(ODD_WORDS.split()),
    st.sampled_from(["a: b", "a #b", "- x", "x y", " x", "x "]),
)
scalars = st.one_of(
    words, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False)
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=15,
)


@given(trees)
def test_what_is_written_is_read_back(tree: object) -> None:
    assert plain_yaml.load(plain_yaml.dump(tree)) == tree


@given(trees)
def test_another_reader_reads_the_same(tree: object) -> None:
    assert yaml.load(plain_yaml.dump(tree), Loader=Loader) == tree


@given(st.lists(st.sampled_from(["a: 1", "b:", "  c: x", "- d", "  - e: f", "g: [1]", "'h': i"])))
def test_the_fast_reader_agrees_with_the_safe_one_or_gives_way(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        expected = yaml.load(text, Loader=Loader)
    except yaml.YAMLError:
        with pytest.raises(InvalidInput):
            plain_yaml.load(text)
        return
    assert plain_yaml.load(text) == expected


def test_rich_documents_are_read_by_the_rules_of_yaml_1_2() -> None:
    text = "stages: &s {a: yes, b: 2024-01-01, c: 0x10}\nother:\n  <<: *s\n  d: |\n    text\n"
    assert plain_yaml.load(text)["other"] == {
        "a": "yes",
        "b": "2024-01-01",
        "c": 16,
        "d": "text\n",
    }


def test_aliases_that_expand_without_end_are_refused() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(InvalidInput, match="expand"):
        plain_yaml.load("\n".join(levels), "dvc.yaml")


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(InvalidInput):
        plain_yaml.load("[" * 5000 + "]" * 5000)
    with pytest.raises(InvalidInput):
        plain_yaml.load("a: &a [*a]")


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.system [x]", "a: b: c", "\x00"])
def test_code_and_nonsense_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        plain_yaml.load(text)
