"""What we ask clusters for is what their own schemas allow, misspelt keys included."""

from __future__ import annotations

import copy

import kubernetes_validate
import pytest
import yaml

from cluster_schemas import complaints
from millwright.deployment.targets.manifests import Served, manifests_of
from millwright.kernel.target_config import KnativeTarget, KServeTarget, KubernetesTarget

SERVED = Served(
    name="late-flights", model="delays", version=3, digest="ab" * 32, image="host:5000/delays:3"
)


@pytest.mark.parametrize("token", [None, "callers"])
def test_kubernetes_takes_all_four_objects(token: str | None) -> None:
    settings = KubernetesTarget(image="delays", token_secret=token, replicas=3, max_replicas=2)
    found = manifests_of(SERVED, settings)
    assert [one["kind"] for one in found] == [
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
    ]
    for manifest in found:
        kubernetes_validate.validate(manifest, "1.32", strict=True)
    wrong = copy.deepcopy(found[0])
    wrong["spec"]["replica"] = 3  # type: ignore[call-overload,index]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.32", strict=True)


def test_the_pod_is_nobody_and_keeps_no_secret_in_plain_sight() -> None:
    text = yaml.safe_dump_all(
        manifests_of(SERVED, KubernetesTarget(image="delays", token_secret="callers"))
    )
    assert "secretKeyRef" in text
    assert "MILLWRIGHT_SERVING_OPEN" not in text
    deployment = next(yaml.safe_load_all(text))
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_kserve_takes_the_inference_service() -> None:
    (found,) = manifests_of(SERVED, KServeTarget(image="delays"))
    assert "canaryTrafficPercent" not in found["spec"]["predictor"]  # type: ignore[call-overload,index]
    (found,) = manifests_of(SERVED, KServeTarget(image="delays", canary_percent=10))
    assert complaints("kserve-inferenceservices.crd.yaml", found) == []
    predictor = found["spec"]["predictor"]  # type: ignore[call-overload,index]
    assert predictor["canaryTrafficPercent"] == 10
    predictor["canaryPercent"] = 5
    assert complaints("kserve-inferenceservices.crd.yaml", found)


def test_knative_takes_the_service_and_may_scale_to_zero() -> None:
    (found,) = manifests_of(SERVED, KnativeTarget(image="delays", concurrency=10))
    assert complaints("knative-service.crd.yaml", found) == []
    annotations = found["spec"]["template"]["metadata"]["annotations"]  # type: ignore[call-overload,index]
    assert annotations["autoscaling.knative.dev/min-scale"] == "0"
    assert annotations["autoscaling.knative.dev/target"] == "10"
