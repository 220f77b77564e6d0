"""Values survive storage with their types; nothing stored reaches foreign code."""

from __future__ import annotations

import dataclasses
import pickle
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.errors import Corrupt, Forbidden, InvalidInput
from millwright.kernel.objects import digest_of
from millwright.kernel.record import Record
from millwright.pipelines import archive, values
from millwright.pipelines.artifacts import Artifact, deserialise, serialise


class Colour(Enum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: float


class Score(Record):
    name: str
    parts: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Report:
    score: Score
    table: Any = None
    model: Any = None
    derived: int = dataclasses.field(init=False, default=0)


class Doubler:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def fit(self) -> Doubler:
        return self

    def predict(self, x: Any) -> Any:
        return x * self.factor


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from([Colour.RED, Point(1, 2.5), Score(name="a", parts=(1, 2))])
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.timedeltas()
    | st.just(Path("a/b")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(plain)
def test_decoding_what_was_encoded_gives_the_same_value_and_type(value: Any) -> None:
    tree = values.encode(value)
    again = values.decode(tree)
    assert again == value
    assert type(again) is type(value)
    assert values.encode(again) == tree


def test_numbers_that_json_lacks_survive() -> None:
    assert values.decode(values.encode(float("inf"))) == float("inf")
    assert np.isnan(values.decode(values.encode(float("nan"))))
    assert values.decode(values.encode(np.int64(3))) == 3
    assert values.decode(values.encode({1, 2})) == {1, 2}


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen", "builtins:eval"])
def test_a_stored_value_cannot_name_foreign_classes(name: str) -> None:
    with pytest.raises(Forbidden):
        values.decode({"$type": "record", "class": name, "fields": {}})


def test_a_stored_value_cannot_call_a_class_that_is_no_record() -> None:
    name = "millwright.kernel.database:Database"
    with pytest.raises(Corrupt, match="not a record"):
        values.decode({"$type": "record", "class": name, "fields": {"url": "x"}})


def round_trip(value: object, tmp_path: Path, project: str = "p") -> Any:
    payload = serialise(value, project="p", scratch=lambda: tmp_path)
    content = (
        payload.content if isinstance(payload.content, bytes) else payload.content.read_bytes()
    )
    artifact = Artifact(
        digest=digest_of(content),
        kind=payload.kind,
        size=len(content),
        name=payload.name,
        trusted_by=payload.trusted_by,
    )
    return deserialise(artifact, content, project=project, workdir=tmp_path / "read")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        b"bytes",
        3.5,
        [1, {"a": (2, 3)}],
        Score(name="n"),
        pa.table({"x": [1, None], "s": ["a", "b"]}),
        pa.table({"d": pa.array(["a", "b", "a"]).dictionary_encode()}),
        [pa.table({"x": [1]}), b"raw", "text"],
        Report(score=Score(name="n"), table=pa.table({"x": [1]})),
        {"at": datetime(2013, 4, 1, tzinfo=UTC), "for": timedelta(days=1)},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_step_returns_arrives_as_it_was(value: object, tmp_path: Path) -> None:
    again = round_trip(value, tmp_path)
    assert again == value
    assert type(again) is type(value)


def test_arrays_arrive_with_shape_and_type(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    again = round_trip({"matrix": array}, tmp_path)["matrix"]
    np.testing.assert_array_equal(again, array)
    assert again.dtype == np.float32


def test_a_data_frame_arrives_as_an_arrow_table(tmp_path: Path) -> None:
    assert round_trip(pl.DataFrame({"x": [1, 2]}), tmp_path).to_pydict() == {"x": [1, 2]}


def test_equal_tables_are_equal_bytes_however_they_are_chunked(tmp_path: Path) -> None:
    whole = pa.table({"x": [1, 2, 3], "s": ["a", "b", "c"]})
    pieces = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    first = serialise(whole, project="p", scratch=lambda: tmp_path).content
    assert first == serialise(pieces, project="p", scratch=lambda: tmp_path).content


def test_a_file_and_a_folder_arrive_with_their_content(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("a")
    (folder / "b.bin").write_bytes(b"b")
    again = round_trip(folder, tmp_path)
    assert (again / "sub" / "a.txt").read_text() == "a"
    assert round_trip(folder / "b.bin", tmp_path).read_bytes() == b"b"
    assert round_trip(folder / "b.bin", tmp_path).name == "b.bin"


def test_the_same_folder_is_the_same_bytes_whenever_it_was_written(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("b", "a") if name == "one" else ("a", "b"):
            (folder / file).write_text(file)
        archive.pack_folder(folder, tmp_path / f"{name}.tar")
        contents.append((tmp_path / f"{name}.tar").read_bytes())
    assert contents[0] == contents[1]


def test_a_folder_with_a_link_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "passwords").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInput, match="neither a file nor a folder"):
        archive.pack_folder(folder, tmp_path / "a.tar")


@pytest.mark.parametrize("name", ["../outside", "/absolute", "a/../../b", "a\\..\\b"])
def test_an_archive_cannot_write_outside_its_folder(name: str, tmp_path: Path) -> None:
    content = archive.pack_parts({name: b"x"})
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(Corrupt, match="not a plain file inside"):
        archive.unpack_folder(content, target)
    assert list(tmp_path.rglob("*")) == [target]


def test_a_fitted_model_passes_within_its_project_and_to_no_other(tmp_path: Path) -> None:
    assert round_trip(Doubler(3), tmp_path).predict(2) == 6
    assert round_trip(Report(score=Score(name="n"), model=Doubler(3)), tmp_path).model.factor == 3
    for value in (Doubler(3), [Doubler(3)]):
        with pytest.raises(Forbidden, match="pickled"):
            round_trip(value, tmp_path, project="other")


def test_a_pickle_is_not_read_on_the_word_of_its_record_alone(tmp_path: Path) -> None:
    foreign = serialise(Doubler(1), project="other", scratch=lambda: tmp_path).content
    for content, error in ((foreign, Forbidden), (pickle.dumps(1), Corrupt)):
        assert isinstance(content, bytes)
        artifact = Artifact(digest="0" * 64, kind="model", size=1, trusted_by="p")
        with pytest.raises(error):
            deserialise(artifact, content, project="p", workdir=tmp_path)


def test_an_array_of_objects_and_an_open_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="array of Python objects"):
        serialise(np.array([object()]), project="p", scratch=lambda: tmp_path)
    with (tmp_path / "f").open("w") as file, pytest.raises(InvalidInput, match="cannot be stored"):
        serialise(file, project="p", scratch=lambda: tmp_path)


def lightgbm_model() -> Any:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm: pip install '.[train]'")
    rows = np.arange(60, dtype=float).reshape(30, 2)
    data = lightgbm.Dataset(rows, rows[:, 0], params={"min_data_in_leaf": 2, "verbose": -1})
    return lightgbm.train({"verbose": -1, "num_threads": 1}, data, 3)


def onnx_model() -> Any:
    onnx = pytest.importorskip("onnx", reason="onnx: pip install '.[train]'")
    kind = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    made = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [kind], [made]))


def xgboost_model() -> Any:
    xgboost = pytest.importorskip("xgboost", reason="xgboost: pip install xgboost")
    rows = np.arange(60, dtype=float).reshape(30, 2)
    return xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, rows[:, 0]), 2)


@pytest.mark.parametrize("make", [lightgbm_model, onnx_model, xgboost_model])
def test_a_model_of_a_known_library_is_no_pickle_and_passes_to_any_project(
    make: Any, tmp_path: Path
) -> None:
    model = make()
    stored = [
        serialise(one, project=project, scratch=lambda: tmp_path)
        for one, project in ((model, "p"), (round_trip(model, tmp_path, project="other"), "other"))
    ]
    assert stored[0].content == stored[1].content
    assert {one.trusted_by for one in stored} == {None}
    assert b"pickle" not in bytes(stored[0].content)[:40]
    assert round_trip([model], tmp_path, project="other")
