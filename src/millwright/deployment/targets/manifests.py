"""The manifests of a model served in a cluster: pure functions of the settings.

Sources: kubernetes.io/docs/reference (apps/v1, v1, autoscaling/v2, policy/v1), the custom resources of
kserve.github.io (serving.kserve.io/v1beta1) and knative.dev (serving.knative.dev/v1).
"""

from __future__ import annotations

from pydantic import JsonValue

from millwright.kernel.record import Record
from millwright.kernel.target_config import KnativeTarget, KServeTarget, KubernetesTarget

Tree = dict[str, JsonValue]
PORT = 8080
_NOBODY = 65532
_DRAIN_SECONDS = 30


class Served(Record):
    """What is served: a deployment's name, the model's version, and the image that holds it."""

    name: str
    model: str
    version: int
    digest: str
    """Of the version's manifest: the same version again changes nothing in the cluster."""
    image: str


def kubernetes_manifests(served: Served, settings: KubernetesTarget) -> tuple[Tree, ...]:
    """A Deployment that replaces its pods one by one, its Service, autoscaler and disruption budget."""
    chosen: Tree = {"app.kubernetes.io/name": served.name}
    specs: tuple[tuple[str, str, Tree], ...] = (
        ("apps/v1", "Deployment", _replicas(served, settings, chosen)),
        (
            "v1",
            "Service",
            {
                "selector": {**chosen},
                "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
            },
        ),
        ("autoscaling/v2", "HorizontalPodAutoscaler", _scaling(served, settings)),
        (
            "policy/v1",
            "PodDisruptionBudget",
            {"maxUnavailable": 1, "selector": {"matchLabels": {**chosen}}},
        ),
    )
    return tuple(_object(api, kind, served, settings.namespace, spec) for api, kind, spec in specs)


def _replicas(served: Served, settings: KubernetesTarget, chosen: Tree) -> Tree:
    scraped: Tree = {
        "prometheus.io/scrape": "true",
        "prometheus.io/path": "/metrics",
        "prometheus.io/port": str(PORT),
    }
    return {
        "replicas": settings.replicas,
        "selector": {"matchLabels": {**chosen}},
        # A new pod answers before an old one goes.
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        },
        "revisionHistoryLimit": 10,
        "template": {
            "metadata": {"labels": {**_labels(served)}, "annotations": scraped},
            "spec": _pod(served, settings),
        },
    }


def _scaling(served: Served, settings: KubernetesTarget) -> Tree:
    busy: Tree = {"type": "Utilization", "averageUtilization": settings.busy}
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": served.name},
        "minReplicas": settings.replicas,
        "maxReplicas": max(settings.replicas, settings.max_replicas),
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": busy}}],
    }


def kserve_manifests(served: Served, settings: KServeTarget) -> tuple[Tree, ...]:
    """An InferenceService whose predictor is our image, with the Open Inference Protocol."""
    predictor: Tree = {
        "minReplicas": settings.min_replicas,
        "maxReplicas": settings.max_replicas,
        "containers": [
            {
                **_container(served, settings, "kserve-container"),
                "ports": [{"name": "http1", "containerPort": PORT, "protocol": "TCP"}],
            }
        ],
        "securityContext": _pod_security(),
    }
    if settings.canary_percent is not None:
        predictor["canaryTrafficPercent"] = settings.canary_percent
    return (
        _object(
            "serving.kserve.io/v1beta1",
            "InferenceService",
            served,
            settings.namespace,
            {"predictor": predictor},
        ),
    )


def knative_manifests(served: Served, settings: KnativeTarget) -> tuple[Tree, ...]:
    """A Service that has no replica while nobody asks, and holds the first request meanwhile."""
    container = _container(served, settings, "model")
    container["ports"] = [{"name": "http1", "containerPort": PORT}]
    # Knative asks at the port of the container by itself.
    container.pop("startupProbe")
    container["livenessProbe"] = {"httpGet": {"path": "/v2/health/live"}}
    container["readinessProbe"] = {"httpGet": {"path": "/v2/health/ready"}}
    annotations: Tree = {
        "autoscaling.knative.dev/min-scale": "0",
        "autoscaling.knative.dev/max-scale": str(settings.max_scale),
        "autoscaling.knative.dev/metric": "concurrency",
        "autoscaling.knative.dev/target": str(settings.concurrency),
    }
    return (
        _object(
            "serving.knative.dev/v1",
            "Service",
            served,
            settings.namespace,
            {
                "template": {
                    "metadata": {"labels": {**_labels(served)}, "annotations": annotations},
                    "spec": {"containers": [container], "timeoutSeconds": 300},
                }
            },
        ),
    )


Cluster = KubernetesTarget | KServeTarget | KnativeTarget


def manifests_of(served: Served, settings: Cluster) -> tuple[Tree, ...]:
    """The manifests that a target in a cluster takes."""
    if isinstance(settings, KubernetesTarget):
        return kubernetes_manifests(served, settings)
    if isinstance(settings, KServeTarget):
        return kserve_manifests(served, settings)
    return knative_manifests(served, settings)


def _object(api: str, kind: str, served: Served, namespace: str, spec: Tree) -> Tree:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {
            "name": served.name,
            "namespace": namespace,
            "labels": {**_labels(served)},
        },
        "spec": spec,
    }


def _labels(served: Served) -> dict[str, JsonValue]:
    return {
        "app.kubernetes.io/name": served.name,
        "app.kubernetes.io/version": str(served.version),
        "app.kubernetes.io/managed-by": "millwright",
        "millwright.dev/model": served.model,
    }


def _pod(served: Served, settings: Cluster) -> Tree:
    container = _container(served, settings, "model")
    container["ports"] = [{"name": "http", "containerPort": PORT}]
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": _DRAIN_SECONDS,
        "securityContext": _pod_security(),
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def _container(served: Served, settings: Cluster, name: str) -> Tree:
    guard: Tree
    if settings.token_secret is None:
        guard = {"name": "MILLWRIGHT_SERVING_OPEN", "value": "1"}
    else:
        key: Tree = {"name": settings.token_secret, "key": "token"}
        guard = {"name": "MILLWRIGHT_SERVING_TOKEN", "valueFrom": {"secretKeyRef": key}}
    live: Tree = {"httpGet": {"path": "/v2/health/live", "port": PORT}}
    ready: Tree = {"httpGet": {"path": "/v2/health/ready", "port": PORT}}
    found: Tree = {
        "name": name,
        "image": served.image,
        "env": [guard],
        "resources": {
            "requests": {"cpu": settings.cpu, "memory": settings.memory},
            "limits": {"memory": settings.memory},
        },
        "startupProbe": {**ready, "periodSeconds": 1, "failureThreshold": 60},
        "readinessProbe": {**ready, "periodSeconds": 5},
        "livenessProbe": {**live, "periodSeconds": 10},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if isinstance(settings, KubernetesTarget):
        found["volumeMounts"] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - the pod's own
    return found


def _pod_security() -> Tree:
    return {
        "runAsNonRoot": True,
        "runAsUser": _NOBODY,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
