"""Where deployments go besides processes of this machine: the settings of each kind of target."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from millwright.kernel.record import Record

Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|Ki|Mi|Gi)?$")]
"""Processors (``500m``) or memory (``512Mi``), as Kubernetes writes them."""
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
"""A name as Kubernetes and the clouds take it."""
Image = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", max_length=255)]
"""The name of a container image. Without a tag, the version of the model is the tag."""
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]


class ContainerTarget(Record):
    """An image in the OCI format with the model, the server and only what those two need."""

    kind: Literal["container"] = "container"
    image: Image | None = None
    """What to call it; by default the name of the deployment."""
    base: Image | None = None
    """The image to build on, with the same Python as here; by default none: this machine's own
    Python goes in."""
    push: bool = False
    """Send it to the registry that its name says."""
    trust_code: bool = False
    """Whether the model may run code that its package holds, here when the image is made and in it:
    PyTorch, MLflow, Python classes, the functions of a graph."""


class _Cluster(Record):
    """What the targets in a cluster have in common."""

    image: Image
    namespace: Label = "default"
    context: str | None = None
    """Of the kubeconfig; by default the current one."""
    cpu: Quantity = "500m"
    memory: Quantity = "512Mi"
    token_secret: Label | None = None
    """A Secret whose key ``token`` callers have to send; without it the cluster's network is the
    only guard."""


class KubernetesTarget(_Cluster):
    """A Deployment, its Service and an autoscaler."""

    kind: Literal["kubernetes"] = "kubernetes"
    replicas: Annotated[int, Field(ge=1, le=1000)] = 2
    max_replicas: Annotated[int, Field(ge=1, le=1000)] = 6
    busy: Annotated[int, Field(ge=10, le=95)] = 70
    """Percentage of the requested processor at which replicas are added."""


class KServeTarget(_Cluster):
    """A KServe InferenceService; the version before keeps the rest of the traffic."""

    kind: Literal["kserve"] = "kserve"
    min_replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    max_replicas: Annotated[int, Field(ge=1, le=1000)] = 4
    canary_percent: Annotated[int, Field(ge=0, le=100)] | None = None


class KnativeTarget(_Cluster):
    """A Knative Service, which scales to zero."""

    kind: Literal["knative"] = "knative"
    max_scale: Annotated[int, Field(ge=1, le=1000)] = 10
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 64
    """Requests that one replica is meant to have at once."""


class LambdaTarget(Record):
    """A function of AWS Lambda: of an image where one is named, else of a zip in a bucket."""

    kind: Literal["lambda"] = "lambda"
    role_arn: Annotated[str, Field(pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$")]
    region: Region
    image: Image | None = None
    bucket: str | None = None
    memory_mb: Annotated[int, Field(ge=128, le=10_240)] = 1024
    timeout_seconds: Annotated[int, Field(ge=1, le=900)] = 30
    trust_code: bool = False
    """Whether the model may run code that its package holds, here and there."""


class SageMakerTarget(Record):
    """An endpoint of Amazon SageMaker that runs our image."""

    kind: Literal["sagemaker"] = "sagemaker"
    image: Image
    """In Amazon's own registry (ECR), where SageMaker looks."""
    role_arn: Annotated[str, Field(pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$")]
    region: Region
    instance_type: Annotated[str, Field(pattern=r"^ml\.[a-z0-9.]+$")] = "ml.m5.large"
    instances: Annotated[int, Field(ge=1, le=100)] = 1
    canary_percent: Annotated[int, Field(ge=1, le=99)] | None = None
    """The new version's share of the traffic; the version before keeps the rest."""


Target = Annotated[
    ContainerTarget
    | KubernetesTarget
    | KServeTarget
    | KnativeTarget
    | LambdaTarget
    | SageMakerTarget,
    Field(discriminator="kind"),
]

KINDS: tuple[str, ...] = tuple(
    one.model_fields["kind"].default for one in get_args(get_args(Target)[0])
)
"""What targets there are."""
