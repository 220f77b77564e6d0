"""Addresses are checked before anything is opened, and never carry a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.errors import InvalidInput
from millwright.kernel.remotes import parse_address
from millwright.kernel.remotes.addresses import parse_endpoint
from millwright.kernel.remotes.keys import original, stored


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/a//b/", "s3://bucket/a/b"),
        ("gs://bucket/a", "gs://bucket/a"),
        ("az://container/a", "az://container/a"),
        ("file:///srv/store", "file:///srv/store"),
        ("file:///srv/a%20b", "file:///srv/a b"),
    ],
)
def test_an_address_has_one_form(text: str, shown: str) -> None:
    assert parse_address(text).text == shown


def test_a_relative_folder_is_taken_from_the_project(tmp_path: Path) -> None:
    assert parse_address("store", base=tmp_path).path == str(tmp_path / "store")


@pytest.mark.parametrize(
    "text",
    [
        "s3://key:secret@bucket/a",
        "s3://secret@bucket",
        "s3://bucket?token=secret",
        "https://user:secret@host/store",
        "ssh://host/secret",
        "s3://",
        "file://host/secret",
        "",
    ],
)
def test_what_is_no_address_or_holds_a_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_address(text)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(caught.value.value)


@pytest.mark.parametrize("text", ["ftp://host", "http://", "http://user:secret@host", "host:9000"])
def test_an_endpoint_is_an_address_without_credentials(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_endpoint(text)
    assert "secret" not in str(caught.value)
    assert parse_endpoint("http://127.0.0.1:9000/") == "http://127.0.0.1:9000"


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_every_key_has_a_safe_form_that_stands_for_it_alone(key: str) -> None:
    name = stored(key)
    assert original(name) == key
    assert name.isascii()
    assert all(part and part.strip(".") for part in name.split("/"))
