"""Approvals with separation of duties, and versions side by side."""

from __future__ import annotations

import os

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from millwright import security
from millwright.automation.project_file import ProjectFileController
from millwright.kernel.access import LOCAL, Actor, Role
from millwright.kernel.errors import Conflict
from millwright.kernel.model_package import EncodedColumn, Encoding, Field, Manifest
from millwright.kernel.store import Store
from millwright.kernel.tables import projects
from millwright.registry import service
from millwright.registry.comparison import compare_versions
from millwright.registry.records import AliasChange, ModelVersion, NewApproval, NewVersion
from millwright.registry.service.policy import policy_of
from millwright.security.records import TokenRequest
from millwright.server.application import create_app

P = "flights"
AUTHOR, ANNA, BEN = (Actor(name, Role.OPERATOR) for name in ("author", "anna", "ben"))
CONFIG = """
project: flights
data: {source: flights.csv, target: late}
registry:
  approvals: {champion: 2}
"""


def registered(store: Store, content: bytes, metrics: dict[str, float], pins: str) -> ModelVersion:
    objects = store.objects.of(P)
    files = {"model.onnx": content, "environment.txt": pins.encode()}
    manifest = Manifest(
        model="late",
        task="binary",
        classes=("no", "yes"),
        family="lightgbm",
        signature=(Field(name=f"x{len(content)}", kind="numeric"),),
        encoding=Encoding(columns=(EncodedColumn(field="x", how="number"),)),
        parity=1e-7,
        digests={name: objects.put(part) for name, part in files.items()},
        created_at="2013-04-01T00:00:00.000Z",
    )
    digest = objects.put(manifest.model_dump_json().encode())
    return service.register_version(
        store, AUTHOR, P, "late", NewVersion(manifest=digest, metrics=metrics)
    )


@pytest.fixture
def version(store: Store) -> ModelVersion:
    digest = store.objects.of(P).put(CONFIG.encode())
    row = {"name": P, "config_digest": digest, "created_ms": 1, "updated_ms": 1}
    with store.database.write() as connection:
        connection.execute(insert(projects).values(**row))
    return registered(store, b"one", {"roc_auc": 0.7}, "numpy==2.1.0\n")


def crown(store: Store, actor: Actor) -> None:
    service.set_alias(store, actor, P, "late", "champion", AliasChange(version=1))


def test_the_author_alone_cannot_make_it_champion(store: Store, version: ModelVersion) -> None:
    with pytest.raises(Conflict, match="0 of 2 approvals by others"):
        crown(store, AUTHOR)
    service.approve(store, AUTHOR, P, "late", "1", NewApproval())
    state = service.approve(store, ANNA, P, "late", "1", NewApproval(comment="Fine."))
    assert (state.counted, state.required, state.granted) == (1, 2, False)
    with pytest.raises(Conflict, match="1 of 2"):
        crown(store, ANNA)
    assert service.approve(store, BEN, P, "late", "1", NewApproval()).granted
    crown(store, AUTHOR)
    assert service.get_version(store, P, "late", "champion").version == 1


def test_one_rejection_holds_it_back_until_it_is_taken_back(
    store: Store, version: ModelVersion
) -> None:
    for actor in (ANNA, BEN):
        service.approve(store, actor, P, "late", "1", NewApproval())
    third = Actor("carla", Role.OPERATOR)
    service.approve(store, third, P, "late", "1", NewApproval(verdict="rejected"))
    with pytest.raises(Conflict, match="carla rejected it"):
        crown(store, AUTHOR)
    service.approve(store, third, P, "late", "1", NewApproval())
    crown(store, AUTHOR)


def test_what_the_file_here_asks_holds_as_soon_as_it_is_edited(
    store: Store, version: ModelVersion
) -> None:
    controller = ProjectFileController(store)
    file = store.workspace.root / "millwright.yaml"
    file.write_text(CONFIG.replace("champion: 2", "champion: 1"))
    controller.reconcile()
    service.approve(store, ANNA, P, "late", "1", NewApproval())
    crown(store, AUTHOR)
    file.write_text("project: [flights")
    os.utime(file, (1, 1))
    controller.reconcile()
    assert policy_of(store, P).approvals == {"champion": 1}
    file.write_text(CONFIG)
    os.utime(file, (1, 1))
    controller.reconcile()
    assert policy_of(store, P).approvals == {"champion": 1}, "older than what is recorded"


def test_who_runs_things_cannot_lift_approvals_by_a_run(
    store: Store, version: ModelVersion
) -> None:
    app = create_app(store, authenticate=security.token_holder)
    http = TestClient(app, raise_server_exceptions=False)

    def put(role: Role, text: str) -> int:
        request = TokenRequest(name=f"{role}-{len(text)}", role=role)
        token = security.create_token(store, LOCAL, request).secret
        headers = {"Authorization": f"Bearer {token}"}
        body = {"config": text}
        return http.put(f"/api/v1/projects/{P}", json=body, headers=headers).status_code

    lifted = CONFIG.replace("champion: 2", "champion: 1")
    assert put(Role.EDITOR, CONFIG + "training: {seed: 9}\n") == 200
    assert put(Role.EDITOR, lifted) == 403
    assert put(Role.EDITOR, lifted + "quotas: {runs: 9}\n") == 403
    assert policy_of(store, P).approvals == {"champion": 2}
    assert put(Role.ADMIN, lifted) == 200
    assert policy_of(store, P).approvals == {"champion": 1}


def test_other_aliases_need_no_approval(store: Store, version: ModelVersion) -> None:
    service.set_alias(store, AUTHOR, P, "late", "candidate", AliasChange(version=1))


def test_two_versions_are_compared(store: Store, version: ModelVersion) -> None:
    other = registered(store, b"other", {"roc_auc": 0.75, "brier": 0.1}, "numpy==2.2.0\nscipy==1\n")
    found = compare_versions(version, other, ("numpy==2.1.0\n", "numpy==2.2.0\nscipy==1\n"))
    changes = {m.name: (m.left, m.right) for m in found.metrics}
    assert changes == {"brier": (None, 0.1), "roc_auc": (0.7, 0.75)}
    assert {c.name: (c.left, c.right) for c in found.environment} == {
        "numpy": ("2.1.0", "2.2.0"),
        "scipy": (None, "1"),
    }
    assert [c.name for c in found.signature] == ["x3", "x5"]
    assert {c.name for c in found.files} == {"model.onnx", "environment.txt"}


def test_what_waits_says_who_may_decide(store: Store, version: ModelVersion) -> None:
    (entry,) = service.waiting(store, ANNA, P)
    assert (entry.version.id, entry.state.alias, entry.may_decide) == (version.id, "champion", True)
    (mine,) = service.waiting(store, AUTHOR, P)
    assert (mine.may_decide, mine.why[:14]) == (False, "You registered")
    (viewer,) = service.waiting(store, Actor("eve", Role.VIEWER), P)
    assert "operator" in viewer.why
    for actor in (ANNA, BEN):
        service.approve(store, actor, P, "late", "1", NewApproval())
    assert service.waiting(store, ANNA, P) == []
