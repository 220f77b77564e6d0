"""Steps as Kubernetes Jobs, one each, through the plain HTTPS API of the cluster.

A job's pod is told where its message is (an object of the store, named by its digest), calls the step
(``python -m millwright.pipelines.executors.pod``), stores what came of it and leaves that digest as
its termination message, which the cluster shows in the pod's status. So a pod needs the control plane
and nothing else, and what it was told is in no argument and no annotation. A pod that is evicted or
loses its node ends without one: the step is lost, and the engine sends it again.
"""

from __future__ import annotations

import time

import msgspec
from pydantic import JsonValue

from millwright.kernel.errors import InvalidInput
from millwright.kernel.ids import new_id
from millwright.pipelines.board import Live
from millwright.pipelines.executors.address import KubernetesAddress
from millwright.pipelines.executors.cluster_api import ClusterApi, Tree
from millwright.pipelines.executors.elsewhere import Elsewhere, Sent
from millwright.pipelines.executors.remote_call import returned
from millwright.pipelines.messages import Ended, Message, lost
from millwright.pipelines.session import Session

_LOOK_SECONDS = 1.0
"""How often the cluster is asked how the jobs are."""


class KubernetesJobs(Elsewhere[str]):
    """The steps of one engine as jobs of a cluster."""

    def __init__(
        self, session: Session, address: KubernetesAddress, api: ClusterApi | None = None
    ) -> None:
        self._url = session.around.address["url"]
        if self._url is None:
            raise InvalidInput(
                "pipelines.no_server",
                "Pods reach the store through a control plane, and none runs.",
                hint="Start one with: mw up",
            )
        super().__init__(session, "Kubernetes")
        self._address = address
        self._api = api or ClusterApi.found(address.server, address.namespace)
        self._looked = 0.0

    def wait(self, seconds: float) -> list[Ended]:
        """What ended within so many seconds."""
        self._dispatch()
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            time.sleep(min(seconds, self._looked + _LOOK_SECONDS - now))
            return []
        self._looked = now
        ended = self._finished() + self._time_out()
        self._dispatch()
        return ended

    def close(self) -> None:
        """Delete the jobs that still run, with their pods."""
        for name in list(self._sent):
            self._stop(name)
        self._api.close()

    def _room(self) -> int:
        return self._address.parallel

    def _send(self, live: Live, message: Message) -> str:
        # The pod has no path of this machine.
        content = msgspec.msgpack.encode({**message, "url": None, "objects": None})
        name = f"mw-{new_id()}"
        self._api.create_job(self._job(name, live, self._session.put(content)))
        return name

    def _stop(self, key: str) -> None:
        self._api.delete_job(key)

    def _finished(self) -> list[Ended]:
        ended: list[Ended] = []
        states = self._api.pods_by_job() if self._sent else {}
        for name, sent in list(self._sent.items()):
            state = states.get(name)
            if state is None:
                # A pod takes a while to be made; a job that is gone will have none.
                if time.monotonic() - sent.since < 30 or self._api.has_job(name):
                    continue
                ended.append(self._forget(name, sent, "its job was deleted"))
            elif state.outcome is not None:
                content = self._session.around.doorway.read(self._session.project, [state.outcome])
                answer = msgspec.msgpack.decode(content[0])
                ended.append(returned(sent.live, sent.log, answer))
                self._drop(name)
            elif state.has_ended:
                ended.append(self._forget(name, sent, state.why))
        return ended

    def _forget(self, name: str, sent: Sent, why: str) -> Ended:
        self._drop(name)
        return lost(sent.live, sent.log, f"The step {sent.live.name!r} lost its pod: {why}")

    def _drop(self, name: str) -> None:
        del self._sent[name]
        self._stop(name)

    def _job(self, name: str, live: Live, told: str) -> Tree:
        return job_of(
            name,
            self._address,
            url=self._url or "",
            project=self._session.project,
            told=told,
            labels={"millwright/run": self._session.run_id},
            memory_mb=live.setting.memory_mb,
        )


def job_of(
    name: str,
    address: KubernetesAddress,
    *,
    url: str,
    project: str,
    told: str,
    labels: dict[str, str],
    memory_mb: int | None = None,
) -> Tree:
    """The manifest of one step's job (``batch/v1``)."""
    requests: Tree = {}
    if address.cpu:
        requests["cpu"] = address.cpu
    if memory_mb is not None:
        requests["memory"] = f"{memory_mb + 512}Mi"
    elif address.memory:
        requests["memory"] = address.memory
    container: Tree = {
        "name": "step",
        "image": address.image,
        "command": ["python", "-m", "millwright.pipelines.executors.pod"],
        "args": [project, told],
        "env": [{"name": "MILLWRIGHT_URL", "value": url}],
        "terminationMessagePolicy": "File",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if address.secret:
        container["envFrom"] = [{"secretRef": {"name": address.secret}}]
    if requests:
        container["resources"] = {"requests": requests}
    pod: Tree = {"restartPolicy": "Never", "containers": [container]}
    if address.service_account:
        pod["serviceAccountName"] = address.service_account
    marks: JsonValue = {"app.kubernetes.io/managed-by": "millwright", **labels}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": address.namespace, "labels": marks},
        "spec": {
            # Whether to try again is for the engine to decide, which keeps count.
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": 3600,
            "template": {"metadata": {"labels": marks}, "spec": pod},
        },
    }
