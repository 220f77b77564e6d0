"""What other instrumentations call the facts of a span that MLflow's clients look for.

Pure. Three vocabularies are known, asked in this order where a span speaks several: OpenInference,
OpenTelemetry's for generative AI, and OpenLLMetry (Traceloop). What a span says in MLflow's own words
stands; the rest is added beside what was sent, so nothing is lost. Prices are no fact of a span: a cost
is kept where one is told and never worked out here.

Sources: the OpenTelemetry registry ``gen_ai``, OpenInference's and OpenLLMetry's semantic conventions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

INPUTS = "mlflow.spanInputs"
OUTPUTS = "mlflow.spanOutputs"
SPAN_TYPE = "mlflow.spanType"
USAGE = "mlflow.chat.tokenUsage"
MODEL = "mlflow.llm.model"
PROVIDER = "mlflow.llm.provider"
TOOLS = "mlflow.chat.tools"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The attributes that one convention uses."""

    kind: str
    kinds: Mapping[str, str]
    tokens: Mapping[str, tuple[str, ...]]
    """What MLflow calls a count, and the attributes that hold it."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    model: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    tools: tuple[str, ...] = field(default=())


_SAME = ("TOOL", "CHAIN", "LLM", "RETRIEVER", "EMBEDDING", "AGENT", "RERANKER", "UNKNOWN")
VOCABULARIES = (
    Vocabulary(
        kind="openinference.span.kind",
        kinds={name: name for name in (*_SAME, "GUARDRAIL", "EVALUATOR")},
        tokens={
            "input_tokens": ("llm.token_count.prompt",),
            "output_tokens": ("llm.token_count.completion",),
            "total_tokens": ("llm.token_count.total",),
            "cache_read_input_tokens": ("llm.token_count.prompt_details.cache_read",),
            "cache_creation_input_tokens": ("llm.token_count.prompt_details.cache_write",),
        },
        inputs=("input.value",),
        outputs=("output.value",),
        model=(
            "llm.response.model_name",
            "llm.model_name",
            "llm.request.model_name",
            "embedding.model_name",
        ),
        provider=("llm.provider",),
    ),
    Vocabulary(
        kind="gen_ai.operation.name",
        kinds={
            "chat": "CHAT_MODEL",
            "create_agent": "AGENT",
            "embeddings": "EMBEDDING",
            "execute_tool": "TOOL",
            "generate_content": "LLM",
            "invoke_agent": "AGENT",
            "text_completion": "LLM",
            "response": "LLM",
        },
        tokens={
            "input_tokens": ("gen_ai.usage.input_tokens",),
            "output_tokens": ("gen_ai.usage.output_tokens",),
            "cache_read_input_tokens": ("gen_ai.usage.cache_read.input_tokens",),
            "cache_creation_input_tokens": (
                "gen_ai.usage.cache_write.input_tokens",
                "gen_ai.usage.cache_creation.input_tokens",
            ),
        },
        inputs=("gen_ai.input.messages", "gen_ai.tool.call.arguments"),
        outputs=("gen_ai.output.messages", "gen_ai.tool.call.result"),
        model=("gen_ai.response.model", "gen_ai.request.model"),
        provider=("gen_ai.provider.name",),
        tools=("gen_ai.tool.definitions",),
    ),
    Vocabulary(
        kind="traceloop.span.kind",
        kinds={
            "workflow": "WORKFLOW",
            "task": "TASK",
            "agent": "AGENT",
            "tool": "TOOL",
            "unknown": "UNKNOWN",
        },
        tokens={
            "input_tokens": ("gen_ai.usage.prompt_tokens",),
            "output_tokens": ("gen_ai.usage.completion_tokens",),
            "total_tokens": ("llm.usage.total_tokens",),
        },
        inputs=("traceloop.entity.input", "gen_ai.prompt.0.content"),
        outputs=("traceloop.entity.output", "gen_ai.completion.0.content"),
        provider=("gen_ai.system",),
    ),
)
_PREFIXES = ("gen_ai.", "llm.", "openinference.", "input.", "output.", "traceloop.", "embedding.")


def translated(attributes: Mapping[str, str]) -> dict[str, str]:
    """A span's attributes with what another vocabulary says, in MLflow's words beside it.

    Args:
        attributes: JSON texts by name, as spans are stored.

    >>> translated({"gen_ai.usage.input_tokens": "3", "gen_ai.usage.output_tokens": "4"})[USAGE]
    '{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}'
    >>> translated({"openinference.span.kind": '"LLM"', "mlflow.spanType": '"AGENT"'})[SPAN_TYPE]
    '"AGENT"'
    """
    if not any(name.startswith(_PREFIXES) for name in attributes):
        return dict(attributes)
    found: dict[str, str | None] = {
        SPAN_TYPE: _kind(attributes),
        INPUTS: _first(attributes, (v.inputs for v in VOCABULARIES)),
        OUTPUTS: _first(attributes, (v.outputs for v in VOCABULARIES)),
        USAGE: _usage(attributes),
        MODEL: _first(attributes, (v.model for v in VOCABULARIES)),
        PROVIDER: _first(attributes, (v.provider for v in VOCABULARIES)),
        TOOLS: _first(attributes, (v.tools for v in VOCABULARIES)),
    }
    added = {name: text for name, text in found.items() if text is not None}
    own = dict(attributes)
    if own.get(SPAN_TYPE) == '"UNKNOWN"' and SPAN_TYPE in added:
        del own[SPAN_TYPE]
    return {**added, **own}


def _kind(attributes: Mapping[str, str]) -> str | None:
    for vocabulary in VOCABULARIES:
        said = _plain(attributes.get(vocabulary.kind))
        known = vocabulary.kinds.get(said) if isinstance(said, str) else None
        if known is not None:
            return json.dumps(known)
    return None


def _first(attributes: Mapping[str, str], groups: Iterable[tuple[str, ...]]) -> str | None:
    """The first attribute that is there and holds something."""
    for name in (name for group in groups for name in group):
        text = attributes.get(name)
        if text is not None and _plain(text):
            return text
    return None


def _usage(attributes: Mapping[str, str]) -> str | None:
    for vocabulary in VOCABULARIES:
        counts: dict[str, int] = {}
        for name, sources in vocabulary.tokens.items():
            said = (_count(attributes.get(source)) for source in sources)
            count = next((each for each in said if each is not None), None)
            if count is not None:
                counts[name] = count
        if not counts.keys() & {"input_tokens", "output_tokens", "total_tokens"}:
            continue
        if {"input_tokens", "output_tokens"} <= counts.keys():
            counts.setdefault("total_tokens", counts["input_tokens"] + counts["output_tokens"])
        order = [name for name in VOCABULARIES[0].tokens if name in counts]
        return json.dumps({name: counts[name] for name in order})
    return None


def _count(text: str | None) -> int | None:
    said = _plain(text)
    if isinstance(said, str) and said.isascii() and said.isdigit():
        return int(said[:18])
    return said if isinstance(said, int) and not isinstance(said, bool) else None


def _plain(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
