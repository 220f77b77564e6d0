"""`mw predict`: every row once, in order, whatever interrupts it."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from millwright.deployment.batch.commands import predict
from millwright.deployment.batch.scoring import prediction_columns, score_files
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.scoring import Scorer, read_manifest


def flights(rows: int, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    carriers = random.choice(["AA", "UA", "B6"], rows).tolist()
    return pa.table(
        {
            "flight": pa.array(range(rows)),
            "distance": random.uniform(100, 3000, rows),
            "carrier": pa.array([None if i % 7 == 0 else c for i, c in enumerate(carriers)]),
        }
    )


def expected(package: Path, table: pa.Table) -> np.ndarray:
    return Scorer.open(package).predict(table)


def read(out: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(out.glob("part-*.parquet"))])


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow", "folder"])
def test_every_row_is_scored_in_order(tmp_path, package, kind):
    table = flights(150_000)
    data = tmp_path / f"data.{kind}"
    if kind == "parquet":
        pq.write_table(table, data, row_group_size=40_000)
    elif kind == "csv":
        with data.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table.column_names)
            writer.writerows(zip(*(c.to_pylist() for c in table.columns), strict=True))
    elif kind == "arrow":
        with pa.ipc.new_file(data, table.schema) as writer:
            writer.write_table(table, max_chunksize=50_000)
    else:
        data.mkdir()
        pq.write_table(table.slice(0, 60_000), data / "a.parquet")
        pq.write_table(table.slice(60_000), data / "b.parquet")
    seen: list[int] = []
    scored = score_files(package, 3, data, tmp_path / "out", on_rows=seen.append)
    found = read(tmp_path / "out")
    assert (scored.rows, scored.version, sum(seen)) == (150_000, 3, 150_000)
    assert [int(i) for i in found["flight"].to_pylist()] == list(range(150_000))
    np.testing.assert_allclose(found["probability"].to_numpy(), expected(package, table), rtol=1e-6)
    labels = np.where(found["probability"].to_numpy() >= 0.5, "yes", "no")
    assert found["prediction"].to_pylist() == labels.tolist()


def test_a_killed_scoring_goes_on_where_it_was(tmp_path, package):
    table = flights(400_000)
    pq.write_table(table, tmp_path / "data.parquet", row_group_size=100_000)
    out = tmp_path / "out"
    # The second piece ends the process before it is written: as sudden as a kill can be.
    code = f"""
import os, signal
from pathlib import Path
from millwright.deployment.batch import scoring
plain = scoring._predicted
def deadly(scorer, table, keep):
    if table["flight"][0].as_py() >= 300_000:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(scorer, table, keep)
scoring._predicted = deadly
scoring.score_files(Path({str(package)!r}), 1, Path({str(tmp_path / "data.parquet")!r}),
                    Path({str(out)!r}), workers=1)
"""
    ended = subprocess.run([sys.executable, "-c", code], env={**os.environ}, check=False)
    assert ended.returncode == -signal.SIGKILL
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*")}
    assert len(kept) == 1
    scored = score_files(package, 1, tmp_path / "data.parquet", out)
    assert scored.rows == 400_000
    assert scored.kept_rows == 300_000
    assert all((out / name).stat().st_mtime_ns == time for name, time in kept.items())
    assert read(out)["flight"].to_pylist() == list(range(400_000))
    assert not list(out.glob(".*tmp"))


def test_a_folder_with_other_predictions_is_left_alone(tmp_path, package):
    pq.write_table(flights(10), tmp_path / "data.parquet")
    out = tmp_path / "out"
    score_files(package, 1, tmp_path / "data.parquet", out)
    with pytest.raises(Conflict, match="another model, of other data"):
        score_files(package, 1, tmp_path / "data.parquet", out, keep=["flight"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(Conflict, match="not empty"):
        score_files(package, 1, tmp_path / "data.parquet", tmp_path / "mine")
    assert read(out).num_rows == 10


def test_bad_data_is_told_plainly(tmp_path, package):
    pq.write_table(flights(10).drop_columns(["carrier"]), tmp_path / "short.parquet")
    with pytest.raises(InvalidInput, match="needs the column 'carrier'"):
        score_files(package, 1, tmp_path / "short.parquet", tmp_path / "a")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 nothing else")
    with pytest.raises(InvalidInput, match=r"torn\.parquet cannot be read"):
        score_files(package, 1, tmp_path / "torn.parquet", tmp_path / "b")
    (tmp_path / "words.csv").write_text("distance,carrier\nfar,AA\n")
    with pytest.raises(InvalidInput, match=r"words\.csv cannot be read"):
        score_files(package, 1, tmp_path / "words.csv", tmp_path / "c")
    with pytest.raises(NotFound, match="nothing at"):
        score_files(package, 1, tmp_path / "missing.parquet", tmp_path / "d")
    pq.write_table(flights(3), tmp_path / "data.parquet")
    with pytest.raises(InvalidInput, match="no column 'flights' to keep"):
        score_files(package, 1, tmp_path / "data.parquet", tmp_path / "e", keep=["flights"])


def test_several_classes_and_numbers_have_their_columns(package):
    manifest = read_manifest(package)
    three = manifest.model_copy(update={"task": "multiclass", "classes": ("a", "b", "c")})
    found = prediction_columns(np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]), three)
    assert found["prediction"].to_pylist() == ["b", "a"]
    assert found["probability"].to_pylist() == [0.7, 0.5]
    assert found["probabilities"].to_pylist() == [[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]
    number = manifest.model_copy(update={"task": "regression", "classes": ()})
    assert prediction_columns(np.array([1.5]), number)["prediction"].to_pylist() == [1.5]


def test_the_command_tells_what_it_did(tmp_path, package):
    pq.write_table(flights(10), tmp_path / "data.parquet")
    arguments = [str(package), "--data", str(tmp_path / "data.parquet"), "--out"]
    plain = CliRunner().invoke(predict, [*arguments, str(tmp_path / "a")])
    assert plain.exit_code == 0, plain.output
    assert "10 rows scored by delays" in plain.output
    machine = CliRunner().invoke(
        predict, [*arguments, str(tmp_path / "b"), "--keep", "flight", "--json"]
    )
    assert json.loads(machine.stdout)["rows"] == 10
    assert read(tmp_path / "b").column_names == ["flight", "prediction", "probability"]
