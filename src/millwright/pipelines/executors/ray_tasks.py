"""Steps as tasks of a Ray cluster. A worker or a node that is lost loses the steps it had begun.

Whether to try again is for the engine to decide, so Ray's own retries are off. Ray is imported here
and nowhere else: ``pip install 'millwright[ray]'``.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Any

from millwright.kernel.errors import InvalidInput, Unavailable
from millwright.pipelines.board import Live
from millwright.pipelines.executors.address import RayAddress
from millwright.pipelines.executors.elsewhere import Elsewhere
from millwright.pipelines.executors.remote_call import perform, returned
from millwright.pipelines.messages import Ended, Message, lost
from millwright.pipelines.session import Session

_AHEAD = 2
"""Tasks in flight for each processor of the cluster: one runs, one waits."""


class RayTasks(Elsewhere[Any]):
    """The steps of one engine in a Ray cluster."""

    def __init__(self, session: Session, address: RayAddress) -> None:
        if session.around.address["url"] is None and not address.is_here:
            raise InvalidInput(
                "pipelines.no_server",
                "Steps on other machines reach the store through a control plane, and none runs.",
                hint="Start one with: mw up. Where all nodes see this folder: ?files=shared",
            )
        super().__init__(session, "Ray")
        self._ray, self._started = _connected(address)
        self._call = self._ray.remote(max_retries=0, scheduling_strategy="SPREAD")(perform)

    def wait(self, seconds: float) -> list[Ended]:
        """What ended within so many seconds."""
        self._dispatch()
        if not self._sent:
            time.sleep(seconds)
            return []
        ready, _ = self._ray.wait(
            list(self._sent), num_returns=1, timeout=seconds, fetch_local=False
        )
        if ready:
            # What else is there by now is taken along.
            ready, _ = self._ray.wait(
                list(self._sent), num_returns=len(self._sent), timeout=0, fetch_local=False
            )
        ended = [self._end(reference) for reference in ready]
        ended += self._time_out()
        self._dispatch()
        return ended

    def close(self) -> None:
        """Cancel what still runs, and leave the cluster; end one that was started here."""
        for reference in self._sent:
            self._stop(reference)
        if self._started:
            self._ray.shutdown()

    def _send(self, live: Live, message: Message) -> Any:
        options: dict[str, Any] = {}
        if live.setting.environment or live.setting.memory_mb:
            options["max_calls"] = 1  # its process serves no other step
        if live.setting.memory_mb:
            options["memory"] = live.setting.memory_mb << 20
        call = self._call.options(**options) if options else self._call
        return call.remote(message)

    def _stop(self, key: Any) -> None:
        self._ray.cancel(key, force=True)

    def _room(self) -> int:
        processors = float(self._ray.cluster_resources().get("CPU", 1))
        return max(_AHEAD, round(_AHEAD * processors))

    def _end(self, reference: Any) -> Ended:
        sent = self._sent.pop(reference)
        try:
            return returned(sent.live, sent.log, self._ray.get(reference))
        except self._ray.exceptions.RayError as error:
            why = f"The step {sent.live.name!r} lost its worker: {str(error).splitlines()[0]}"
            return lost(sent.live, sent.log, why)


def _connected(address: RayAddress) -> tuple[Any, bool]:
    """Ray, connected, and whether its cluster was started here."""
    _set_token(address)
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError as cause:
        raise Unavailable(
            "pipelines.no_ray",
            "Steps on Ray need the package ray.",
            hint="Install it with: pip install 'millwright[ray]'",
        ) from cause
    if ray.is_initialized():
        return ray, False
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    try:
        if address.host == "local":
            ray.init(include_dashboard=False, configure_logging=False, **quiet)
        elif address.port is None or address.host == "auto":
            ray.init(address="auto", **quiet)
        elif address.port == 10001:
            ray.init(address=f"ray://{address.host}:{address.port}", **quiet)
        else:
            ray.init(address=f"{address.host}:{address.port}", **quiet)
    except (ConnectionError, RuntimeError, ValueError) as cause:
        raise Unavailable(
            "pipelines.ray_unreachable",
            f"No Ray cluster answers at {address.host}: {str(cause).splitlines()[0]}",
            hint="Are host, port and RAY_AUTH_TOKEN right?",
        ) from cause
    return ray, True


def _set_token(address: RayAddress) -> None:
    """Whoever can reach a cluster can run code in it, so there is a token, always said explicitly.

    Ray reads these variables when it is imported.

    Raises:
        InvalidInput: the cluster is not ours to start, and no token is given.
    """
    os.environ["RAY_AUTH_MODE"] = address.auth
    if address.auth == "disabled" or os.environ.get("RAY_AUTH_TOKEN"):
        return
    file = os.environ.get("RAY_AUTH_TOKEN_PATH", str(Path.home() / ".ray" / "auth_token"))
    if Path(file).is_file():
        return
    if address.host != "local":
        raise InvalidInput(
            "pipelines.no_ray_token",
            "The Ray cluster asks for a token, and none is given.",
            hint="Set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH; of a cluster without: ?auth=disabled",
        )
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
