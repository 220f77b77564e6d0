"""An encrypted remote tells its keeper nothing, and believes nothing that it altered."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from millwright.kernel.errors import Corrupt, InvalidInput, Unavailable
from millwright.kernel.remotes.encryption import EncryptedRemote, read_key
from millwright.kernel.remotes.folder import FolderRemote

CONTENT = random.Random(3).randbytes(200_000)


@pytest.fixture
def plain(tmp_path: Path) -> FolderRemote:
    return FolderRemote(tmp_path / "remote")


def test_neither_bytes_nor_names_are_there_to_read(plain: FolderRemote) -> None:
    sealed = EncryptedRemote(plain, b"k" * 32)
    sealed.put("p/packs/abcdef0123", b"marker-of-the-content" * 10_000)
    sealed.put("p/heads/patients", b"marker-of-the-content")
    names = [entry.key for entry in plain.list("")]
    held = b"".join(plain.get(name) or b"" for name in names)
    assert b"marker" not in held
    assert not any("abcdef" in name or "patients" in name for name in names)


def test_equal_bytes_do_not_look_equal(plain: FolderRemote) -> None:
    sealed = EncryptedRemote(plain, b"k" * 32)
    sealed.put("p/a", CONTENT)
    sealed.put("p/b", CONTENT)
    first, second = (plain.get(entry.key) for entry in plain.list(""))
    assert first != second


@pytest.mark.parametrize("position", [0, 5, 25, 70_000, 200_000, -1])
def test_an_altered_byte_is_found(plain: FolderRemote, position: int) -> None:
    sealed = EncryptedRemote(plain, b"k" * 32)
    sealed.put("p/a", CONTENT)
    name = sealed.concealed("p/a")
    held = bytearray(plain.get(name) or b"")
    held[position] ^= 1
    plain.put(name, bytes(held))
    with pytest.raises(Corrupt):
        sealed.get("p/a")


def test_a_cut_swapped_or_renamed_object_is_found(plain: FolderRemote, tmp_path: Path) -> None:
    sealed = EncryptedRemote(plain, b"k" * 32)
    sealed.put("p/a", CONTENT)
    sealed.put("p/b", b"other")
    name = sealed.concealed("p/a")
    held = plain.get(name) or b""
    frame = (1 << 16) + 16
    for altered in (held[: 20 + frame], held[:20] + held[20 + frame :], held[:20]):
        plain.put(name, altered)
        with pytest.raises(Corrupt):
            sealed.get("p/a")
        with pytest.raises(Corrupt):
            sealed.download("p/a", tmp_path / "target")
    plain.put(name, plain.get(sealed.concealed("p/b")) or b"")
    with pytest.raises(Corrupt):
        sealed.get("p/a")


def test_another_key_opens_nothing(plain: FolderRemote) -> None:
    EncryptedRemote(plain, b"k" * 32).put("p/a", CONTENT)
    other = EncryptedRemote(plain, b"x" * 32)
    assert other.get("p/a") is None
    with pytest.raises(Corrupt):
        other.get(next(plain.list("")).key)


def test_keys_are_given_by_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "00" * 32)
    assert read_key("env:A_KEY") == bytes(32)
    (tmp_path / "key").write_text("11" * 32 + "\n")
    assert read_key(f"file:{tmp_path / 'key'}") == b"\x11" * 32
    with pytest.raises(Unavailable):
        read_key("env:NOT_SET_ANYWHERE")
    monkeypatch.setenv("A_KEY", "secret")
    for reference in ("env:A_KEY", "00" * 32, "env:"):
        with pytest.raises(InvalidInput) as caught:
            read_key(reference)
        assert "secret" not in str(caught.value)
        assert "0000" not in str(caught.value)
