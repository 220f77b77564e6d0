"""Sealed secrets: opened by whoever has the key, for whom they were sealed, and unchanged."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.errors import Corrupt, InvalidInput
from millwright.kernel.sealing import is_sealed, key_of, seal, unseal
from millwright.kernel.workspace import Workspace

KEYS = st.binary(min_size=32, max_size=32)
TEXT = st.text(max_size=200)


@given(KEYS, TEXT, TEXT)
def test_what_is_sealed_is_opened_again(key: bytes, text: str, about: str) -> None:
    sealed = seal(key, text, about)
    assert is_sealed(sealed)
    assert unseal(key, sealed, about) == text


@given(KEYS, KEYS, TEXT, TEXT, TEXT)
def test_another_key_or_another_owner_opens_nothing(
    key: bytes, other: bytes, text: str, about: str, elsewhere: str
) -> None:
    sealed = seal(key, text, about)
    for wrong, owner in ((other, about), (key, elsewhere)):
        if (wrong, owner) != (key, about):
            with pytest.raises(Corrupt):
                unseal(wrong, sealed, owner)


@given(KEYS, st.text(min_size=1, max_size=50), st.data())
def test_a_changed_bit_is_found_out(key: bytes, text: str, data: st.DataObject) -> None:
    sealed = seal(key, text, "a")
    raw = bytearray(base64.b64decode(sealed.removeprefix("sealed:1:")))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place // 8] ^= 1 << place % 8
    with pytest.raises(Corrupt):
        unseal(key, "sealed:1:" + base64.b64encode(raw).decode(), "a")


@pytest.mark.parametrize("sealed", ["sealed:1:", "sealed:1:AAAA", "sealed:1:no base64!"])
def test_what_is_no_sealed_text_is_refused(sealed: str) -> None:
    with pytest.raises(Corrupt):
        unseal(bytes(32), sealed, "a")


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    key = key_of(workspace)
    assert key_of(workspace) == key
    file = tmp_path / ".millwright" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.glob("secret*")] == ["secret.key"]


def test_the_environment_names_a_key_for_several_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLWRIGHT_SECRET_KEY", "ab" * 32)
    assert key_of(Workspace(tmp_path)) == b"\xab" * 32
    monkeypatch.setenv("MILLWRIGHT_SECRET_KEY", "short")
    with pytest.raises(InvalidInput, match="64 hexadecimal digits"):
        key_of(Workspace(tmp_path))
