"""What MLflow's own client does with registered models, versions, aliases and stages, unmodified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlflow_server import Served


def logged(client: Any, served: Served, tmp_path: Path) -> tuple[str, str]:
    """A run with a folder of artifacts: its id, and the folder's URI."""
    run = served.run()
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    client.log_artifact(run, str(tmp_path / "MLmodel"), "model")
    return run, f"{client.get_run(run).info.artifact_uri}/model"


def test_a_version_is_registered_tagged_aliased_and_found(
    client: Any, served: Served, tmp_path: Path
) -> None:
    run, source = logged(client, served, tmp_path)
    model = client.create_registered_model("late", tags={"team": "ops"}, description="Delays.")
    assert (model.tags, model.description) == ({"team": "ops"}, "Delays.")
    first = client.create_model_version("late", source, run, tags={"x": "y"}, description="one")
    second = client.create_model_version("late", source, run)
    assert (first.version, second.version) == ("1", "2") or (first.version, second.version) == (
        1,
        2,
    )
    client.set_registered_model_alias("late", "champion", "1")
    client.set_model_version_tag("late", "1", "k", "v")
    found = client.get_model_version_by_alias("late", "champion")
    assert (found.run_id, found.tags, found.aliases) == (run, {"x": "y", "k": "v"}, ["champion"])
    assert client.get_model_version_by_alias("late", "latest").version in (2, "2")
    assert client.get_registered_model("late").aliases == {"champion": "1"}
    assert client.get_model_version_download_uri("late", "1") == source


def test_what_is_deleted_is_gone_and_its_number_is_not_given_again(
    client: Any, served: Served, tmp_path: Path
) -> None:
    from mlflow.exceptions import MlflowException

    run, source = logged(client, served, tmp_path)
    client.create_registered_model("late")
    for _ in range(2):
        client.create_model_version("late", source, run)
    client.set_registered_model_alias("late", "prod", "2")
    client.delete_model_version("late", "2")
    with pytest.raises(MlflowException, match=r"Model Version \(name=late, version=2\) not found"):
        client.get_model_version("late", "2")
    with pytest.raises(MlflowException, match="alias prod not found"):
        client.get_model_version_by_alias("late", "prod")
    assert int(client.create_model_version("late", source, run).version) == 3
    client.delete_registered_model("late")
    with pytest.raises(MlflowException, match="Registered Model with name=late not found"):
        client.get_registered_model("late")


def test_stages_move_and_the_latest_of_each_is_known(
    client: Any, served: Served, tmp_path: Path
) -> None:
    run, source = logged(client, served, tmp_path)
    client.create_registered_model("late")
    for _ in range(3):
        client.create_model_version("late", source, run)
    client.transition_model_version_stage("late", "1", "production")
    client.transition_model_version_stage("late", "2", "Production", archive_existing_versions=True)
    assert client.get_model_version("late", "1").current_stage == "Archived"
    latest = {v.current_stage: int(v.version) for v in client.get_latest_versions("late")}
    assert latest == {"Archived": 1, "Production": 2, "None": 3}
    assert [int(v.version) for v in client.get_latest_versions("late", ["Production"])] == [2]


def test_a_renamed_model_keeps_everything(client: Any, served: Served, tmp_path: Path) -> None:
    run, source = logged(client, served, tmp_path)
    client.create_registered_model("old", tags={"a": "b"})
    client.create_model_version("old", source, run, tags={"c": "d"})
    client.set_registered_model_alias("old", "prod", "1")
    client.rename_registered_model("old", "new")
    assert client.get_registered_model("new").tags == {"a": "b"}
    assert client.get_model_version_by_alias("new", "prod").tags == {"c": "d"}


def test_searches_answer_filters_order_and_pages(
    client: Any, served: Served, tmp_path: Path
) -> None:
    run, source = logged(client, served, tmp_path)
    for name in ("Alpha", "beta", "gamma_1"):
        client.create_registered_model(name, tags={"kind": name.lower()})
        client.create_model_version(name, source, run if name == "beta" else None) if (
            name == "beta"
        ) else None

    def names(text: str, **options: Any) -> list[str]:
        return [m.name for m in client.search_registered_models(text, **options)]

    assert names("") == ["Alpha", "beta", "gamma_1"]
    assert names("name LIKE 'a%'") == []
    assert names("name ILIKE 'a%'") == ["Alpha"]
    assert names("name IN ('beta', 'Alpha')") == ["Alpha", "beta"]
    assert names("tags.kind != 'beta'") == ["Alpha", "gamma_1"]
    assert names("name LIKE '%a_1' AND tag.kind ILIKE 'GAMMA%'") == ["gamma_1"]
    assert names("", order_by=["name DESC"]) == ["gamma_1", "beta", "Alpha"]
    first = client.search_registered_models(max_results=2)
    second = client.search_registered_models(max_results=2, page_token=first.token)
    assert [m.name for m in [*first, *second]] == ["Alpha", "beta", "gamma_1"]
    assert second.token in (None, "")
    versions = client.search_model_versions(f"run_id = '{run}' and version_number >= 1")
    assert [v.name for v in versions] == ["beta"]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'name'."),
        ({"name": ""}, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'name'."),
        ({"name": 5}, "INVALID_PARAMETER_VALUE", "Invalid value 5 for parameter 'name' supplied:"),
        ({"name": "a/b"}, "INVALID_PARAMETER_VALUE", "Names cannot contain '/' or ':'"),
        ({"name": ".."}, "INVALID_PARAMETER_VALUE", "Names may be treated as files"),
        ({"name": "x" * 257}, "INVALID_PARAMETER_VALUE", "exceeds the maximum length"),
    ],
    ids=["no name", "empty", "number", "slash", "dots", "long"],
)
def test_names_that_no_model_has_are_refused(
    served: Served, body: dict[str, Any], code: str, message: str
) -> None:
    status, found, text = served.refusal(served.post("registered-models/create", body))
    assert (status, found) == (400, code)
    assert message in text


def test_a_name_is_given_once(served: Served) -> None:
    assert served.post("registered-models/create", {"name": "late"}).status_code == 200
    again = served.refusal(served.post("registered-models/create", {"name": "late"}))
    assert again == (
        400,
        "RESOURCE_ALREADY_EXISTS",
        "Registered Model (name=late) already exists.",
    )


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "file://elsewhere/etc/passwd",
        "mlflow-artifacts:/../x",
        "mlflow-artifacts:/0/%2e%2e/x",
        "mlflow-artifacts:/0/%252e%252e/x",
        "mlflow-artifacts:/0/run/artifacts/..\\x",
        "mlflow-artifacts:/0/run/artifacts?x=/../y",
        "runs:/other/model",
        "models:/nobody/1",
        "models:/m-00000000000000000000000000000000",
        "http://127.0.0.1/api/2.0/mlflow-artifacts/artifacts/../x",
    ],
)
def test_sources_that_reach_elsewhere_are_refused_and_nothing_is_registered(
    served: Served, source: str
) -> None:
    served.post("registered-models/create", {"name": "late"})
    body = {"name": "late", "source": source, "run_id": "0" * 32}
    answer = served.post("model-versions/create", body)
    assert answer.status_code in (400, 404), answer.text
    assert served.get("model-versions/search").json() == {}


def test_prompts_are_kept_apart_from_models(client: Any, served: Served) -> None:
    import mlflow

    mlflow.genai.register_prompt("greet", "Hello {{name}}", commit_message="first")
    mlflow.genai.set_prompt_alias("greet", "prod", 1)
    assert mlflow.genai.load_prompt("prompts:/greet@prod").template == "Hello {{name}}"
    assert [p.name for p in mlflow.genai.search_prompts()] == ["greet"]
    assert list(client.search_registered_models()) == []
    taken = served.refusal(served.post("registered-models/create", {"name": "greet"}))
    assert "already taken by a prompt" in taken[2]


def test_what_runs_when_it_is_loaded_is_found_in_what_clients_register(
    client: Any, served: Served, tmp_path: Path
) -> None:
    import pickle

    run, source = logged(client, served, tmp_path)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(print))
    client.log_artifact(run, str(tmp_path / "model.pkl"), "model")
    client.create_registered_model("late")
    client.create_model_version("late", source, run)
    client.create_model_version("late", f"runs:/{run}/model", run)
    api = served.url.partition("/projects/")[0] + f"/api/v1/projects/{served.project}"
    for version in (1, 2):
        made = served.http.get(f"{api}/models/late/versions/{version}").json()
        assert [one["file"] for one in made["findings"]] == ["model.pkl"], made
        assert "builtins.print" in made["findings"][0]["detail"]
        assert made["attestation"] is None
    policy = (
        f"project: {served.project}\ndata: {{source: a, target: y}}\nregistry: {{code: refuse}}\n"
    )
    assert served.http.put(api, json={"config": policy}).is_success
    answer = served.post("model-versions/create", {"name": "late", "source": source, "run_id": run})
    assert answer.status_code == 400
    assert "holds what runs when it is loaded" in answer.json()["message"]
