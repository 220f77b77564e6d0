"""The handler of an AWS Lambda function: ``millwright.serving.aws_lambda.handler``.

A zip names it as its handler; an image asks Lambda for events by itself (``answer_events``).

One invocation is one HTTP request, in the form of a function URL or an API Gateway of either payload
format; the paths are those of the server. The model is loaded once for each execution environment, while
Lambda starts it. Sources: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html and runtimes-api.html there.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import traceback
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from millwright.serving.application import Application
from millwright.serving.bodies import Headers
from millwright.serving.container import DEFAULT_HOME, HOME, config_of
from millwright.serving.events import EventStream
from millwright.serving.listening import ACCESS_TOKEN
from millwright.serving.models import Models
from millwright.serving.replies import Reply

Event = Mapping[str, Any]


class _Invocation:
    """A request that came as one event."""

    __slots__ = ("_body", "headers", "method", "path")
    headers: Headers

    def __init__(self, event: Event) -> None:
        http = event.get("requestContext", {}).get("http", {})
        self.method = str(http.get("method") or event.get("httpMethod") or "POST")
        self.path = str(event.get("rawPath") or event.get("path") or "/invocations")
        given = event.get("headers") or {}
        self.headers = {str(name).lower(): str(value) for name, value in given.items()}
        body = event.get("body") or ""
        self._body = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()

    async def whole(self) -> bytes | None:
        return self._body

    async def parts(self) -> AsyncIterator[bytes]:
        yield self._body


def handler(event: Event, _context: object) -> dict[str, Any]:
    """Answer one invocation."""
    runner, application = _loaded()
    reply, body = runner.run(_whole(application, _Invocation(event)))
    try:
        text, is_binary = body.decode(), False
    except UnicodeDecodeError:
        text, is_binary = base64.b64encode(body).decode(), True
    return {
        "statusCode": reply.status,
        "headers": dict(reply.headers()),
        "body": text,
        "isBase64Encoded": is_binary,
    }


async def _whole(
    application: Application, invocation: _Invocation
) -> tuple[Reply | EventStream, bytes]:
    """The reply and all of its body: an invocation is answered in one piece."""
    reply = await application.respond(invocation)
    assert reply is not None, "an event arrives whole"
    if isinstance(reply, Reply):
        return reply, bytes(reply.body)
    parts = []
    try:
        while (part := await reply.part()) is not None:
            parts.append(part)
    finally:
        await reply.close()
    return reply, b"".join(parts)


@lru_cache(maxsize=1)
def _loaded() -> tuple[asyncio.Runner, Application]:
    # Unpacked beside the code in a zip, at the usual place in an image.
    beside = Path(os.environ.get("LAMBDA_TASK_ROOT", "")) / "model"
    home = Path(os.environ.get(HOME, DEFAULT_HOME)) / "model"
    models = Models(config_of(home if home.is_dir() else beside))
    models.start()
    application = Application(models, access_token=os.environ.get(ACCESS_TOKEN) or None)
    return asyncio.Runner(), application


def answer_events(api: str) -> NoReturn:
    """Take one event after the other from Lambda's runtime interface at ``HOST:PORT``, for ever."""
    _loaded()
    base = "/2018-06-01/runtime/invocation"
    # Without a time limit: the next event may be hours away.
    connection = http.client.HTTPConnection(api)
    while True:
        connection.request("GET", f"{base}/next")
        came = connection.getresponse()
        event, name = came.read(), came.headers["lambda-runtime-aws-request-id"]
        try:
            kind, answer = "response", handler(json.loads(event), None)
        except Exception as error:
            traceback.print_exc()
            kind = "error"
            answer = {"errorType": type(error).__name__, "errorMessage": "The log has more."}
        connection.request("POST", f"{base}/{name}/{kind}", body=json.dumps(answer))
        connection.getresponse().read()


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Starting is when processors are free of charge; the first caller need not wait for the model.
    _loaded()
