"""The model repository extension: what is there, and what of it is in memory.

Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from millwright.kernel.errors import InvalidInput
from millwright.serving.bodies import Incoming, read_body
from millwright.serving.models import Endpoint, Models
from millwright.serving.replies import Reply, json_reply, no_path

_ROOT = "/v2/repository/"
_BODY_BYTES = 64 * 1024


class _Index(msgspec.Struct):
    ready: bool = False


class Repository:
    """The three questions of the extension over REST; loading and unloading need the admin token."""

    def __init__(self, models: Models, check_admin: Callable[[str | None], None]) -> None:
        self._models = models
        self._check_admin = check_admin

    async def post(self, path: str, request: Incoming) -> Reply | None:
        """The reply to ``POST path``; None where it is not of this extension.

        Raises:
            Forbidden, Unauthenticated: a change without the admin token.
            NotFound: no such path or model. NotFound, Corrupt: the model cannot be loaded.
        """
        if not path.startswith(_ROOT):
            return None
        parts = path[len(_ROOT) :].split("/")
        if parts == ["index"]:
            return await self._index(request)
        if len(parts) != 3 or parts[0] != "models" or parts[2] not in ("load", "unload"):
            raise no_path(path)
        self._check_admin(request.headers.get("authorization"))
        await read_body(request, _BODY_BYTES)
        endpoint = self._models.named(parts[1])
        if parts[2] == "load":
            await self._models.load(endpoint)
        else:
            self._models.unload(endpoint)
        return json_reply({})

    async def _index(self, request: Incoming) -> Reply:
        body = await read_body(request, _BODY_BYTES)
        try:
            asked = msgspec.json.decode(body, type=_Index) if body.strip() else _Index()
        except (msgspec.MsgspecError, UnicodeDecodeError) as cause:
            raise InvalidInput(
                "serving.json", f"The body is not a question for the index: {cause}."
            ) from cause
        return json_reply(index(self._models, only_ready=asked.ready))


def index(models: Models, *, only_ready: bool = False) -> list[dict[str, str]]:
    """Each version of each model with its state and, where it is not ready, why."""
    return [
        {
            "name": endpoint.name,
            "version": str(variant.version),
            "state": "READY" if endpoint.generation is not None else "UNAVAILABLE",
            "reason": _reason(endpoint),
        }
        for endpoint in sorted(models.endpoints, key=lambda one: one.name)
        if endpoint.generation is not None or not only_ready
        for variant in endpoint.config.variants
    ]


def _reason(endpoint: Endpoint) -> str:
    if endpoint.generation is not None:
        return ""
    if endpoint.unloaded:
        return "unloaded"
    return endpoint.trouble or "not in memory; the next request loads it"
