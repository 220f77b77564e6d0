"""When the UI is built with the package, and what is said where it cannot be."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from millwright.server.openapi import document

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    # hatchling is there only while a package is built; the hook needs no more of it than the name.
    interface = ModuleType("interface")
    interface.BuildHookInterface = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hatchling.builders.hooks.plugin.interface", interface)
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "web" / "src").mkdir(parents=True)
    (tmp_path / "web" / "src" / "main.tsx").write_text("x")
    (tmp_path / "web" / "package.json").write_text("{}")
    return tmp_path


def _built(checkout: Path, age_s: float) -> Path:
    page = checkout / "src" / "millwright" / "server" / "ui" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("built")
    source = (checkout / "web" / "src" / "main.tsx").stat().st_mtime
    os.utime(page, (source - age_s, source - age_s))
    return page


def _initialize(hook: ModuleType, root: Path) -> None:
    made = hook.UiBuildHook()
    made.root = str(root)
    made.initialize("editable", {})


def test_without_node_the_build_stops_with_two_lines(
    hook: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MW_SKIP_UI", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(SystemExit) as stopped:
        _initialize(hook, checkout)
    lines = str(stopped.value).splitlines()
    assert len(lines) == 2
    assert "Node 20" in lines[0]
    assert "MW_SKIP_UI=1" in lines[1]


def test_an_old_node_is_named(
    hook: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, text in (("node", "echo v18.1.0"), ("npm", "exit 1")):
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!/bin/sh\n{text}\n")
        tool.chmod(0o755)
    monkeypatch.delenv("MW_SKIP_UI", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(SystemExit, match=r"Node 18\.1"):
        _initialize(hook, checkout)


def test_it_can_be_skipped(
    hook: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MW_SKIP_UI", "1")
    monkeypatch.setenv("PATH", "")
    _initialize(hook, checkout)


def test_a_ui_newer_than_its_sources_is_used_as_it_is(hook: ModuleType, checkout: Path) -> None:
    assert hook.is_current(_built(checkout, age_s=-10), checkout / "web")


def test_a_ui_older_than_its_sources_is_built_again(hook: ModuleType, checkout: Path) -> None:
    assert not hook.is_current(_built(checkout, age_s=10), checkout / "web")


def test_an_unpacked_sdist_needs_no_node(
    hook: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _built(checkout, age_s=10)
    (checkout / "PKG-INFO").write_text("Metadata-Version: 2.4")
    monkeypatch.delenv("MW_SKIP_UI", raising=False)
    monkeypatch.setenv("PATH", "")
    _initialize(hook, checkout)


def test_the_types_of_the_ui_come_from_what_the_server_says_of_itself() -> None:
    committed = json.loads((ROOT / "web" / "openapi.json").read_text("utf-8"))
    assert _described(committed) == _described(document()), (
        "The API has changed. Run: python -m millwright.server.openapi > web/openapi.json "
        "&& npm --prefix web run types"
    )


def _described(api: dict[str, Any]) -> dict[str, Any]:
    """Routes with their parameters, and the fields of every record.

    How the rest is worded differs between releases of the framework.
    """
    routes = {
        f"{verb} {path}": sorted(one["name"] for one in operation.get("parameters", ()))
        for path, verbs in api["paths"].items()
        for verb, operation in verbs.items()
    }
    records = {
        name: sorted(schema.get("properties", ()))
        for name, schema in api["components"]["schemas"].items()
        if "ValidationError" not in name
    }
    return {"routes": routes, "records": records}


def test_the_lock_file_names_no_registry_but_the_public_one() -> None:
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))["packages"]
    addresses = [package["resolved"] for package in locked.values() if "resolved" in package]
    assert all(address.startswith("https://registry.npmjs.org/") for address in addresses)
