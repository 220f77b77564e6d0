"""The prediction log when the disk misbehaves."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from millwright.kernel.model_package import Field
from millwright.serving.outcome import Outcome
from millwright.serving.prediction_log import PredictionLog
from millwright.serving.segments import Logged, segment_schema, to_table
from millwright.serving.signature import Rows
from watching import wait_until

SCHEMA = segment_schema([Field(name="x", kind="numeric"), Field(name="c", kind="categorical")])


def logged(number: int, rows: int = 1, schema: pa.Schema = SCHEMA) -> Logged:
    return Logged(
        schema=schema,
        request_id=f"r{number}",
        prediction_ids=[f"r{number}:{i}" for i in range(rows)],
        event_times_us=(number,),
        served_at_us=number,
        variant="champion",
        version_id="v",
        latency_us=1,
        rows=Rows.of_columns([[1.0] * rows, ["a"] * rows][: len(schema.names) - 14], rows),
        outcome=Outcome([0.5] * rows, None, ["yes"] * rows),
        shadow_version_id=None,
        shadow=None,
    )


def rows_in(spool: Path) -> list[str]:
    ids: list[str] = []
    for file in sorted(spool.glob("*.arrow")):
        ids += pa.ipc.open_file(file).read_all()["prediction_id"].to_pylist()
    return ids


def test_segments_sort_by_name_in_the_order_of_requests(tmp_path):
    log = PredictionLog(tmp_path / "spool")
    log.start()
    for number in range(3):
        for part in range(600):
            log.append(logged(number * 600 + part))
        wait_until(lambda seen=number: log.written_rows == (seen + 1) * 600)
    log.close()
    assert rows_in(tmp_path / "spool") == [f"r{i}:0" for i in range(1800)]
    assert log.dropped_rows == 0


def test_a_failing_disk_keeps_rows_until_the_buffer_is_full_then_counts_the_lost(tmp_path):
    spool = tmp_path / "spool"
    log = PredictionLog(spool, capacity_rows=10)
    log.start()
    moved = spool.rename(tmp_path / "away")
    spool.write_text("a file where the folder was")
    for number in range(12):
        log.append(logged(number))
    assert log.dropped_rows == 2
    wait_until(lambda: log.failed_writes > 0)
    assert log.held_rows == 10
    spool.unlink()
    moved.rename(spool)
    wait_until(lambda: log.written_rows == 10)
    log.append(logged(99))
    log.close()
    assert rows_in(spool) == [f"r{i}:0" for i in range(10)] + ["r99:0"]


def test_what_cannot_be_written_at_the_end_is_counted(tmp_path, capfd):
    spool = tmp_path / "spool"
    log = PredictionLog(spool)
    log.start()
    spool.rmdir()
    log.append(logged(1, rows=3))
    log.close()
    assert log.dropped_rows == 3
    assert "3 predictions were not logged" in capfd.readouterr().err


def test_a_change_of_columns_starts_a_new_segment(tmp_path):
    narrow = segment_schema([Field(name="x", kind="numeric")])
    log = PredictionLog(tmp_path / "spool")
    log.start()
    log.append(logged(1))
    log.append(logged(2, schema=narrow))
    log.close()
    schemas = [pa.ipc.open_file(f).schema for f in sorted((tmp_path / "spool").glob("*.arrow"))]
    assert schemas == [SCHEMA, narrow]


def test_a_table_holds_every_row_of_its_requests():
    table = to_table([logged(1, rows=2), logged(2)])
    assert table.schema == SCHEMA
    assert table["prediction_id"].to_pylist() == ["r1:0", "r1:1", "r2:0"]
    assert table["shadow_version_id"].null_count == 3
    assert table["f.c"].to_pylist() == ["a", "a", "a"]
