"""The same handler answers what Lambda sends to a zip, and what an image asks Lambda for."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from millwright.serving import aws_lambda

ROW = {"dataframe_records": [{"distance": 500.0, "carrier": "AA"}]}


def event(body: object, path: str = "/invocations", method: str = "POST") -> dict[str, Any]:
    """As a function URL sends it (payload format 2.0)."""
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"Content-Type": "application/json"},
        "requestContext": {"http": {"method": method, "path": path}},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


@pytest.fixture
def home(package: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = package.parent / "home"
    folder.mkdir()
    package.rename(folder / "model")
    monkeypatch.setenv("MILLWRIGHT_HOME", str(folder))
    monkeypatch.setenv("MILLWRIGHT_MODEL_VERSION", "7")
    aws_lambda._loaded.cache_clear()
    return folder


def test_a_function_url_is_answered(home: Path) -> None:
    found = aws_lambda.handler(event(ROW), None)
    assert found["statusCode"] == 200
    assert len(json.loads(found["body"])["predictions"]) == 1
    assert found["isBase64Encoded"] is False
    shown = aws_lambda.handler(event("", "/v2/models/delays", "GET"), None)
    assert json.loads(shown["body"])["versions"] == ["7"]


def test_an_api_gateway_of_the_first_format_is_answered_too(home: Path) -> None:
    body = base64.b64encode(json.dumps(ROW).encode()).decode()
    found = aws_lambda.handler(
        {
            "path": "/invocations",
            "httpMethod": "POST",
            "headers": {"content-type": "application/json"},
            "body": body,
            "isBase64Encoded": True,
        },
        None,
    )
    assert found["statusCode"] == 200


def test_what_is_wrong_with_a_request_is_said(home: Path) -> None:
    found = aws_lambda.handler(event({"dataframe_records": [{"carrier": "AA"}]}), None)
    assert found["statusCode"] == 400
    assert "distance" in found["body"]
    assert aws_lambda.handler(event({}, "/nowhere"), None)["statusCode"] == 404


def test_an_image_asks_lambda_for_events_and_answers_them(home: Path) -> None:
    answers: list[tuple[str, Any]] = []
    done = threading.Event()
    waiting = [event(ROW), event({"dataframe_records": []}), event(ROW, "/ping", "GET")]

    class Runtime(BaseHTTPRequestHandler):
        """Lambda's runtime interface, as its documentation has it."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            assert self.path == "/2018-06-01/runtime/invocation/next"
            if not waiting:
                # Lambda freezes an environment that has nothing to do.
                done.wait(30)
                self.close_connection = True
                return
            content = json.dumps(waiting.pop(0)).encode()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", f"id-{len(answers)}")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            answers.append((self.path, json.loads(content)))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if len(answers) == 3:
                done.set()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Runtime)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {**os.environ, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "millwright.serving.container"], env=environment
    )
    try:
        assert done.wait(60)
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()
    paths = [path for path, _ in answers]
    assert paths == [f"/2018-06-01/runtime/invocation/id-{n}/response" for n in range(3)]
    assert answers[0][1]["statusCode"] == 200
    assert json.loads(answers[2][1]["body"]) == {"ready": True}
