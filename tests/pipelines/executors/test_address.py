"""The URLs of executors, and what each needs before anything is sent anywhere."""

from __future__ import annotations

from types import ModuleType

import pytest

from millwright.kernel.errors import InvalidInput
from millwright.kernel.workspace import Workspace
from millwright.pipelines import execute
from millwright.pipelines.executors.address import KubernetesAddress, RayAddress, address_of


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ray", RayAddress(host="local")),
        ("ray://local", RayAddress(host="local")),
        ("ray://auto", RayAddress(host="auto")),
        ("ray://head:10001", RayAddress(host="head", port=10001)),
        (
            "ray://head:6379?auth=disabled&files=shared",
            RayAddress(host="head", port=6379, auth="disabled", files="shared"),
        ),
        (
            "kubernetes://team-a?image=shop:1.4&parallel=5&memory=2Gi",
            KubernetesAddress(namespace="team-a", image="shop:1.4", parallel=5, memory="2Gi"),
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_url_is_read(url: str, address: RayAddress | KubernetesAddress) -> None:
    assert address_of(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "slurm://head",
        "kubernetes://team-a",
        "ray://head:10001?auth=none",
        "ray://head:port",
        "ray://head:1?colour=red",
        "ray://me:hunter2@head:10001",
    ],
)
def test_what_names_no_executor_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        address_of(url)

    assert caught.value.code == "pipelines.bad_executor"
    assert "hunter2" not in f"{caught.value} {caught.value.value}"


@pytest.mark.parametrize("url", ["kubernetes://default?image=shop:1", "ray://head:10001"])
def test_other_machines_need_a_control_plane(
    url: str, workspace: Workspace, flows: ModuleType
) -> None:
    with pytest.raises(InvalidInput, match="through a control plane, and none runs"):
        execute(workspace, "p", flows.sum_of_squares, {"count": 2}, executor=url)
