"""What is written is what the targets' own schemas allow, misspelt keys included."""

from __future__ import annotations

import ast
from types import ModuleType
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tests.cluster_schemas import complaints

from millwright.pipelines import Pipeline
from millwright.pipelines.exports.exporting import exported
from millwright.pipelines.exports.records import Place, Target

FULL = Place(
    image="registry.example.org/shop:1.4",
    url="https://mw.example.org",
    secret="millwright",
    namespace="team-a",
    service_account="runner",
    cpu="500m",
    memory="2Gi",
    gpu=1,
)


def written(pipeline: Pipeline[..., Any], to: Target, **place: Any) -> Any:
    text = exported(
        pipeline, to, FULL.model_copy(update=place), project="p", put=lambda _: "ab" * 32
    )
    return list(yaml.safe_load_all(text)) if to != "airflow" else text


@pytest.mark.parametrize("schedule", ["", "30 2 * * 1-5"], ids=["once", "by-the-clock"])
def test_argo_takes_the_workflow(flows: ModuleType, schedule: str) -> None:
    (found,) = written(flows.judged, "argo", schedule=schedule, timezone="Europe/Berlin")
    file = "argo-cronworkflows.crd.yaml" if schedule else "argo-workflows.crd.yaml"

    assert complaints(file, found) == []
    spec = found["spec"]["workflowSpec"] if schedule else found["spec"]
    spec["templates"][1]["contaner"] = {}
    assert complaints(file, found)


def test_argo_gives_each_task_what_it_needs_to_know(flows: ModuleType) -> None:
    (found,) = written(flows.judged, "argo")
    tasks = {task["name"]: task for task in found["spec"]["templates"][0]["dag"]["tasks"]}
    chosen = tasks["is-large-either"]

    told = [one["value"] for one in chosen["arguments"]["parameters"]]
    assert chosen["dependencies"] == ["double", "square"] or set(chosen["dependencies"]) <= set(
        tasks
    )
    assert all(value.startswith("{{tasks.") for value in told)
    assert len(told) == 2


@pytest.mark.parametrize("schedule", ["", "30 2 * * 1-5"], ids=["once", "by-the-clock"])
def test_kubernetes_takes_the_job(flows: ModuleType, schedule: str) -> None:
    (found,) = written(flows.sizes, "kubernetes", schedule=schedule)

    kubernetes_validate.validate(found, "1.32", strict=True)
    found["spec"]["backofLimit"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(found, "1.32", strict=True)


def test_kuberay_takes_the_ray_job(flows: ModuleType) -> None:
    (found,) = written(flows.sizes, "rayjob", workers=3)

    assert complaints("kuberay-rayjobs.crd.yaml", found) == []
    head = found["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    names = {one["name"]: one for one in head["env"]}
    assert names["RAY_AUTH_MODE"]["value"] == "token"
    assert "value" not in names["RAY_AUTH_TOKEN"]
    assert found["spec"]["entrypoint"].startswith("/")
    found["spec"]["entryPoint"] = "x"
    assert complaints("kuberay-rayjobs.crd.yaml", found)


def test_kubeflow_finds_every_name_that_it_looks_up(flows: ModuleType) -> None:
    spec, platform = written(flows.judged, "kubeflow")
    tasks = spec["root"]["dag"]["tasks"]
    components, executors = spec["components"], spec["deploymentSpec"]["executors"]

    assert set(platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]) == set(executors)
    for task in tasks.values():
        component = components[task["componentRef"]["name"]]
        assert component["executorLabel"] in executors
        assert set(task["inputs"]["parameters"]) == set(component["inputDefinitions"]["parameters"])
        assert set(task.get("dependentTasks", ())) <= set(tasks)


@pytest.mark.parametrize("image", ["", FULL.image], ids=["on-its-workers", "in-pods"])
def test_the_dag_is_python_whose_texts_no_shell_reads(flows: ModuleType, image: str) -> None:
    text = written(flows.judged, "airflow", image=image, schedule="30 2 * * 1-5")

    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    names = [node.func.id for node in calls if isinstance(node.func, ast.Name)]
    operator = "KubernetesPodOperator" if image else "BashOperator"
    assert names.count(operator) == len(flows.judged.plan().nodes)
    for node in calls:
        for word in node.keywords:
            if word.arg == "bash_command":
                assert "{{" not in ast.literal_eval(word.value)
