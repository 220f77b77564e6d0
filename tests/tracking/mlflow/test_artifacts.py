"""Artifacts through the proxy: whole, in order, and only under the names they were given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from millwright.tracking import service
from mlflow_server import Served

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


def test_a_folder_goes_up_and_comes_down(client: Any, served: Served, tmp_path: Path) -> None:
    import mlflow

    run = served.run()
    (tmp_path / "sub").mkdir()
    (tmp_path / "a b.txt").write_text("ä")
    (tmp_path / "100%.png").write_bytes(b"")
    (tmp_path / "sub" / "large.bin").write_bytes(os.urandom(9 << 20))
    client.log_artifacts(run, str(tmp_path), "m")
    listed = {(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run, "m")}
    assert listed == {("m/100%.png", False, 0), ("m/a b.txt", False, 2), ("m/sub", True, None)}
    back = Path(client.download_artifacts(run, "m", str(tmp_path / "sub")))
    assert (back / "sub" / "large.bin").read_bytes() == (tmp_path / "sub/large.bin").read_bytes()
    assert mlflow.artifacts.load_text(f"{client.get_run(run).info.artifact_uri}/m/a b.txt") == "ä"
    ours = [artifact.name for artifact in service.artifacts(served.store, run)]
    assert ours == ["m/100%.png", "m/a b.txt", "m/sub/large.bin"]


def test_the_same_path_again_replaces_and_delete_removes_a_folder(served: Served) -> None:
    url = f"{served.url}{PROXY}/notes/x/readme.md"
    for text in (b"one", b"two"):
        assert served.http.put(url, content=text).status_code == 200
    assert served.http.get(url).content == b"two"
    assert served.http.get(url).headers["content-disposition"].startswith("attachment")
    assert served.http.delete(f"{served.url}{PROXY}/notes").status_code == 200
    assert served.refusal(served.http.get(url))[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


def test_an_upload_in_parts_is_put_together(served: Served) -> None:
    base = f"{served.url}/api/2.0/mlflow-artifacts/mpu"
    parts = [os.urandom(5 << 20), os.urandom(1 << 20)]
    body = {"path": "big.bin", "num_parts": 2}
    begun = served.http.post(f"{base}/create/some/place", json=body).json()
    tags = []
    for credential, part in zip(begun["credentials"], parts, strict=True):
        answer = served.http.put(credential["url"], content=part)
        tags.append({"part_number": credential["part_number"], "etag": answer.headers["etag"]})
    done = {"path": "big.bin", "upload_id": begun["upload_id"], "parts": tags}
    assert served.http.post(f"{base}/complete/some/place", json=done).status_code == 200
    whole = served.http.get(f"{served.url}{PROXY}/some/place/big.bin").content
    assert whole == b"".join(parts)
    again = served.http.post(f"{base}/complete/some/place", json=done)
    assert served.refusal(again)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    part = begun["credentials"][0]["url"]
    assert served.http.put(part, content=b"late").status_code == 404


HOSTILE = [
    "../x",
    "a/../../x",
    "a/%2e%2e/x",
    "%252e%252e/x",
    "%25252e%25252e%25252fx",
    "..%2fx",
    "a%5c..%5cx",
    "%2fetc/passwd",
    "C:/x",
    "C:%5cx",
    "a//b",
    "a/./b",
    "x%00y",
    "x%0ay",
    "x%23y",
    "x%3fy",
    "x%3by",
    "%c0%ae%c0%ae/x%5c",
    "file:///etc/passwd",
    "a/%20../..%20/x%5c",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_paths_that_mean_something_else_are_refused_and_nothing_is_written(
    served: Served, path: str
) -> None:
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(served.url)
    for method, place in (
        ("PUT", f"{PROXY}/{path}"),
        ("GET", f"{PROXY}/{path}"),
        ("DELETE", f"{PROXY}/{path}"),
        # A list may be asked for with the dot in it, which clients send when they fetch everything.
        ("GET", f"{PROXY}?path={path}" if path != "a/./b" else f"{PROXY}?path=a/../b"),
    ):
        # As written: other clients would tidy the path before they send it.
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        connection.request(method, f"{parts.path}{place}", body=b"x" if method == "PUT" else None)
        answer = connection.getresponse()
        text = answer.read()
        assert 400 <= answer.status < 500, (method, path, answer.status, text)
        assert b"error_code" in text
        assert b"Traceback" not in text
        connection.close()
    assert served.http.get(f"{served.url}{PROXY}").json() == {}


@pytest.mark.parametrize("everything", [".", "./", ""])
def test_a_run_is_fetched_whole(
    client: Any, served: Served, tmp_path: Path, everything: str
) -> None:
    run = served.run()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("a")
    client.log_artifacts(run, str(tmp_path))
    (tmp_path / "back").mkdir()
    back = Path(client.download_artifacts(run, everything, str(tmp_path / "back")))
    assert (back / "sub" / "a.txt").read_text() == "a"


@pytest.mark.parametrize(
    ("name", "kind", "saved"),
    [
        ("MLmodel", "text/plain", "MLmodel"),
        ("b.pkl", "application/octet-stream", "b.pkl"),
        ("c.png", "image/png", "c.png"),
        ("conf.yaml", "text/plain", "conf.yaml"),
        ("dog+step+20.jpg", "image/jpeg", "dog+step+20.jpg"),
        ("ä b.txt", "text/plain", "_b.txt; filename*=UTF-8''%C3%A4%20b.txt"),
    ],
)
def test_a_download_is_what_its_name_says_and_not_what_its_uploader_said(
    served: Served, name: str, kind: str, saved: str
) -> None:
    url = f"{served.url}{PROXY}/dir/{name}"
    said = {"content-type": "application/x-evil"}
    assert served.http.put(url, content=b"x", headers=said).status_code == 200
    answer = served.http.get(url)
    assert answer.headers["content-type"].split(";")[0] == kind
    assert answer.headers["content-disposition"] == f"attachment; filename={saved}"
