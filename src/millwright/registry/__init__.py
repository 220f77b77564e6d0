"""Registry: models, versions and aliases; packages that run without their code; model cards."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millwright.registry.card import (
        CardContent,
        CardData,
        ExcludedColumn,
        card_content,
        limitations,
        render_html,
        render_markdown,
    )
    from millwright.registry.client import (
        evaluation,
        fetch,
        get_model,
        get_version,
        list_models,
        model_card,
        register,
        remove_alias,
        set_alias,
    )
    from millwright.registry.holding import holds
    from millwright.registry.packaging import Fitted, Parity, build_package, export_onnx, parity
    from millwright.registry.records import (
        CHAMPION,
        EXTERNAL,
        AliasChange,
        AliasState,
        Model,
        ModelDetail,
        ModelVersion,
        NewVersion,
    )
    from millwright.registry.service import file_digest, find_model, find_version, without_package
    from millwright.registry.webhooks.delivery import WebhookController

_HOMES = {
    "find_model": "service",
    "find_version": "service",
    "CardContent": "card",
    "CardData": "card",
    "ExcludedColumn": "card",
    "card_content": "card",
    "limitations": "card",
    "render_html": "card",
    "render_markdown": "card",
    "evaluation": "client",
    "fetch": "client",
    "get_model": "client",
    "get_version": "client",
    "list_models": "client",
    "model_card": "client",
    "register": "client",
    "remove_alias": "client",
    "set_alias": "client",
    "Fitted": "packaging",
    "Parity": "packaging",
    "build_package": "packaging",
    "export_onnx": "packaging",
    "parity": "packaging",
    "CHAMPION": "records",
    "EXTERNAL": "records",
    "AliasChange": "records",
    "AliasState": "records",
    "Model": "records",
    "ModelDetail": "records",
    "ModelVersion": "records",
    "NewVersion": "records",
    "WebhookController": "webhooks.delivery",
    "file_digest": "service",
    "holds": "holding",
    "without_package": "service",
}
__all__ = [
    "CHAMPION",
    "EXTERNAL",
    "AliasChange",
    "AliasState",
    "CardContent",
    "CardData",
    "ExcludedColumn",
    "Fitted",
    "Model",
    "ModelDetail",
    "ModelVersion",
    "NewVersion",
    "Parity",
    "WebhookController",
    "build_package",
    "card_content",
    "evaluation",
    "export_onnx",
    "fetch",
    "file_digest",
    "find_model",
    "find_version",
    "get_model",
    "get_version",
    "holds",
    "limitations",
    "list_models",
    "model_card",
    "parity",
    "register",
    "remove_alias",
    "render_html",
    "render_markdown",
    "set_alias",
    "without_package",
]


def __getattr__(name: str) -> Any:
    # numpy and ONNX Runtime are loaded by whoever uses the room, not by whoever names it.
    if name not in _HOMES:
        raise AttributeError(f"module 'millwright.registry' has no attribute '{name}'")
    return getattr(import_module(f"millwright.registry.{_HOMES[name]}"), name)
