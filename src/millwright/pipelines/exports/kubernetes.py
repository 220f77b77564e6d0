"""A pipeline as one Kubernetes Job (a CronJob where it has a schedule), or as a KubeRay RayJob.

Sources: the batch/v1 API of Kubernetes; the RayJob v1 custom resource definition of KubeRay.
"""

from __future__ import annotations

import shlex

from pydantic import JsonValue

from millwright.pipelines.exports.calling import (
    call_all,
    container_environment,
    container_resources,
    wanted_secrets,
)
from millwright.pipelines.exports.records import Export
from millwright.pipelines.exports.shape import tasks_of
from millwright.pipelines.exports.yaml_text import as_yaml

Tree = dict[str, JsonValue]
_RAY = "2.60.0"
# The control plane notices a lost node within 15 s, whether it was killed or cut off.
_HEALTH: Tree = {
    "RAY_health_check_period_ms": "2000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}


def job(export: Export) -> str:
    """One pod that runs the whole pipeline; a pod that is lost is followed by one that goes on."""
    template: Tree = {
        "spec": _pod(export, [*export.place.words, *call_all(export, group="$(MW_JOB)")])
    }
    spec: Tree = {"backoffLimit": 6, "ttlSecondsAfterFinished": 86_400, "template": template}
    if export.place.schedule:
        spec = {
            "schedule": export.place.schedule,
            "timeZone": export.place.timezone,
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": spec},
        }
    kind = "CronJob" if export.place.schedule else "Job"
    found: Tree = {
        "apiVersion": "batch/v1",
        "kind": kind,
        "metadata": _metadata(export),
        "spec": spec,
    }
    return as_yaml(found)


def rayjob(export: Export) -> str:
    """A Ray cluster that is there for one run of the pipeline, and the job that runs it."""
    # Ray starts an entry point without the image's PATH, so the interpreter is named in full.
    python = "/home/ray/anaconda3/bin/python"
    call = call_all(export, executor="ray://auto")
    entry = shlex.join([python, "-m", "millwright.cli", *call])
    secrets = sorted({name for task in tasks_of(export.graph) for name in wanted_secrets(task)})
    variables: list[JsonValue] = [
        *container_environment(export, secrets),
        {"name": "RAY_AUTH_MODE", "value": "token"},
        {
            "name": "RAY_AUTH_TOKEN",
            "valueFrom": {"secretKeyRef": {"name": export.place.secret, "key": "RAY_AUTH_TOKEN"}},
        },
        *({"name": name, "value": value} for name, value in _HEALTH.items()),
    ]
    found: Tree = {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": _metadata(export),
        "spec": {
            "entrypoint": entry,
            "submissionMode": "K8sJobMode",
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 600,
            "backoffLimit": 2,
            "rayClusterSpec": {
                "rayVersion": _RAY,
                "headGroupSpec": {
                    "rayStartParams": {"num-cpus": "0"},
                    "template": _ray_pod(export, "ray-head", variables),
                },
                "workerGroupSpecs": [
                    {
                        "groupName": "workers",
                        "replicas": export.place.workers,
                        "minReplicas": 0,
                        "maxReplicas": max(export.place.workers, 1),
                        "rayStartParams": {},
                        "template": _ray_pod(export, "ray-worker", variables),
                    }
                ],
            },
        },
    }
    return as_yaml(found)


def _metadata(export: Export) -> Tree:
    found: Tree = {
        "name": export.name,
        "labels": {"app.kubernetes.io/managed-by": "millwright"},
    }
    if export.place.namespace:
        found["namespace"] = export.place.namespace
    return found


def _pod(export: Export, command: list[str]) -> Tree:
    secrets = sorted({name for task in tasks_of(export.graph) for name in wanted_secrets(task)})
    label: JsonValue = {
        "fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/controller-uid']"}
    }
    container: Tree = {
        "name": "pipeline",
        "image": export.place.image,
        "command": [*command],
        "env": [
            *container_environment(export, secrets),
            # One key for all pods of the job: they are one run.
            {"name": "MW_JOB", "valueFrom": label},
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    resources = container_resources(export)
    if resources:
        container["resources"] = resources
    pod: Tree = {"restartPolicy": "Never", "containers": [container]}
    if export.place.service_account:
        pod["serviceAccountName"] = export.place.service_account
    return pod


def _ray_pod(export: Export, name: str, variables: list[JsonValue]) -> Tree:
    container: Tree = {"name": name, "image": export.place.image, "env": variables}
    resources = container_resources(export)
    if resources:
        container["resources"] = resources
    spec: Tree = {"containers": [container]}
    if export.place.service_account:
        spec["serviceAccountName"] = export.place.service_account
    return {"spec": spec}
