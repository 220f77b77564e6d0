"""Evaluation datasets and scorers, through the real client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlflow_server import Served


@pytest.fixture
def keeping(client: Any) -> Any:
    """The client's own door to the server."""
    return client._tracking_client.store


def test_records_with_the_same_inputs_are_one_and_grow(keeping: Any, client: Any) -> None:
    experiments = [client.create_experiment(name) for name in ("a", "b")]
    made = keeping.create_dataset(
        "questions", tags={"team": "x", "mlflow.user": "ada"}, experiment_ids=experiments
    )
    assert (made.created_by, made.schema, made.profile) == ("ada", None, None)
    sent = [
        {"inputs": {"q": "2 + 2"}, "expectations": {"a": 4}, "tags": {"v": "1"}},
        {"inputs": {"q": "pi"}, "outputs": "3.1", "source": {"source_type": "human"}},
        {"inputs": {"q": "2 + 2"}, "expectations": {"how": "sum"}, "tags": {"mlflow.user": "bo"}},
    ]
    told = keeping.upsert_dataset_records(made.dataset_id, sent)
    assert told == {"inserted": 2, "updated": 1}
    again = [{"inputs": {"q": "pi"}, "outputs": None, "expectations": {"a": 3.14}}]
    assert keeping.upsert_dataset_records(made.dataset_id, again) == {"inserted": 0, "updated": 1}
    records, token = keeping._load_dataset_records(made.dataset_id)
    by = {record.inputs["q"]: record for record in records}
    assert token is None
    assert by["2 + 2"].expectations == {"a": 4, "how": "sum"}
    assert (by["2 + 2"].outputs, by["pi"].outputs) == ({}, None)
    assert (by["2 + 2"].last_updated_by, by["pi"].source_type) == ("bo", "HUMAN")
    read = keeping.get_dataset(made.dataset_id)
    assert read.digest != made.digest
    assert json.loads(read.profile) == {"num_records": 2}
    assert json.loads(read.schema)["expectations"] == {"a": "integer", "how": "string"}
    assert keeping.delete_dataset_records(made.dataset_id, [by["pi"].dataset_record_id, "x"]) == 1
    assert json.loads(keeping.get_dataset(made.dataset_id).profile) == {"num_records": 1}
    assert keeping.get_dataset_experiment_ids(made.dataset_id) == experiments
    keeping.remove_dataset_from_experiments(made.dataset_id, experiments[:1])
    keeping.add_dataset_to_experiments(made.dataset_id, ["0"])
    assert keeping.get_dataset_experiment_ids(made.dataset_id) == [experiments[1], "0"]
    keeping.delete_dataset(made.dataset_id)
    keeping.delete_dataset(made.dataset_id)
    assert keeping.get_dataset_experiment_ids(made.dataset_id) == []


def test_records_come_in_pages_and_datasets_are_found(keeping: Any) -> None:
    ids = [
        keeping.create_dataset(f"set-{n}", tags={"level": "high" if n % 2 else "low"}).dataset_id
        for n in range(5)
    ]
    keeping.upsert_dataset_records(ids[0], [{"inputs": {"n": n}} for n in range(7)])
    pages, token = [], None
    while not pages or token:
        page, token = keeping._load_dataset_records(ids[0], max_results=3, page_token=token)
        pages.append([record.inputs["n"] for record in page])
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(n for page in pages for n in page) == list(range(7))

    def found(text: str | None = None, **options: Any) -> list[str]:
        return [each.name for each in keeping.search_datasets(filter_string=text, **options)]

    assert found("name LIKE 'set-%' AND tags.level = 'high'", order_by=["name"]) == [
        "set-1",
        "set-3",
    ]
    assert found("name IN ('set-0', 'set-4')", order_by=["name DESC"]) == ["set-4", "set-0"]
    assert found("created_time > 99999999999999") == []
    first = keeping.search_datasets(max_results=3, order_by=["name ASC"])
    assert found(max_results=3, order_by=["name ASC"], page_token=first.token) == ["set-3", "set-4"]
    keeping.set_dataset_tags(ids[2], {"level": "top", "gone": None})
    assert keeping.get_dataset(ids[2]).tags == {"level": "top"}
    keeping.delete_dataset_tag(ids[2], "level")
    assert keeping.get_dataset(ids[2]).tags == {}


@pytest.mark.parametrize(
    "text",
    [
        "size = 'x'",
        "params.a = 'x'",
        "name > 5",
        "created_time = 'x'",
        "tags.a IN ('x')",
        "name = 'a' OR name = 'b'",
        "created_by IN ('a')",
    ],
)
def test_filters_of_datasets_that_make_no_sense_are_refused(served: Served, text: str) -> None:
    answer = served.post("datasets/search", {"filter_string": text})
    assert served.refusal(answer)[:2] == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "records",
    [
        "{",
        "{}",
        "[1]",
        '[{"inputs": []}]',
        '[{"inputs": {}, "source": {"source_type": "MOON"}}]',
        '[{"inputs": {}, "source": {"trace_id": "x"}}]',
        '[{"inputs": {"a": "\\ud800"}}]',
        "[" * 100_000 + "]" * 100_000,
    ],
    ids=range(8),
)
def test_records_that_make_no_sense_change_nothing(served: Served, records: str) -> None:
    made = served.post("datasets/create", {"name": "d"}).json()["dataset"]
    place = f"datasets/{made['dataset_id']}"
    answer = served.post(f"{place}/records", {"records": records})
    assert served.refusal(answer)[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert served.get(place).json()["dataset"] == made


def test_what_is_not_there_says_so(served: Served) -> None:
    missing = "RESOURCE_DOES_NOT_EXIST"
    for answer in (
        served.get("datasets/d-none"),
        served.get("datasets/d-none/records"),
        served.post("datasets/d-none/records", {"records": "[]"}),
        served.post("datasets/d-none/add-experiments", {"experiment_ids": ["0"]}),
        served.get("scorers/get", experiment_id="0", name="none"),
        served.get("scorers/versions", experiment_id="0", name="none"),
    ):
        assert served.refusal(answer)[:2] == (404, missing)


def test_scorers_have_versions(keeping: Any, client: Any) -> None:
    experiment = client.create_experiment("judged")
    for text in ('{"data": 1}', '{"data": 2}'):
        made = keeping.register_scorer(experiment, "polite", text)
    keeping.register_scorer(experiment, "brief", '{"data": 3}')
    assert (made.scorer_version, made._serialized_scorer) == (2, '{"data": 2}')
    assert keeping.get_online_scoring_configs([made.scorer_id]) == []
    shown = [(each.scorer_name, each.scorer_version) for each in keeping.list_scorers(experiment)]
    assert shown == [("brief", 1), ("polite", 2)]
    every = keeping.list_scorer_versions(experiment, "polite")
    assert [each.scorer_version for each in every] == [1, 2]
    assert keeping.get_scorer(experiment, "polite", 1)._serialized_scorer == '{"data": 1}'
    keeping.delete_scorer(experiment, "polite", 2)
    assert keeping.get_scorer(experiment, "polite").scorer_version == 1
    keeping.delete_scorer(experiment, "polite")
    assert [each.scorer_name for each in keeping.list_scorers(experiment)] == ["brief"]


@pytest.mark.parametrize(
    "scorer",
    [
        "{",
        "[]",
        '{"a": [{"call_source": "import os"}]}',
        '{"instructions_judge_pydantic_data": {"model": "gateway:/none"}}',
        "[" * 100_000 + "]" * 100_000,
    ],
    ids=range(5),
)
def test_scorers_that_carry_code_or_make_no_sense_are_refused(served: Served, scorer: str) -> None:
    body = {"experiment_id": "0", "name": "s", "serialized_scorer": scorer}
    answer = served.post("scorers/register", body)
    assert answer.status_code in (400, 404)
    assert served.get("scorers/list", experiment_id="0").json() == {}
