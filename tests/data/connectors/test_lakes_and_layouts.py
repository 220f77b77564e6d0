"""Delta Lake, Iceberg, Hugging Face folders, and other Millwrights as sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from millwright.data import Dataset, snapshot
from millwright.data.commands import data
from millwright.data.connectors.hugging_face import configurations
from millwright.data.connectors.importing import update
from millwright.kernel.door import Door, connect
from millwright.kernel.errors import InvalidInput, NotFound, Unavailable
from millwright.kernel.workspace import Workspace

TABLE = pa.table({"id": [1, 2], "name": ["a", "b"]})
MORE = pa.table({"id": [3], "name": ["c"]})


def ids(door: Door, name: str = "d") -> list[int]:
    return sorted(Dataset(door, "p", name).arrow()["id"].to_pylist())


def changes(door: Door) -> list[bool]:
    return [one.changed for one in update(door, "p")]


def test_a_delta_table_is_known_by_its_version(door: Door, tmp_path: Path, imported: Any) -> None:
    deltalake = pytest.importorskip("deltalake")
    deltalake.write_deltalake(str(tmp_path / "t"), TABLE)
    found = imported("t")
    assert (found.source.state.kind, found.source.state.value) == ("delta-version", "0")
    assert found.source.url == f"delta:{tmp_path}/t"
    assert ids(door) == [1, 2]
    assert changes(door) == [False]
    deltalake.write_deltalake(str(tmp_path / "t"), MORE, mode="append")
    assert changes(door) == [True]
    assert ids(door) == [1, 2, 3]
    with pytest.raises(NotFound, match="no Delta Lake table"):
        imported("delta:nothing")


def test_an_iceberg_table_is_known_by_its_snapshot(
    door: Door, tmp_path: Path, imported: Any
) -> None:
    catalogs = pytest.importorskip("pyiceberg.catalog")
    catalog = catalogs.load_catalog(
        "c", type="sql", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/w"
    )
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=TABLE.schema)
    table.append(TABLE)
    folder = Path(table.location().removeprefix("file://"))
    found = imported(folder)
    assert found.source.state.value == str(table.current_snapshot().snapshot_id)
    assert ids(door) == [1, 2]
    assert changes(door) == [False]
    table.append(MORE)
    assert changes(door) == [True]
    assert ids(door) == [1, 2, 3]
    with pytest.raises(NotFound, match="no Iceberg table"):
        imported("iceberg:nothing")


def hugging_face(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    pq.write_table(TABLE, folder / "data" / "train-00000-of-00002.parquet")
    pq.write_table(MORE, folder / "data" / "train-00001-of-00002.parquet")
    pq.write_table(MORE, folder / "data" / "test-00000-of-00001.parquet")


def test_an_iceberg_table_is_found_through_a_catalog(
    door: Door, tmp_path: Path, imported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyiceberg")
    from pyiceberg.catalog import load_catalog
    from pyiceberg.utils.config import Config

    for name, value in (
        ("TYPE", "sql"),
        ("URI", f"sqlite:///{tmp_path / 'catalog.db'}"),
        ("WAREHOUSE", (tmp_path / "warehouse").as_uri()),
    ):
        monkeypatch.setenv(f"PYICEBERG_CATALOG__SHOP__{name}", value)
    # It reads the environment once, when it is imported.
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
    catalog = load_catalog("shop")
    catalog.create_namespace("sales")
    table = catalog.create_table("sales.orders", schema=TABLE.schema)
    table.append(TABLE)
    found = imported("iceberg+catalog:shop/sales.orders")
    assert found.source.url == "iceberg+catalog:shop/sales.orders"
    assert found.source.state.value == str(table.current_snapshot().snapshot_id)
    assert changes(door) == [False]
    table.append(MORE)
    assert changes(door) == [True]
    assert ids(door) == [1, 2, 3]
    with pytest.raises(NotFound, match="no Iceberg table"):
        imported("iceberg+catalog:shop/sales.none")
    with pytest.raises(Unavailable, match="catalog 'nowhere' cannot be asked") as refused:
        imported("iceberg+catalog:nowhere/sales.orders")
    assert "PYICEBERG_CATALOG__" in (refused.value.hint or "")


def test_hugging_face_splits_are_one_table_with_their_names(
    door: Door, tmp_path: Path, imported: Any
) -> None:
    hugging_face(tmp_path / "hub")
    found = imported("hub")
    assert found.source.url == f"hf://{tmp_path}/hub"
    table = Dataset(door, "p", "d").arrow()
    assert table["split"].to_pylist() == ["train", "train", "train", "test"]
    imported("hf:hub", "train", split="train")
    assert ids(door, "train") == [1, 2, 3]
    assert "split" not in Dataset(door, "p", "train").columns
    assert changes(door) == [False, False]
    pq.write_table(TABLE, tmp_path / "hub" / "data" / "test-00000-of-00001.parquet")
    assert changes(door) == [True, False]
    with pytest.raises(NotFound, match="Did you mean 'train'"):
        imported("hub", split="tran")


def test_the_head_of_a_readme_names_configurations_and_splits(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "en/x.jsonl", "en/validation/y.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("id\n1\n")
    readme = tmp_path / "README.md"
    readme.write_text(
        "---\nconfigs:\n- config_name: plain\n  data_files:\n  - split: train\n    path: a.csv\n"
        "  - split: holdout\n    path: ['b.*']\n- config_name: english\n  data_dir: en\n---\n# Hi\n"
    )
    found = configurations(tmp_path)
    assert {s: [p.name for p in ps] for s, ps in found["plain"].items()} == {
        "train": ["a.csv"],
        "holdout": ["b.csv"],
    }
    assert {s: [p.name for p in ps] for s, ps in found["english"].items()} == {
        "train": ["x.jsonl"],
        "validation": ["y.jsonl"],
    }
    readme.write_text("---\nconfigs:\n- config_name: x\n  data_files: ../../secret.csv\n---\n")
    with pytest.raises(InvalidInput, match="outside"):
        configurations(tmp_path)
    readme.write_text("---\nconfigs:\n- config_name: x\n  data_files: none.csv\n---\n")
    with pytest.raises(InvalidInput, match="has no files"):
        configurations(tmp_path)


def test_a_version_of_another_millwright_is_the_same_bytes_here(
    door: Door, tmp_path: Path, imported: Any
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "millwright.yaml").write_text("project: q\n")
    with connect(Workspace(other)) as theirs:
        kept = snapshot(theirs, "q", "t", TABLE, "")
        found = imported(f"millwright://{other}/q/t@latest")
        assert found.version.digest == kept.digest
        assert found.source.state.value == kept.digest
        assert found.source.url == f"millwright://{other}/q/t@latest"
        assert changes(door) == [False]
        snapshot(theirs, "q", "t", pa.concat_tables([TABLE, MORE]), "")
    assert changes(door) == [True]
    assert ids(door) == [1, 2, 3]
    with pytest.raises(InvalidInput, match="place, project and version"):
        imported("millwright+http://host")


@pytest.fixture
def project_folder(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    (workspace.root / "millwright.yaml").write_text(
        "project: p\ndata: {source: a.csv, target: name}\n"
    )
    monkeypatch.chdir(workspace.root)
    (workspace.root / "a.csv").write_text("id,name\n1,a\n2,b\n")
    return workspace.root


def run(*arguments: str) -> Result:
    return CliRunner().invoke(data, list(arguments))


def test_the_command_line_imports_lists_and_updates(project_folder: Path) -> None:
    assert "No dataset was imported yet" in run("sources").output
    assert "d@1: 2 rows from file://" in run("import", "d", "a.csv", "--key", "id").output
    assert "has exactly this already" in run("import", "d", "a.csv").output
    (told,) = json.loads(run("sources", "--json").output)
    assert f"digest {told['state']['value'][:12]}  " in run("sources").output
    assert "d: as it was." in run("update", "--check").output
    (project_folder / "a.csv").write_text("id,name\n1,a\n2,b\n3,c\n")
    checked = run("update", "--check", "--json")
    assert (checked.exit_code, json.loads(checked.output)) == (
        1,
        [{"name": "d", "changed": True, "error": None}],
    )
    assert "d: the source changed. d@2: 3 rows" in run("update").output
    assert "1 file" in run("get", "d@1", "--original", "-o", "first.csv").output
    assert (project_folder / "first.csv").read_text() == "id,name\n1,a\n2,b\n"
    assert "a.csv" in run("ls", "d@1").output
    (project_folder / "a.csv").rename(project_folder / "now.csv")
    assert "written to a.csv" in run("get", "d@1").output
    assert (project_folder / "a.csv").read_text() == "id,name\n1,a\n2,b\n"
    (project_folder / "now.csv").replace(project_folder / "a.csv")
    assert json.loads(run("update", "--json").output)[0]["changed"] is False
    (project_folder / "a.csv").unlink()
    assert run("update").exit_code == 6
    kept = json.loads(run("import", "e", "millwright.yaml", "--as-files", "--json").output)
    assert (kept["new"], kept["version"]["kind"]) == (True, "files")
    database = run("import-db", "x", "duckdb://none.duckdb", "--query", "q", "--param", "=1")
    assert isinstance(database.exception, InvalidInput)
    assert isinstance(run("import-url", "x", "file:///etc/passwd").exception, InvalidInput)
