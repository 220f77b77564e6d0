"""`mw init`: a readable project from a table, and a sentence for every table that cannot be one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from millwright.cli.init import init
from millwright.cli.init.creation import create_project, schema_text
from millwright.cli.init.project_text import scalar
from millwright.evaluation import check_gate_names
from millwright.kernel.config import ProjectConfig, load_project
from millwright.kernel.errors import Conflict, InvalidInput, MillwrightError, NotFound

START = datetime(2024, 1, 1, tzinfo=UTC)
DOCS = Path(__file__).parents[2] / "docs"


def orders(rows: int = 400, **columns: Any) -> pa.Table:
    """Orders, one every two hours, of which a quarter comes back."""
    table: dict[str, Any] = {
        "order_id": list(range(1, rows + 1)),
        "created_at": [START + timedelta(hours=2 * i) for i in range(rows)],
        "shipped_at": [START + timedelta(hours=2 * i + 30) for i in range(rows)],
        "customer": [f"c{i % 90}" for i in range(rows)],
        "country": [("DE", "FR", "NL")[i % 3] for i in range(rows)],
        "gender": [("f", "m")[i % 2] for i in range(rows)],
        "price": [round(10 + math.sin(i) * 5, 2) for i in range(rows)],
        "notes": [None] * rows,
        "returned": [i % 4 == 0 for i in range(rows)],
    }
    return pa.table(table | columns)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    monkeypatch.chdir(tmp_path)

    def write(content: pa.Table | str, name: str = "") -> Path:
        path = tmp_path / (name or ("data.csv" if isinstance(content, str) else "data.parquet"))
        if isinstance(content, str):
            path.write_text(content)
        else:
            pq.write_table(content, path)
        return path

    return write


def project(tmp_path: Path, name: str = "shop") -> ProjectConfig:
    return load_project(tmp_path / name / "millwright.yaml")


def test_a_project_says_what_was_found_in_the_data(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(orders())
    created = create_project("shop", "data.parquet", target="returned", entity=["customer"])
    config = project(tmp_path)
    assert config.project == "shop"
    assert config.data.source == "../data.parquet"
    assert (config.data.target, config.data.time) == ("returned", "created_at")
    assert config.data.entity == ("customer",)
    assert config.data.ignore == ("notes", "order_id")
    assert config.training.metric == "roc_auc"
    assert set(config.evaluation.slices) == {"country", "gender"}
    assert config.evaluation.fairness.groups == ("gender",)
    assert created.question == "returned is true in 25.0% of the rows"
    assert any("notes" in note for note in created.notes)


@pytest.mark.parametrize(
    ("target", "values", "task", "metric", "gates"),
    [
        ("returned", None, "binary", "roc_auc", {"roc_auc", "worst_slice.roc_auc", "brier"}),
        ("kind", ["a", "b", "c", "a"], "multiclass", "roc_auc_ovr", {"roc_auc_ovr", "accuracy"}),
        ("days", [1.5, 2.0, 7.25, 3.0], "regression", "r2", {"r2"}),
        ("churn", [0, 0, 0, 1], "binary", "roc_auc", {"roc_auc", "worst_slice.roc_auc", "brier"}),
    ],
)
def test_metric_and_gates_fit_the_task(
    write: Callable[..., Path],
    tmp_path: Path,
    target: str,
    values: list[Any] | None,
    task: Any,
    metric: str,
    gates: set[str],
) -> None:
    write(orders(**({} if values is None else {target: values * 100})))
    assert create_project("shop", "data.parquet", target=target).task == task
    config = project(tmp_path)
    assert config.training.metric == config.monitoring.performance.metric == metric
    assert {gate.metric for gate in config.evaluation.gates} == gates | {"robustness.drop"}
    check_gate_names(config.evaluation.gates, task)


def test_the_file_is_readable_and_known_to_editors(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(orders())
    create_project("shop", "data.parquet", target="returned")
    lines = (tmp_path / "shop" / "millwright.yaml").read_text().splitlines()
    schema = ".millwright/millwright.schema.json"
    assert lines[0] == f"# yaml-language-server: $schema={schema}"
    assert json.loads((tmp_path / "shop" / schema).read_text())["title"] == "millwright.yaml"
    assert max(map(len, lines)) <= 110
    assert sum("#" in line for line in lines) > 15


def test_the_published_schema_is_current() -> None:
    published = DOCS / "millwright.schema.json"
    assert published.read_text() == schema_text(), (
        "run: python -c 'from millwright.cli.init.creation import schema_text; "
        'print(schema_text(), end="")\' > docs/millwright.schema.json'
    )


def test_the_guide_explains_every_key() -> None:
    guide = (DOCS / "guide" / "project-file.md").read_text()
    schema = json.loads(schema_text())
    records = [schema, *schema["$defs"].values()]
    keys = {key for record in records for key in record.get("properties", {})}
    assert [key for key in sorted(keys) if f"`{key}`" not in guide] == []


def test_the_examples_of_the_guide_are_valid() -> None:
    from millwright.kernel.config import parse_project

    guide = (DOCS / "guide" / "project-file.md").read_text()
    blocks = [part.split("```")[0] for part in guide.split("```yaml\n")[1:]]
    assert blocks
    for block in blocks:
        text = block if "project:" in block else f"project: p\n{block}"
        text = text if "\ndata:" in text else f"{text}\ndata: {{source: a.csv, target: y}}\n"
        parse_project(text)


def test_windows_follow_how_many_rows_there_are(write: Callable[..., Path], tmp_path: Path) -> None:
    many = orders(4000, created_at=[START + timedelta(minutes=10 * i) for i in range(4000)])
    write(many)
    create_project("busy", "data.parquet", target="returned")
    monitoring = project(tmp_path, "busy").monitoring
    assert (monitoring.window, monitoring.min_rows) == ("7d", 201)
    write(orders())
    create_project("quiet", "data.parquet", target="returned")
    assert project(tmp_path, "quiet").monitoring.window == "4w"


def test_without_a_time_the_file_says_how_to_name_one(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(orders().drop_columns(["created_at", "shipped_at"]))
    create_project("shop", "data.parquet", target="returned")
    assert project(tmp_path).data.time is None
    text = (tmp_path / "shop" / "millwright.yaml").read_text()
    assert "# time: COLUMN" in text
    assert "# entity: [customer]" in text


def test_the_current_folder_can_become_the_project(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write(orders(), "here/data.parquet")
    create_project(".", "data.parquet", target="returned")
    assert project(tmp_path, "here").data.source == "data.parquet"


def test_nothing_is_overwritten(write: Callable[..., Path], tmp_path: Path) -> None:
    write(orders())
    create_project("shop", "data.parquet", target="returned")
    before = (tmp_path / "shop" / "millwright.yaml").read_text()
    with pytest.raises(Conflict, match="There is a project in"):
        create_project("shop", "data.parquet", target="country")
    assert (tmp_path / "shop" / "millwright.yaml").read_text() == before
    with pytest.raises(Conflict, match="is a file"):
        create_project("data.parquet", "data.parquet", target="country")


HEAD = "x,y,when\n"
ROWS = "".join(f"{i},{i % 2},2024-01-{i % 28 + 1:02d}\n" for i in range(60))
ONES = "".join(f"{i},1,2024-01-01\n" for i in range(60))
EMPTY = "".join(f"{i},,2024-01-01\n" for i in range(60))
BROKEN = HEAD + ROWS + "1,2\n" + ROWS
MIXED = HEAD + ROWS * 2 + "oops,1,2024-01-01\n"


@pytest.mark.parametrize(
    ("content", "options", "code", "words"),
    [
        (HEAD + ROWS, {"target": "yy"}, "data.unknown_target", "Did you mean 'y'"),
        (HEAD + ROWS, {"target": "z"}, "data.unknown_target", "It has: x, y, when"),
        (HEAD + ROWS, {"target": "y", "time": "wen"}, "data.unknown_time", "Did you mean 'when'"),
        (HEAD + ROWS, {"target": "y", "time": "x"}, "data.not_a_time", "Columns with times: when"),
        (HEAD + ROWS, {"target": "y", "entity": ["q"]}, "data.unknown_entity", "It has"),
        (HEAD + ONES, {"target": "y"}, "data.one_class", "in every row"),
        (HEAD + EMPTY, {"target": "y"}, "data.empty_target", "is empty in all 60 rows"),
        (HEAD + ROWS[:45], {"target": "y"}, "data.too_few_rows", "at least 50"),
        ("x,x,y\n1,2,3\n", {"target": "y"}, "data.duplicate_columns", "named 'x'"),
        (MIXED, {"target": "y"}, "data.mixed_types", "'oops' in row"),
        (BROKEN, {"target": "y"}, None, "62"),
        ("", {"target": "y"}, "data.empty", "is empty"),
    ],
)
def test_bad_data_is_met_with_a_sentence_and_leaves_nothing(
    write: Callable[..., Path],
    tmp_path: Path,
    content: str,
    options: dict[str, Any],
    code: str | None,
    words: str,
) -> None:
    write(content)
    with pytest.raises(MillwrightError) as caught:
        create_project("shop", "data.csv", **options)
    assert words in str(caught.value)
    assert caught.value.hint
    if code is not None:
        assert caught.value.code == code
    assert not (tmp_path / "shop").exists()


def test_a_missing_file_suggests_the_nearest(write: Callable[..., Path]) -> None:
    write(HEAD + ROWS)
    with pytest.raises(NotFound, match=r"Did you mean .*data\.csv"):
        create_project("shop", "dta.csv", target="y")


@pytest.mark.parametrize("name", ["a b", "-x", "ä" * 3, "x" * 101])
def test_a_name_that_cannot_be_one_is_refused(write: Callable[..., Path], name: str) -> None:
    write(HEAD + ROWS)
    with pytest.raises(InvalidInput, match="cannot be the name"):
        create_project(name, "data.csv", target="y")


def test_the_command_speaks_to_people_and_to_programs(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(orders())
    arguments = ["--data", "data.parquet", "--target", "returned"]
    said = CliRunner().invoke(init, ["shop", *arguments], catch_exceptions=False)
    assert said.exit_code == 0
    assert "Wrote shop/millwright.yaml" in said.output
    assert "cd shop && mw run" in said.output
    machine = CliRunner().invoke(init, ["other", *arguments, "--json"], catch_exceptions=False)
    found = json.loads(machine.output)
    assert (found["task"], found["rows"], found["time"]) == ("binary", 400, "created_at")


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn", "Cf", "Zl", "Zp"])
    )
)
def test_any_name_survives_being_written(text: str) -> None:
    assert yaml.safe_load(f"key: {scalar(text)}   # comment")["key"] == text


def test_columns_with_odd_names_survive(write: Callable[..., Path], tmp_path: Path) -> None:
    odd = orders().rename_columns({"returned": "no: [x] # y", "country": "Län, ö"})
    write(odd)
    create_project("shop", "data.parquet", target="no: [x] # y")
    config = project(tmp_path)
    assert config.data.target == "no: [x] # y"
    assert "Län, ö" in config.evaluation.slices
