"""One deployment as one process on this machine.

A target is looked at again and again. Each look compares what should be served with the process
that is there and takes the next step: start it, wait for it, hand it a new configuration, start it
again after it died. No look waits for long, so one controller can look after many.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import subprocess
import time
from pathlib import Path

import httpx

from millwright.deployment.observed import forget_replica, is_alive, record_port, record_replica
from millwright.deployment.packages import discard, materialise
from millwright.deployment.queries import replica_of, spool_folder
from millwright.deployment.records import Deployment, Replica, ReplicaState
from millwright.deployment.versions import version_of
from millwright.kernel.clock import now_ms
from millwright.kernel.errors import Corrupt, MillwrightError, NotFound, Unavailable
from millwright.kernel.process import spawn, stop
from millwright.kernel.store import Store
from millwright.serving import ADMIN_TOKEN, ServerConfig, VariantConfig, listen

_log = logging.getLogger("millwright.deployment")
HOST = "127.0.0.1"
READY_SECONDS = 60.0
HEALTHY_SECONDS = 10.0
"""A process that was ready this long is forgiven its earlier failures."""
LOOK_SECONDS = 5.0
MISSED_LOOKS = 3
OLD_PROCESS_SECONDS = 15.0
"""How long a predecessor may take to free the port before another port is chosen."""


class ProcessTarget:
    """The process of one deployment. Used from one thread at a time."""

    def __init__(self, store: Store, deployment_id: str) -> None:
        self._store = store
        self._id = deployment_id
        self._folder = store.workspace.folder("deployments", deployment_id)
        self._log_file = store.workspace.folder("logs") / f"serving-{deployment_id}.log"
        self._http = httpx.Client(trust_env=False)
        self._token = secrets.token_urlsafe(32)
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._revision = 0
        self._shape: object = None
        """What of the settings only another process can change."""
        self._ready = False
        self._since = 0.0
        self._log_start = 0
        self._failures = 0
        self._retry_at = 0.0
        self._next_look = 0.0
        self._missed = 0
        self._gave_port_time = time.monotonic() + OLD_PROCESS_SECONDS

    def reconcile(self, deployment: Deployment) -> None:
        """Take the next step towards what should be served."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            self._died(deployment, self._process.returncode)
        if self._process is None:
            if now >= self._retry_at:
                self._start(deployment)
            return
        if deployment.port not in (0, self._port) or self._shape != _shape_of(deployment):
            self._end()
            self._start(deployment)
        elif not self._ready:
            self._await_ready(deployment, self._process)
        elif self._revision != deployment.revision:
            if now >= self._retry_at:
                self._push(deployment)
        elif now >= self._next_look:
            self._look(deployment)

    def begin_stop(self) -> None:
        """Ask the process to end, without waiting for it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self, project: str) -> None:
        """End the process: it finishes what it began and writes its log first."""
        self._end()
        forget_replica(self._store, self._id, project)
        self._http.close()

    def _start(self, deployment: Deployment) -> None:
        try:
            config = self._config(deployment)
            bound = self._bind(deployment)
        except (MillwrightError, OSError) as error:
            self._failed(deployment, str(error))
            return
        if bound is None:
            return
        with bound:
            self._port = int(bound.getsockname()[1])
            if self._port != deployment.port:
                record_port(self._store, deployment, self._port)
            file = self._write_config(config)
            self._log_start = self._log_file.stat().st_size if self._log_file.exists() else 0
            arguments = ["-m", "millwright.serving", "--config", str(file)]
            self._process = spawn(
                [*arguments, "--socket", str(bound.fileno()), "--lifeline"],
                log=self._log_file,
                environment={ADMIN_TOKEN: self._token},
                inherit=(bound.fileno(),),
            )
        self._shape = _shape_of(deployment)
        self._ready, self._revision, self._since = False, config.revision, time.monotonic()
        self._record(deployment, "starting")

    def _bind(self, deployment: Deployment) -> socket.socket | None:
        if not deployment.port:
            return listen(HOST, 0)
        try:
            return listen(HOST, deployment.port)
        except Unavailable:
            old = replica_of(self._store, self._id)
            if old is not None and is_alive(old.pid) and time.monotonic() < self._gave_port_time:
                # The server of a control plane that was killed is still finishing its requests.
                self._retry_at = time.monotonic() + 0.2
                return None
            _log.warning(
                "port %d of %s is taken; choosing another", deployment.port, deployment.name
            )
            return listen(HOST, 0)

    def _await_ready(self, deployment: Deployment, process: subprocess.Popen[bytes]) -> None:
        if self._answers("/v2/health/ready", seconds=0.3):
            self._ready, self._since, self._missed = True, time.monotonic(), 0
            self._next_look = self._since + LOOK_SECONDS
            self._record(deployment, "ready")
        elif time.monotonic() > self._since + READY_SECONDS:
            stop(process)
            self._process = None
            self._failed(deployment, f"It was not ready within {READY_SECONDS:.0f} seconds.")

    def _push(self, deployment: Deployment) -> None:
        """Hand the running server its new configuration; it swaps without losing a request."""
        try:
            config = self._config(deployment)
            answer = self._http.post(
                f"http://{HOST}:{self._port}/admin/config",
                content=config.model_dump_json(),
                headers={
                    "content-type": "application/json",
                    "authorization": f"Bearer {self._token}",
                },
                timeout=READY_SECONDS,
            )
        except httpx.TransportError:
            self._end()
            self._start(deployment)
            return
        except (MillwrightError, OSError) as error:
            self._refused(deployment, str(error))
            return
        if answer.status_code != 200:
            self._refused(deployment, _sentence(answer))
            return
        self._revision, self._failures = deployment.revision, 0
        self._record(deployment, "ready")

    def _refused(self, deployment: Deployment, sentence: str) -> None:
        """What ran before runs on; the new configuration is tried again, more and more rarely."""
        self._back_off()
        self._record(
            deployment, "ready", f"Revision {deployment.revision} could not be loaded: {sentence}"
        )

    def _look(self, deployment: Deployment) -> None:
        self._next_look = time.monotonic() + LOOK_SECONDS
        if self._answers("/v2/health/live", seconds=2.0):
            self._missed = 0
            if time.monotonic() > self._since + HEALTHY_SECONDS:
                self._failures = 0
            return
        self._missed += 1
        if self._missed >= MISSED_LOOKS:
            self._end()
            self._failed(deployment, "It stopped answering and was ended.")

    def _died(self, deployment: Deployment, code: int) -> None:
        if self._ready and time.monotonic() > self._since + HEALTHY_SECONDS:
            self._failures = 0
        said = "" if self._ready else self._last_words()
        if code in (Corrupt.exit_code, NotFound.exit_code):
            for variant in deployment.variants:
                discard(self._store, variant.version_id)
        self._end()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._failed(deployment, said or f"It ended with {how} and is started again.")

    def _failed(self, deployment: Deployment, message: str) -> None:
        _log.warning("%s: %s", deployment.name, message)
        self._back_off()
        self._record(deployment, "failed", message)

    def _back_off(self) -> None:
        """The first failure is tried again at once, later ones after up to half a minute."""
        self._failures += 1
        delay = 0.0 if self._failures == 1 else min(30.0, 0.25 * 2**self._failures)
        self._retry_at = time.monotonic() + delay

    def _end(self) -> None:
        if self._process is not None:
            stop(self._process)
        self._process, self._ready = None, False

    def _answers(self, path: str, *, seconds: float) -> bool:
        try:
            answer = self._http.get(f"http://{HOST}:{self._port}{path}", timeout=seconds)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def _config(self, deployment: Deployment) -> ServerConfig:
        variants = [
            VariantConfig(
                name=variant.name,
                package=materialise(self._store, version_of(self._store, deployment, variant)),
                version_id=variant.version_id,
                version=variant.version,
                weight=variant.weight,
                mirror=variant.mirror,
            )
            for variant in deployment.variants
        ]
        return ServerConfig(
            **deployment.serving.model_dump(),
            deployment=deployment.name,
            model_name=deployment.model,
            revision=deployment.revision,
            spool=spool_folder(self._store.workspace, deployment.id),
            variants=tuple(variants),
        )

    def _write_config(self, config: ServerConfig) -> Path:
        file = self._folder / "server.json"
        temporary = self._folder / f".server-{os.getpid()}.json"
        temporary.write_text(config.model_dump_json(indent=1), "utf-8")
        temporary.replace(file)
        return file

    def _record(self, deployment: Deployment, state: ReplicaState, message: str = "") -> None:
        process = self._process
        seen = Replica(
            deployment_id=deployment.id,
            pid=None if process is None else process.pid,
            port=self._port or deployment.port,
            state=state,
            revision=self._revision if self._ready else 0,
            message=message,
            updated_ms=now_ms(),
        )
        record_replica(self._store, deployment, seen)

    def _last_words(self) -> str:
        try:
            with self._log_file.open("rb") as file:
                file.seek(self._log_start)
                lines = file.read(100_000).decode("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1][:500] if lines else ""


def _shape_of(deployment: Deployment) -> object:
    return deployment.serving.engine, deployment.serving.workers.is_one


def _sentence(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {answer.status_code}"
