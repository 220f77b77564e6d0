"""What is looked at before a package becomes a version, and what proves later that it is the same."""

from __future__ import annotations

import io
import pickle
import sqlite3
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.door import Door
from millwright.kernel.errors import Corrupt, Forbidden, InvalidInput
from millwright.kernel.model_package import EncodedColumn, Encoding, Field, Manifest
from millwright.kernel.objects import digest_of
from millwright.kernel.workspace import Workspace
from millwright.registry import get_version, register
from millwright.registry.vetting.contents import examined, pickles
from millwright.registry.vetting.signing import (
    is_signed,
    project_key,
    public_key,
    signed,
    statement,
)

P = "flights"


class Boom:
    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("raise SystemExit",))


def archive(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as written:
        for name, content in files.items():
            written.writestr(name, content)
    return made.getvalue()


def package(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True)
    content = {"model.onnx": b"onnx", **{name.replace("_", "."): b for name, b in files.items()}}
    for name, part in content.items():
        (folder / name).write_bytes(part)
    manifest = Manifest(
        model="late",
        task="binary",
        classes=("no", "yes"),
        family="lightgbm",
        signature=(Field(name="x", kind="numeric"),),
        encoding=Encoding(columns=(EncodedColumn(field="x", how="number"),)),
        parity=1e-7,
        digests={name: digest_of(part) for name, part in content.items()},
        created_at="2013-04-01T00:00:00.000Z",
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return folder


def configure(door: Door, policy: str) -> None:
    text = f"project: {P}\ndata: {{source: a.csv, target: y}}\nregistry: {{{policy}}}\n"
    door.put(f"/projects/{P}", {"config": text})


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_known_by_its_content_and_is_never_loaded(protocol: int) -> None:
    found = list(pickles("weights.bin", pickle.dumps(Boom(), protocol)))
    assert [one.kind for one in found] == ["pickle"]
    assert "exec" in found[0].detail


@given(st.binary(max_size=300))
def test_any_bytes_can_be_looked_at(content: bytes) -> None:
    for head in (content, b"\x80\x04" + content, b"PK\x03\x04" + content, b"c" + content):
        list(examined({"f": lambda head=head: io.BytesIO(head)}))  # type: ignore[misc]


def test_what_an_archive_hides_is_found() -> None:
    hidden = archive(**{"data.pkl": pickle.dumps(Boom()), "code/model.py": b"import os"})
    plain = archive(**{"schema.json": b"{}"})
    found = examined({"a.zip": lambda: io.BytesIO(hidden), "b": lambda: io.BytesIO(plain)})
    assert [(one.file, one.kind) for one in found] == [
        ("a.zip!data.pkl", "pickle"),
        ("a.zip!code/model.py", "code"),
    ]


def test_what_runs_when_it_is_loaded_stands_with_the_version(door: Door, tmp_path: Path) -> None:
    clean = register(door, P, "late", package(tmp_path / "clean"))
    assert clean.findings == ()
    made = register(door, P, "late", package(tmp_path / "bad", w_bin=pickle.dumps(Boom())))
    assert [one.file for one in made.findings] == ["w.bin"]
    assert get_version(door, P, "late", made.version).findings == made.findings
    told = [e for e in door.get("/events") if e["kind"] == "model.version-registered"]
    assert [e["payload"]["findings"] for e in told] == [[], ["pickle: w.bin"]]


def test_a_project_can_refuse_what_runs_when_it_is_loaded(door: Door, tmp_path: Path) -> None:
    configure(door, "code: refuse")
    with pytest.raises(InvalidInput, match=r"w\.bin is pickle"):
        register(door, P, "late", package(tmp_path / "bad", w_bin=pickle.dumps(Boom())))
    with pytest.raises(InvalidInput, match=r"m\.py is code"):
        register(door, P, "late", package(tmp_path / "code", m_py=b"import os"))
    assert register(door, P, "late", package(tmp_path / "clean")).version == 1


def test_a_version_is_signed_and_what_was_changed_since_is_not_handed_out(
    door: Door, workspace: Workspace, tmp_path: Path
) -> None:
    one = register(door, P, "late", package(tmp_path / "one"))
    other = register(door, P, "late", package(tmp_path / "other", card_md=b"# other"))
    assert one.attestation is not None
    said = statement(P, "late", 1, one.manifest)
    assert is_signed(one.attestation.public_key, said, one.attestation.signature)
    with sqlite3.connect(workspace.state / "millwright.db") as database:
        database.execute(
            "UPDATE model_versions SET manifest = ? WHERE version = 1", (other.manifest,)
        )
    with pytest.raises(Corrupt, match="not what was signed"):
        get_version(door, P, "late", 1)
    assert get_version(door, P, "late", 2) == other


def test_unsigned_versions_are_refused_where_signatures_are_asked_for(
    door: Door, workspace: Workspace, tmp_path: Path
) -> None:
    made = register(door, P, "late", package(tmp_path / "one"))
    with sqlite3.connect(workspace.state / "millwright.db") as database:
        database.execute("DELETE FROM model_vettings")
    assert get_version(door, P, "late", 1).attestation is None
    configure(door, "require_signature: true")
    with pytest.raises(Forbidden, match="not signed with this project's key"):
        get_version(door, P, "late", made.version)


def test_each_project_has_a_key_of_its_own() -> None:
    keys = {public_key(project_key(bytes(32), project)) for project in ("a", "b", "")}
    keys |= {public_key(project_key(b"x" * 32, "a"))}
    assert len(keys) == 4
    key = project_key(bytes(32), "a")
    assert not is_signed("no key", b"x", signed(key, b"x"))
    assert not is_signed(public_key(key), b"x", "no signature")
