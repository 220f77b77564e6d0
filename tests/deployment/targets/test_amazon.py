"""SageMaker and Lambda, against moto's server: what is made, moved, and moved back."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto.server import ThreadedMotoServer

from millwright.deployment.commands import deployments
from millwright.deployment.commands.deploying import deploy
from millwright.kernel.errors import Conflict, InvalidInput, Unavailable

REGION = "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/serving"
IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/delays"


def update_endpoint(self: Any) -> str:
    """What moto's server lacks of SageMaker: an endpoint takes over another configuration."""
    asked = json.loads(self.body)
    backend = self.sagemaker_backend
    endpoint = backend.endpoints[asked["EndpointName"]]
    config = backend.describe_endpoint_config(asked["EndpointConfigName"])
    endpoint.endpoint_config_name = asked["EndpointConfigName"]
    endpoint.production_variants = endpoint._process_production_variants(
        config["ProductionVariants"]
    )
    return json.dumps({"EndpointArn": endpoint.arn})


@pytest.fixture(scope="module")
def amazon() -> Iterator[str]:
    from moto.sagemaker.responses import SageMakerResponse

    if not hasattr(SageMakerResponse, "update_endpoint"):
        SageMakerResponse.update_endpoint = update_endpoint
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def clients(amazon: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL", amazon)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return lambda service: boto3.client(service, region_name=REGION)


@pytest.fixture
def run(workspace, monkeypatch, register):
    (workspace.root / "millwright.yaml").write_text(
        "project: flights\n"
        "data: {source: x.csv, target: late}\n"
        "deployment:\n"
        "  targets:\n"
        f"    live: {{kind: sagemaker, image: '{IMAGE}', role_arn: '{ROLE}', region: {REGION}}}\n"
        f"    function: {{kind: lambda, role_arn: '{ROLE}', region: {REGION}, image: '{IMAGE}'}}\n"
    )
    monkeypatch.chdir(workspace.root)
    register(1, champion=True)
    register(2)

    def invoke(command, *arguments: str) -> Any:
        result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return invoke


def test_an_endpoint_is_made_moved_and_moved_back(run, clients) -> None:
    sagemaker = clients("sagemaker")
    first = run(deploy, "delays", "--version", "1", "--target", "live")
    found = sagemaker.describe_endpoint(EndpointName="flights")
    assert found["EndpointStatus"] == "InService"
    assert found["EndpointConfigName"] == first["made"]["config"]
    packages = sagemaker.list_model_packages(ModelPackageGroupName="flights")
    assert len(packages["ModelPackageSummaryList"]) == 1

    second = run(
        deploy, "delays", "--version", "2", "--target", "live", "--set", "canary_percent=10"
    )
    config = sagemaker.describe_endpoint_config(EndpointConfigName=second["made"]["config"])
    weights = {
        one["VariantName"]: (one["ModelName"], one["InitialVariantWeight"])
        for one in config["ProductionVariants"]
    }
    assert weights == {
        "canary": (second["made"]["model"], 10.0),
        "current": (first["made"]["model"], 90.0),
    }
    run(deployments, "share", "flights", "canary=50", "current=50", "--target", "live")
    shown = sagemaker.describe_endpoint(EndpointName="flights")["ProductionVariants"]
    assert {one["VariantName"]: one["DesiredWeight"] for one in shown} == {
        "canary": 50.0,
        "current": 50.0,
    }

    back = run(deployments, "rollback", "flights", "--target", "live", "--reason", "Slow.")
    assert back["version"] == 1
    moved = sagemaker.describe_endpoint(EndpointName="flights")
    assert moved["EndpointConfigName"] == first["made"]["config"]
    history = run(deployments, "releases", "flights")
    assert [(one["version"], one["left_at"] is None) for one in history] == [(2, False), (1, True)]
    assert history[0]["reason"] == "Slow."
    with pytest.raises(Conflict, match="none before it"):
        run(deployments, "rollback", "flights", "--target", "live")


def test_a_function_is_made_published_and_moved_back(run, clients) -> None:
    clients("iam").create_role(RoleName="serving", AssumeRolePolicyDocument="{}")
    functions = clients("lambda")
    first = run(deploy, "delays", "--version", "1", "--target", "function")
    assert functions.get_function(FunctionName="flights")["Code"]["ImageUri"] == f"{IMAGE}:1"
    alias = functions.get_alias(FunctionName="flights", Name="live")
    assert alias["FunctionVersion"] == first["made"]["function_version"]
    second = run(deploy, "delays", "--version", "2", "--target", "function")
    alias = functions.get_alias(FunctionName="flights", Name="live")
    assert alias["FunctionVersion"] == second["made"]["function_version"]
    run(deployments, "rollback", "flights", "--target", "function")
    alias = functions.get_alias(FunctionName="flights", Name="live")
    assert alias["FunctionVersion"] == first["made"]["function_version"]


@pytest.mark.slow
def test_the_zip_holds_the_model_and_runs_without_this_environment(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess
    import sys

    out = tmp_path / "out"
    settings = ("--set", f"role_arn={ROLE}", "--set", f"region={REGION}")
    made = run(
        deploy, "delays", "--version", "1", "--target", "lambda", *settings, "--output", str(out)
    )
    file = Path(made["made"]["file"])
    assert file.stat().st_size < 120 << 20
    place = tmp_path / "task"
    with zipfile.ZipFile(file) as archive:
        archive.extractall(place)
        assert sum(one.file_size for one in archive.infolist()) < 250 << 20
    program = (
        "import json\nfrom millwright.serving.aws_lambda import handler\n"
        "row = {'dataframe_records': [{'distance': 5.0, 'carrier': 'AA'}]}\n"
        "event = {'rawPath': '/invocations', 'body': json.dumps(row),"
        " 'headers': {'content-type': 'application/json'}}\n"
        "print(json.dumps(handler(event, None)))\n"
    )
    ended = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path[:0] = [{str(place)!r}]\n{program}",
        ],
        env={"LAMBDA_TASK_ROOT": str(place)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["statusCode"] == 200


def test_what_is_missing_or_unknown_is_said(run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="image: field required"):
        run(deploy, "--target", "sagemaker")
    with pytest.raises(InvalidInput, match="no setting"):
        run(deploy, "--target", "live", "--set", "kind=lambda")
    with pytest.raises(InvalidInput, match="instances"):
        run(deploy, "--target", "live", "--set", "instances=0")
    with pytest.raises(Conflict, match="Nothing of 'flights' was released"):
        run(deployments, "share", "flights", "canary=1", "--target", "live")
    with pytest.raises(InvalidInput, match="takes no files"):
        run(deploy, "--target", "live", "--output", "files")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(Unavailable, match="Amazon refuses"):
        run(deploy, "--target", "live")
