"""An image is built without a daemon or a network, holds only what the model needs, and serves."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tarfile
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from millwright.deployment.commands import deployments
from millwright.deployment.commands.deploying import deploy
from millwright.deployment.targets.building import find_builder
from millwright.kernel.errors import NotFound, Unavailable

needs_builder = pytest.mark.skipif(
    not shutil.which("buildah"), reason="No buildah here: apt-get install buildah"
)


@pytest.fixture
def run(workspace, monkeypatch, register):
    (workspace.root / "millwright.yaml").write_text(
        "project: flights\ndata: {source: x.csv, target: late}\n"
    )
    monkeypatch.chdir(workspace.root)
    register(1, champion=True)

    def invoke(command, *arguments: str) -> dict[str, object]:
        result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        found: dict[str, object] = json.loads(result.stdout)
        return found

    return invoke


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(port: int, process: subprocess.Popen[bytes]) -> httpx.Response:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, "The server of the image ended."
        try:
            return httpx.get(f"http://127.0.0.1:{port}/v2/health/ready")
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("The server of the image does not answer.")


def unpacked(archive: Path, root: Path) -> dict[str, object]:
    """The image's file system, and its configuration."""
    layout = root.parent / "layout"
    with tarfile.open(archive) as opened:
        opened.extractall(layout, filter="fully_trusted")

    def blob(digest: str) -> Path:
        return layout / "blobs" / digest.replace(":", "/")

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    for layer in manifest["layers"]:
        with tarfile.open(blob(layer["digest"])) as opened:
            opened.extractall(root, filter="fully_trusted")
    found: dict[str, object] = json.loads(blob(manifest["config"]["digest"]).read_text())["config"]
    return found


@pytest.mark.slow
@needs_builder
@pytest.mark.skipif(os.geteuid() != 0, reason="Only root may change the root folder: run as root")
def test_the_image_runs_by_itself_as_nobody(run, tmp_path: Path) -> None:
    made = run(deploy, "--target", "container", "--set", "image=late-flights")["made"]
    assert made["image"] == "late-flights:1"
    archive, root = tmp_path / "image.tar", tmp_path / "root"
    find_builder().save("late-flights:1", archive)
    assert archive.stat().st_size < 250 << 20
    root.mkdir()
    config = unpacked(archive, root)
    assert config["User"] == "65532:65532"
    # Nothing of the host is there but what was put in: no shell, no package manager.
    assert not (root / "bin" / "sh").exists()
    assert not list(root.rglob("pip"))
    assert not list(root.rglob("sklearn"))
    port = free_port()
    environment = dict(one.split("=", 1) for one in config["Env"])
    environment |= {"PORT": str(port), "MILLWRIGHT_SERVING_OPEN": "1"}
    command = ["chroot", "--userspec=65532:65532", str(root), *config["Entrypoint"], "serve"]
    process = subprocess.Popen(
        [
            shutil.which("env") or "env",
            "-i",
            *(f"{k}={v}" for k, v in environment.items()),
            shutil.which("chroot") or "/usr/sbin/chroot",
            *command[1:],
        ]
    )
    try:
        assert answers(port, process).json() == {"ready": True}
        row = {"dataframe_records": [{"distance": 5.0, "carrier": "AA"}]}
        found = httpx.post(f"http://127.0.0.1:{port}/invocations", json=row)
        assert found.status_code == 200
        process.terminate()
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()


def test_a_folder_to_build_on_another_image_needs_no_builder(run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = run(
        deploy, "--target", "container", "--set", "base=python:3.11-slim", "--output", str(out)
    )["made"]
    assert made == {"folder": str(out)}
    text = (out / "Containerfile").read_text()
    assert "FROM python:3.11-slim" in text
    assert "USER 65532:65532" in text
    assert not (out / "root").exists()
    assert (out / "model" / "manifest.json").is_file()
    libraries = json.loads((out / "libraries.json").read_text())
    assert {"numpy", "onnxruntime", "python"} <= set(libraries)
    assert not {"fastapi", "sqlalchemy", "duckdb", "lightgbm", "scikit-learn"} & set(libraries)
    assert run(deployments, "releases") == []


def test_what_is_missing_is_said(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="builds images"):
        run(deploy, "--target", "container")
    with pytest.raises(Unavailable, match="kubectl"):
        run(deploy, "--target", "kubernetes", "--set", "image=delays")
    with pytest.raises(NotFound, match="no target 'moon'"):
        run(deploy, "--target", "moon")


def test_manifests_are_written_as_one_file(run, tmp_path: Path) -> None:
    made = run(
        deploy,
        "--target",
        "kubernetes",
        "--set",
        "image=registry/delays",
        "--output",
        str(tmp_path / "k"),
    )["made"]
    text = Path(made["file"]).read_text()
    assert "image: registry/delays:1" in text
    assert "kind: HorizontalPodAutoscaler" in text
