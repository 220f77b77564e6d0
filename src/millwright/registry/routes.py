"""The registry over HTTP. A version is named by its number or by an alias."""

from __future__ import annotations

from fastapi import Depends
from fastapi.responses import Response

from millwright.evaluation import Evaluation
from millwright.kernel.access import Permission
from millwright.kernel.attachments import attachment, sandboxed_html
from millwright.kernel.config import Name
from millwright.kernel.model_package import CARD_HTML, CARD_MARKDOWN, ENVIRONMENT
from millwright.kernel.nodes import describe_nodes
from millwright.kernel.routing import Call, RoomRouter, current_call
from millwright.registry import service
from millwright.registry.comparison import Comparison, compare_versions
from millwright.registry.records import (
    CHAMPION,
    EVALUATION,
    Alias,
    AliasChange,
    AliasState,
    ApprovalState,
    Model,
    ModelDetail,
    ModelName,
    ModelVersion,
    NewApproval,
    NewVersion,
    WaitingApproval,
)

router = RoomRouter(tag="registry")
_MODEL = "/projects/{project}/models/{model}"
_VERSION = _MODEL + "/versions/{version}"
_MEDIA_TYPES = {
    ".json": "application/json",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".html": "text/html",
}


@router.get("/projects/{project}/models", permission=Permission.READ)
def list_models(project: Name, call: Call = Depends(current_call)) -> list[Model]:
    """The models of a project."""
    return service.list_models(call.store, project)


@router.get(_MODEL, permission=Permission.READ)
def get_model(project: Name, model: ModelName, call: Call = Depends(current_call)) -> ModelDetail:
    """A model and its versions, newest first."""
    return service.get_model(call.store, project, model)


@router.post(_MODEL + "/versions", permission=Permission.WRITE, status_code=201)
def register_version(
    project: Name, model: ModelName, body: NewVersion, call: Call = Depends(current_call)
) -> ModelVersion:
    """Register an uploaded package as the next version."""
    return service.register_version(call.store, call.actor, project, model, body)


@router.get(_VERSION, permission=Permission.READ)
def get_version(
    project: Name, model: ModelName, version: str, call: Call = Depends(current_call)
) -> ModelVersion:
    """A version by number or alias."""
    return service.get_version(call.store, project, model, version)


@router.get(_VERSION + "/card", permission=Permission.READ, response_class=Response)
def get_card(
    project: Name, model: ModelName, version: str, call: Call = Depends(current_call)
) -> Response:
    """The model card as HTML, sandboxed, to be shown in an iframe."""
    found = service.get_version(call.store, project, model, version)
    return sandboxed_html(
        call.store.objects.of(project).read(service.file_digest(found, CARD_HTML))
    )


@router.get(_VERSION + "/card.md", permission=Permission.READ, response_class=Response)
def get_card_markdown(
    project: Name, model: ModelName, version: str, call: Call = Depends(current_call)
) -> Response:
    """The model card as Markdown, a download."""
    found = service.get_version(call.store, project, model, version)
    digest = service.file_digest(found, CARD_MARKDOWN)
    return attachment(call.store, project, digest, name=CARD_MARKDOWN, media_type="text/markdown")


@router.get(_VERSION + "/evaluation", permission=Permission.READ, response_model=Evaluation)
def get_evaluation(
    project: Name, model: ModelName, version: str, call: Call = Depends(current_call)
) -> Response:
    """The full evaluation record of the version, exactly as it was stored."""
    found = service.get_version(call.store, project, model, version)
    content = call.store.objects.of(project).read(service.file_digest(found, EVALUATION))
    return Response(content, media_type="application/json")


@router.get(
    _VERSION + "/artifacts/{name:path}", permission=Permission.READ, response_class=Response
)
def get_artifact(
    project: Name, model: ModelName, version: str, name: str, call: Call = Depends(current_call)
) -> Response:
    """A file of the package, ``manifest.json`` or ``evaluation.json``, as a download."""
    found = service.get_version(call.store, project, model, version)
    digest = service.file_digest(found, name)
    media_type = _MEDIA_TYPES.get(f".{name.rpartition('.')[2]}", "application/octet-stream")
    plain = name.rpartition("/")[2]
    return attachment(call.store, project, digest, name=plain, media_type=media_type)


@router.put(_MODEL + "/aliases/{alias}", permission=Permission.OPERATE)
def set_alias(
    project: Name,
    model: ModelName,
    alias: Alias,
    body: AliasChange,
    call: Call = Depends(current_call),
) -> AliasState:
    """Point an alias to a version."""
    return service.set_alias(call.store, call.actor, project, model, alias, body)


@router.delete(_MODEL + "/aliases/{alias}", permission=Permission.OPERATE)
def remove_alias(
    project: Name, model: ModelName, alias: Alias, call: Call = Depends(current_call)
) -> AliasState:
    """Remove an alias."""
    return service.remove_alias(call.store, call.actor, project, model, alias)


@router.get(_VERSION + "/approvals", permission=Permission.READ)
def get_approvals(
    project: Name,
    model: ModelName,
    version: str,
    alias: str = CHAMPION,
    call: Call = Depends(current_call),
) -> ApprovalState:
    """Who said what of a version taking an alias, and whether that is enough."""
    return service.approvals(call.store, project, model, version, alias)


@router.post(_VERSION + "/approvals", permission=Permission.OPERATE)
def approve(
    project: Name,
    model: ModelName,
    version: str,
    body: NewApproval,
    call: Call = Depends(current_call),
) -> ApprovalState:
    """Approve a version for an alias, or reject it."""
    return service.approve(call.store, call.actor, project, model, version, body)


@router.get("/projects/{project}/approvals", permission=Permission.READ)
def waiting_approvals(project: Name, call: Call = Depends(current_call)) -> list[WaitingApproval]:
    """The versions that wait for approval, and whether the caller may decide."""
    return service.waiting(call.store, call.actor, project)


@router.get(_VERSION + "/compare/{other}", permission=Permission.READ)
def compare(
    project: Name,
    model: ModelName,
    version: str,
    other: str,
    call: Call = Depends(current_call),
) -> Comparison:
    """Two versions side by side."""
    left = service.get_version(call.store, project, model, version)
    right = service.get_version(call.store, project, model, other)
    objects = call.store.objects.of(project)
    texts = [
        objects.read(each.digests[ENVIRONMENT]).decode("utf-8", "replace")
        if ENVIRONMENT in each.digests
        else ""
        for each in (left, right)
    ]
    named = [f"run:{each.run}" for each in (left, right) if each.run]
    named += [f"dataset:{each.dataset}" for each in (left, right) if each.dataset]
    with call.store.read() as connection:
        nodes = describe_nodes(connection, project, named)
    called = {node.id.partition(":")[2]: node.label for node in nodes}
    return compare_versions(left, right, (texts[0], texts[1]), called)
