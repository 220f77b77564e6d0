"""Faults that are seeded into an export, each caught before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import millwright as mw
from millwright.kernel.errors import InvalidInput, MillwrightError
from millwright.pipelines import Graph, Node, Pipeline
from millwright.pipelines.exports.checking import fault_of_size
from millwright.pipelines.exports.exporting import exported
from millwright.pipelines.exports.records import Place, Target

GOOD: dict[str, Any] = {
    "image": "registry.example.org/shop:1.4",
    "url": "https://mw.example.org",
    "secret": "millwright",
}


@mw.step
def read(rows: int) -> list[int]:
    return list(range(rows))


@mw.step
def count(values: list[int]) -> int:
    return len(values)


@mw.step
def shout(text: str) -> str:
    return text.upper()


@mw.step(secrets={"key": "env:API_KEY"})
def with_secret() -> int:
    return 1


@mw.step(secrets={"key": "file:/etc/key"})
def with_secret_file() -> int:
    return 1


@mw.step(environment={"API_TOKEN": "abc"})
def with_open_secret() -> int:
    return 1


@mw.step(environment={"NOT-A-NAME": "1"})
def with_bad_variable() -> int:
    return 1


@mw.step(environment={"MILLWRIGHT_URL": "http://elsewhere"})
def with_reserved_variable() -> int:
    return 1


@mw.step(python="/opt/other/bin/python")
def with_interpreter() -> int:
    return 1


@mw.step(memory_mb=8)
def with_little_memory() -> int:
    return 1


@mw.pipeline
def good(rows: int = 3) -> int:
    return count(read(rows))


@mw.pipeline
def empty() -> int:
    return 1


@mw.pipeline
def asking(rows: int = 3) -> int:
    mw.approval("Ship it?", timeout="1h")
    return count(read(rows))


@mw.pipeline
def untyped(rows=3):  # type: ignore[no-untyped-def]
    return count(read(rows))


@mw.pipeline
def by_path(file: Path = Path("/data/orders.csv")) -> str:
    return shout(str(file))


@mw.pipeline
def with_password(db_password: str = "hunter2") -> str:
    return shout(db_password)


@mw.pipeline
def ill_typed(rows: int = 3) -> str:
    return shout(read(rows))  # type: ignore[arg-type]


@mw.pipeline
def ill_called() -> int:
    return count()  # type: ignore[call-arg]


@mw.pipeline
def looked_into(rows: int = 3) -> int:
    return count(read(rows)[:2])


def only(step: Any) -> Pipeline[..., Any]:
    def function() -> Any:
        return step()

    return mw.pipeline(name="only")(function)


def inside() -> Pipeline[..., Any]:
    @mw.step
    def hidden() -> int:
        return 1

    return only(hidden)


@dataclass(frozen=True)
class Seed:
    """A fault: what is exported, where to, and the code that tells of it."""

    code: str
    pipeline: Callable[[], Pipeline[..., Any]] = field(default=lambda: good)
    to: Target = "argo"
    place: dict[str, Any] = field(default_factory=dict)
    params: dict[str, object] = field(default_factory=dict)


@mw.step
def add(values: list[int]) -> int:
    return sum(values)


@mw.pipeline
def wide() -> int:
    return add([count([index]) for index in range(51)])


SEEDS = (
    Seed("many_needs", lambda: wide, to="gitlab"),
    Seed("no_steps", lambda: empty),
    Seed("no_image", place={"image": ""}),
    Seed("no_image", to="kubeflow", place={"image": ""}),
    Seed("bad_image", place={"image": "Registry/Shop:1"}),
    Seed("moving_image", place={"image": "shop:latest"}),
    Seed("moving_image", place={"image": "host:5000/shop"}),
    Seed("bad_name", place={"name": "My_Pipeline"}),
    Seed("bad_name", place={"name": "x" * 64}),
    Seed("bad_name", to="airflow", place={"name": "a b"}),
    Seed("bad_namespace", place={"namespace": "Team A"}),
    Seed("bad_service_account", place={"service_account": "runner_1"}),
    Seed("bad_secret", place={"secret": "Tokens!"}),
    Seed("no_url", place={"url": ""}),
    Seed("bad_url", place={"url": "mw.example.org"}),
    Seed("secret_in_url", place={"url": "https://me:secret@mw.example.org"}),
    Seed("secret_in_url", place={"url": "https://mw.example.org/?token=abc"}),
    Seed("local_url", place={"url": "http://localhost:8080"}),
    Seed("bad_cpu", place={"cpu": "two"}),
    Seed("bad_memory", place={"memory": "2GB"}),
    Seed("bad_schedule", place={"schedule": "every day"}),
    Seed("bad_timezone", place={"timezone": "Europe/Berlim"}),
    Seed("no_schedules", to="kubeflow", place={"schedule": "0 2 * * *"}),
    Seed("no_ray_token", to="rayjob", place={"secret": ""}),
    Seed("untyped_parameter", lambda: untyped),
    Seed("secret_parameter", lambda: with_password),
    Seed("local_path", lambda: by_path),
    Seed("no_approvals", lambda: asking, to="kubeflow"),
    Seed("no_approvals", lambda: asking, to="kubernetes"),
    Seed("not_importable", inside),
    Seed("no_secret", lambda: only(with_secret), place={"secret": ""}),
    Seed("secret_file", lambda: only(with_secret_file)),
    Seed("secret_variable", lambda: only(with_open_secret)),
    Seed("bad_variable", lambda: only(with_bad_variable)),
    Seed("reserved_variable", lambda: only(with_reserved_variable)),
    Seed("local_python", lambda: only(with_interpreter)),
    Seed("little_memory", lambda: only(with_little_memory)),
    Seed("pipelines.wrong_type", lambda: ill_typed),
    Seed("pipelines.wrong_type", params={"rows": "many"}),
    Seed("pipelines.unknown_parameter", params={"row": 3}),
    Seed("pipelines.wrong_arguments", lambda: ill_called),
    Seed("pipelines.not_known_yet", lambda: looked_into),
)


def write(seed: Seed) -> str:
    return exported(
        seed.pipeline(),
        seed.to,
        Place(**{**GOOD, **seed.place}),
        project="p",
        put=lambda _: "ab" * 32,
        params=seed.params,
    )


@pytest.mark.parametrize("seed", SEEDS, ids=[f"{i}-{s.code}" for i, s in enumerate(SEEDS)])
def test_a_seeded_fault_is_caught_with_a_sentence_and_a_way_out(seed: Seed) -> None:
    with pytest.raises(MillwrightError) as caught:
        write(seed)

    error = caught.value
    assert error.code == (seed.code if "." in seed.code else f"pipelines.export.{seed.code}")
    assert error.message.endswith(".")
    assert error.hint
    assert "hunter2" not in str(error)
    assert "me:secret" not in str(error)


@pytest.mark.parametrize("to", ["airflow", "kubeflow", "argo", "gitlab", "kubernetes", "rayjob"])
def test_what_has_no_fault_is_written(to: Target) -> None:
    text = write(Seed("", to=to))

    assert "pipelines" in text
    assert "call" in text


def test_a_cycle_is_no_graph() -> None:
    with pytest.raises(InvalidInput) as caught:
        Graph(
            pipeline="circle",
            parameters={},
            nodes=tuple(
                Node(
                    name=name,
                    step="m:f",
                    inputs={"x": {"$type": "output", "node": other, "output": "result"}},
                    outputs=("result",),
                )
                for name, other in (("a", "b"), ("b", "a"))
            ),
        )

    assert caught.value.code == "pipelines.cycle"


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        write(Seed("", place={"image": "", "url": "", "cpu": "two"}))

    assert caught.value.value == "no_image, bad_cpu, no_url"


def test_what_the_cluster_cannot_store_is_refused() -> None:
    assert fault_of_size("a" * 1_000_000) == ()
    assert fault_of_size("a" * 1_000_001)[0].code == "too_large"


def test_an_approval_is_exported_where_something_waits_for_people() -> None:
    assert "suspend" in write(Seed("", lambda: asking, to="argo"))
    assert "ApprovalOperator(" in write(Seed("", lambda: asking, to="airflow"))
    assert "when: manual" in write(Seed("", lambda: asking, to="gitlab"))


def test_a_secret_is_named_and_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "hunter2")
    for to in ("argo", "kubeflow", "kubernetes", "rayjob", "airflow"):
        text = write(Seed("", lambda: only(with_secret), to=to))
        assert "hunter2" not in text
        assert to == "airflow" or "API_KEY" in text
