"""An endpoint of Amazon SageMaker: a model package, a model of it, and variants with weights.

Every release makes a new endpoint configuration and moves the endpoint to it; SageMaker shifts the
traffic when the new instances answer, and keeps the old ones where they do not. Source: the API reference
at docs.aws.amazon.com/sagemaker/latest/APIReference.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from millwright.deployment.targets.manifests import Served
from millwright.kernel.errors import Unavailable
from millwright.kernel.target_config import SageMakerTarget

Tell = Callable[[str], None]
_LOOK_SECONDS = 15.0
_MOST_SECONDS = 45 * 60


def release_endpoint(
    client: Any,
    served: Served,
    settings: SageMakerTarget,
    before: dict[str, str],
    tell: Tell,
    *,
    wait_seconds: float = _LOOK_SECONDS,
) -> dict[str, str]:
    """Serve a version at the endpoint of its name; what was made, by name.

    Args:
        client: of boto3, for ``sagemaker``.
        before: what the release before this one made; empty for the first.
        wait_seconds: between looks at the endpoint.

    Raises:
        Unavailable: SageMaker refuses, or the endpoint does not come into service.
    """
    group = _group(client, served)
    model = f"{served.name}-{served.version}-{served.digest[:8]}"
    package = _package(client, served, group)
    if not _is_there(client.describe_model, ModelName=model):
        client.create_model(
            ModelName=model,
            ExecutionRoleArn=settings.role_arn,
            PrimaryContainer={
                "ModelPackageName": package,
                "Environment": {"MILLWRIGHT_SERVING_OPEN": "1"},
            },
        )
    share = settings.canary_percent
    variants = [_variant("current", model, settings, 100.0 if share is None else float(share))]
    if share is not None and before.get("model") and before["model"] != model:
        variants[0]["VariantName"] = "canary"
        variants.append(_variant("current", before["model"], settings, 100.0 - share))
    config = f"{model}-{int(time.time() * 1000):x}"
    client.create_endpoint_config(EndpointConfigName=config, ProductionVariants=variants)
    move_endpoint(client, served.name, config, tell, wait_seconds=wait_seconds)
    return {"model": model, "package": package, "config": config, "endpoint": served.name}


def move_endpoint(
    client: Any, endpoint: str, config: str, tell: Tell, *, wait_seconds: float = _LOOK_SECONDS
) -> None:
    """Point an endpoint to a configuration, and wait until it answers by it.

    Raises:
        Unavailable: it does not come into service.
    """
    tell(f"Moving the endpoint {endpoint} …")
    if _is_there(client.describe_endpoint, EndpointName=endpoint):
        client.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    else:
        client.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    until = time.monotonic() + _MOST_SECONDS
    while True:
        found = client.describe_endpoint(EndpointName=endpoint)
        state = found["EndpointStatus"]
        if state == "InService":
            return
        if state in ("Failed", "RollingBack", "OutOfService") or time.monotonic() > until:
            raise Unavailable(
                "targets.endpoint_failed",
                f"The endpoint {endpoint} is {state}: {found.get('FailureReason', 'no reason')}",
                hint="Look into its log in CloudWatch; the version before goes on answering.",
            )
        time.sleep(wait_seconds)


def set_weights(client: Any, endpoint: str, weights: dict[str, float]) -> None:
    """Change how an endpoint's variants share the traffic; nothing restarts."""
    client.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": name, "DesiredWeight": weight} for name, weight in weights.items()
        ],
    )


def _group(client: Any, served: Served) -> str:
    if not _is_there(client.describe_model_package_group, ModelPackageGroupName=served.name):
        client.create_model_package_group(
            ModelPackageGroupName=served.name,
            ModelPackageGroupDescription=f"{served.model}, from Millwright",
        )
    return served.name


def _package(client: Any, served: Served, group: str) -> str:
    answer = client.create_model_package(
        ModelPackageGroupName=group,
        ModelPackageDescription=f"{served.model} version {served.version}, {served.digest[:12]}",
        InferenceSpecification={
            "Containers": [{"Image": served.image}],
            "SupportedContentTypes": ["application/json", "text/csv"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelApprovalStatus="Approved",
    )
    return str(answer["ModelPackageArn"])


def _variant(name: str, model: str, settings: SageMakerTarget, weight: float) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InitialInstanceCount": settings.instances,
        "InstanceType": settings.instance_type,
        "InitialVariantWeight": weight,
    }


def _is_there(describe: Callable[..., object], **which: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        describe(**which)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in ("ValidationException", "ResourceNotFound", "ResourceNotFoundException"):
            return False
        raise
    return True
