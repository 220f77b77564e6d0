"""What was acknowledged survives a kill, and concurrent writers are committed together."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from killed_server import killed_once, missing_and_twice
from millwright.kernel import events
from millwright.kernel.access import LOCAL
from millwright.kernel.errors import Conflict
from millwright.kernel.store import Store, Transaction
from millwright.tracking import MetricPoint, NewRun, service
from millwright.tracking.service.group_commit import writer_of
from millwright.tracking.service.metric_points import MetricWrite
from mlflow_server import Served
from postgres_server import binaries, running


def test_what_was_acknowledged_survives_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLWRIGHT_URL", raising=False)
    written = killed_once(tmp_path, 200)
    assert written.count >= 200
    assert missing_and_twice(tmp_path, written) == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_was_acknowledged_survives_kill_after_kill(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLWRIGHT_URL", raising=False)
    with ExitStack() as held:
        if database == "postgresql":
            if binaries() is None:
                pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
            monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", held.enter_context(running()))
        for wanted in (3, 150, 40, 90, 220):
            written = killed_once(tmp_path, wanted)
            assert missing_and_twice(tmp_path, written) == (0, 0)


def test_one_refused_write_takes_no_other_with_it(store: Store) -> None:
    run = service.create_run(store, LOCAL, "p", NewRun(params={"depth": 1}))
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            if number % 3 == 0:
                service.log_params(store, LOCAL, run.id, {"depth": number + 2})
            elif number % 3 == 1:
                service.log_metrics(
                    store, LOCAL, run.id, [MetricPoint(key=f"m{number}", value=1, time_ms=1)]
                )
            else:
                service.set_tags(store, LOCAL, run.id, {f"t{number}": "x"})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = service.get_run(store, run.id)
    assert len(errors) == 10
    assert read.params == {"depth": 1}
    assert len(read.metrics) == 10
    assert len(read.tags) == 10


def test_points_are_summed_up_in_the_event_log(store: Store) -> None:
    run = service.create_run(store, LOCAL, "p", NewRun())
    for step in range(50):
        point = MetricPoint(key="m", value=step, step=step, time_ms=1)
        service.log_metrics(store, LOCAL, run.id, [point])
    writer_of(store).close()
    with store.read() as connection:
        logged = events.read(connection, kind="run.metrics-logged", limit=100)
        assert events.verify(connection).ok
    assert len(logged) < 25
    assert sum(event.payload["points"] for event in logged) == 50


def test_a_request_sent_twice_is_one_point(served: Served) -> None:
    run = served.run()
    body = {"run_id": run, "key": "m", "value": "0.5", "timestamp": "7", "step": "3"}
    for _ in range(3):
        assert served.post("runs/log-metric", body).is_success
    history = served.get("metrics/get-history", run_id=run, metric_key="m").json()
    assert history == json.loads(
        '{"metrics": [{"key": "m", "value": 0.5, "timestamp": 7, "step": 3}]}'
    )


def test_brief_writes_of_one_turn_are_one_transaction_and_one_refusal_is_alone(
    store: Store,
) -> None:
    run = service.create_run(store, LOCAL, "p", NewRun(params={"depth": 1}))
    writer = writer_of(store)

    def tag(number: int) -> Callable[[Transaction], int]:
        def work(tx: Transaction) -> int:
            if number == 3:
                raise Conflict("test.refused", "Not this one.")
            return tx.event("test.happened", f"run:{run.id}", {"number": number})

        return work

    async def all_at_once() -> list[int | BaseException]:
        calls = [writer.done(LOCAL, "p", tag(number), brief=True) for number in range(6)]
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = asyncio.run(all_at_once())
    assert [n for n, answer in enumerate(answers) if isinstance(answer, Conflict)] == [3]
    with store.read() as connection:
        assert events.verify(connection).ok
        told = events.read(connection, kind="test.happened")
    assert [event.payload["number"] for event in told] == [0, 1, 2, 4, 5]


def test_a_brief_write_waits_for_another_writer_without_holding_up_the_loop(store: Store) -> None:
    run = service.create_run(store, LOCAL, "p", NewRun())
    point = ("loss", 0, 1, 0.5, 0)
    write = MetricWrite(LOCAL, "p", run.id, [point], lambda _run, _row: None)

    async def beside_another() -> int:
        turns = 0
        with store.write(LOCAL, "p") as tx:
            tx.event("test.long", f"run:{run.id}", {})
            waiting = asyncio.ensure_future(writer_of(store).done(LOCAL, "p", write, brief=True))
            for _ in range(50):
                await asyncio.sleep(0.001)
                turns += 1
            assert not waiting.done()
        await waiting
        return turns

    assert asyncio.run(beside_another()) == 50
    assert service.get_run(store, run.id).metrics == {"loss": 0.5}
