"""The part of the Kubernetes API that jobs need, over plain HTTPS.

Inside a pod the service account says where the API is; elsewhere the kubeconfig does, with a bearer
token or a client certificate. Source: kubernetes.io/docs/reference/kubernetes-api (batch/v1, core/v1).
"""

from __future__ import annotations

import base64
import os
import re
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import JsonValue

from millwright.kernel.errors import Forbidden, NotFound, Unavailable

Tree = dict[str, JsonValue]
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PodState:
    """How the pod of a job is."""

    has_ended: bool
    outcome: str | None
    """The digest that it left as its termination message."""
    why: str


class ClusterApi:
    """Jobs and their pods in one namespace."""

    def __init__(self, client: httpx.Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    @classmethod
    def found(cls, server: str, namespace: str) -> ClusterApi:
        """The cluster that a pod is in, that the kubeconfig names, or that answers at ``server``.

        Raises:
            NotFound: there is none.
        """
        if server:
            return cls(httpx.Client(base_url=server, timeout=30.0), namespace)
        if _ACCOUNT.is_dir() and "KUBERNETES_SERVICE_HOST" in os.environ:
            host, port = (
                os.environ["KUBERNETES_SERVICE_HOST"],
                os.environ.get("KUBERNETES_SERVICE_PORT", "443"),
            )
            token = (_ACCOUNT / "token").read_text("utf-8").strip()
            verify = ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt"))
            client = httpx.Client(
                base_url=f"https://{host}:{port}",
                headers=_bearer(token),
                verify=verify,
                timeout=30.0,
            )
            return cls(client, namespace)
        file = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
        if not file.is_file():
            raise NotFound(
                "pipelines.no_cluster",
                f"There is no Kubernetes cluster here: no service account, and no {file}.",
                hint="Set KUBECONFIG, or run in a pod.",
            )
        return cls(_by_kubeconfig(file), namespace)

    def create_job(self, manifest: Tree) -> None:
        """Create a job."""
        self._ask("POST", f"/apis/batch/v1/namespaces/{self._namespace}/jobs", json=manifest)

    def has_job(self, name: str) -> bool:
        """Whether a job is there."""
        path = f"/apis/batch/v1/namespaces/{self._namespace}/jobs/{name}"
        return self._ask("GET", path, missing=True) is not None

    def delete_job(self, name: str) -> None:
        """Delete a job and its pods; nothing if it is gone."""
        path = f"/apis/batch/v1/namespaces/{self._namespace}/jobs/{name}"
        self._ask("DELETE", path, missing=True, params={"propagationPolicy": "Background"})

    def pods_by_job(self) -> dict[str, PodState]:
        """How the pods of our jobs are, by the name of their job."""
        found = self._ask(
            "GET",
            f"/api/v1/namespaces/{self._namespace}/pods",
            params={"labelSelector": "app.kubernetes.io/managed-by=millwright"},
        )
        states: dict[str, PodState] = {}
        for pod in found["items"]:
            labels = pod["metadata"].get("labels", {})
            job = labels.get("batch.kubernetes.io/job-name") or labels.get("job-name")
            if job is not None:
                states[job] = _state(pod.get("status", {}))
        return states

    def close(self) -> None:
        """Release the connection."""
        self._client.close()

    def _ask(self, method: str, path: str, *, missing: bool = False, **more: Any) -> Any:
        try:
            answer = self._client.request(method, path, **more)
        except httpx.TransportError as cause:
            raise Unavailable(
                "pipelines.cluster_unreachable",
                f"The Kubernetes API does not answer: {cause}.",
                hint="Is the cluster up, and its address in the kubeconfig right?",
            ) from cause
        if answer.status_code == 404 and missing:
            return None
        if answer.status_code in (401, 403):
            raise Forbidden(
                "pipelines.cluster_refuses",
                f"The Kubernetes API refuses {method} {path}: {_said(answer)}",
                hint="The account needs create, get, list and delete of jobs, and list of pods.",
            )
        if answer.is_error:
            raise Unavailable(
                "pipelines.cluster_error", f"The Kubernetes API answers {method}: {_said(answer)}"
            )
        return answer.json()


def _state(status: dict[str, Any]) -> PodState:
    ended = status.get("phase") in ("Succeeded", "Failed")
    why = status.get("message") or status.get("reason") or status.get("phase", "")
    for container in status.get("containerStatuses", ()):
        terminated = container.get("state", {}).get("terminated")
        if terminated is None:
            continue
        message = (terminated.get("message") or "").strip()
        if _DIGEST.fullmatch(message):
            return PodState(has_ended=True, outcome=message, why="")
        why = (
            message
            or f"{terminated.get('reason', 'it ended')}, exit code {terminated.get('exitCode')}"
        )
        ended = True
    return PodState(has_ended=ended, outcome=None, why=str(why)[:500])


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _by_kubeconfig(file: Path) -> httpx.Client:
    """A client as the current context of a kubeconfig has it."""
    import yaml

    content = yaml.safe_load(file.read_text("utf-8"))

    def named(kind: str, name: str) -> dict[str, Any]:
        found = next((one for one in content.get(f"{kind}s", ()) if one["name"] == name), None)
        if found is None:
            raise NotFound("pipelines.bad_kubeconfig", f"{file} has no {kind} {name!r}.")
        return dict(found[kind])

    context = named("context", content.get("current-context", ""))
    cluster, user = named("cluster", context["cluster"]), named("user", context["user"])
    verify = ssl.create_default_context(cafile=cluster.get("certificate-authority"))
    if "certificate-authority-data" in cluster:
        verify.load_verify_locations(cadata=_decoded(cluster["certificate-authority-data"]))
    if "client-certificate-data" in user:
        # The library reads certificates from files only.
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
            pem.write(_decoded(user["client-certificate-data"]) + "\n")
            pem.write(_decoded(user["client-key-data"]))
            pem.flush()
            verify.load_cert_chain(pem.name)
    elif "client-certificate" in user:
        verify.load_cert_chain(user["client-certificate"], user["client-key"])
    headers = _bearer(user["token"]) if "token" in user else {}
    return httpx.Client(base_url=cluster["server"], headers=headers, verify=verify, timeout=30.0)


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
