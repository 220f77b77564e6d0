"""Details in which clients and MLflow's own tests tell a stock server from another."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlflow_server import Served, serving


def test_deleting_the_tag_of_the_name_keeps_the_runs_name(client: Any) -> None:
    run = client.create_run("0", run_name="kept").info.run_id
    client.delete_tag(run, "mlflow.runName")
    found = client.get_run(run)
    assert found.info.run_name == "kept"
    assert "mlflow.runName" not in found.data.tags


def test_a_run_without_a_name_is_given_one_of_words(client: Any) -> None:
    words = client.create_run("0").info.run_name.split("-")
    assert len(words) == 3
    assert words[2].isdigit()


def test_refusals_say_which_element_lacks_what_and_of_which_class(served: Served) -> None:
    point = {"key": "loss", "value": 1.0}
    answer = served.post("runs/log-batch", {"run_id": served.run(), "metrics": [point]})
    assert answer.status_code == 400
    told = answer.json()
    assert "metrics[0].timestamp" in told["message"]
    assert told["error_class"] == told["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/csv"}])
def test_an_upload_to_a_run_needs_a_path_and_data(served: Served, headers: dict[str, str]) -> None:
    address = f"{served.url}/ajax-api/2.0/mlflow/upload-artifact"
    named = {"run_uuid": served.run(), "path": "a.txt"}
    empty = served.http.post(address, params=named, headers={})
    assert (empty.status_code, "Request must specify data." in empty.text) == (400, True)
    if not headers:
        assert served.http.post(address, params=named, content=b"hi").status_code == 200


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_spans_without_an_experiment_are_unprocessable(served: Served, body: bytes) -> None:
    answer = served.http.post(
        f"{served.url}/v1/traces", content=body, headers={"content-type": "application/x-protobuf"}
    )
    assert answer.status_code == 422


def begun(served: Served, session: str) -> dict[str, Any]:
    """A trace of a session, as the server tells of it."""
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    info = {
        "trace_id": f"tr-{uuid.uuid4().hex}",
        "trace_location": place,
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
        "trace_metadata": {"mlflow.trace.session": session},
    }
    told = {"trace": {"trace_info": info}}
    answer = served.http.post(f"{served.url}/api/3.0/mlflow/traces", json=told)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["trace"]["trace_info"]
    return found


def test_a_judgement_of_a_session_holds_for_all_its_traces(served: Served, client: Any) -> None:
    import mlflow

    one, two, other = (begun(served, session) for session in ("one", "one", "two"))
    assert one["trace_metadata"]["mlflow.trace.infoFinalized"] == "true"
    mlflow.log_feedback(
        trace_id=one["trace_id"],
        name="good",
        value="yes",
        metadata={"mlflow.trace.session": "one"},
    )
    mlflow.log_feedback(trace_id=other["trace_id"], name="own", value="yes")
    for name, held in (("good", {one["trace_id"], two["trace_id"]}), ("own", {other["trace_id"]})):
        found = client.search_traces(
            experiment_ids=["0"], filter_string=f"feedback.{name} = 'yes'", include_spans=False
        )
        assert {trace.info.trace_id for trace in found} == held


def test_names_of_tags_of_traces_are_checked(served: Served) -> None:
    address = f"{served.url}/api/3.0/mlflow/traces/{begun(served, 's')['trace_id']}/tags"
    for key, status in (("k" * 251, 400), ("a:b", 200), ("a\nb", 400), ("../a", 400)):
        answer = served.http.patch(address, json={"key": key, "value": "v"})
        assert answer.status_code == status, key


def test_the_first_experiment_of_a_database_is_number_one(tmp_path: Path) -> None:
    for url, store in serving(tmp_path):
        with httpx.Client() as http:
            first = Served(url, "default", store, http)
            assert first.post("experiments/create", {"name": "a"}).json() == {"experiment_id": "1"}
            other = Served(f"{url}/projects/other/mlflow", "other", store, http)
            assert other.get("experiments/get", experiment_id="0").status_code == 200
            assert first.post("experiments/create", {"name": "b"}).json() != {"experiment_id": "1"}


@pytest.mark.parametrize("path", ["delete", "restore", "update", "set-experiment-tag"])
def test_an_empty_id_never_means_the_default_experiment(served: Served, path: str) -> None:
    body = {"experiment_id": "", "new_name": "x", "key": "k", "value": "v"}
    status, code, message = served.refusal(served.post(f"experiments/{path}", body))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "'experiment_id'" in message


def test_versions_without_a_run_are_not_of_another_run(client: Any) -> None:
    client.create_registered_model("runless")
    client.create_model_version("runless", "s3://b/model")
    for text in ("run_id != 'x'", "run_id NOT IN ('x')"):
        found = client.search_model_versions(f"name = 'runless' AND {text}")
        assert [each.version for each in found] in ([1], ["1"]), text


def test_a_large_file_goes_up_in_parts(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(1 << 20))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 << 20))
    run = client.create_run("0").info.run_id
    content = bytes(range(256)) * (48 << 10)
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.bin"
        large.write_bytes(content)
        client.log_artifact(run, str(large), "weights")
        down = client.download_artifacts(run, "weights/large.bin", folder + "/")
        assert Path(down).read_bytes() == content


def test_an_address_that_ends_in_a_slash_is_answered_too(served: Served) -> None:
    wanted = {"name": "model", "version": "1", "path": "../path"}
    answer = served.http.get(f"{served.url}//model-versions/get-artifact", params=wanted)
    assert served.refusal(answer) == (400, "INVALID_PARAMETER_VALUE", "Invalid path")
    assert served.http.get(f"{served.url}//version").status_code == 200
