"""What an inference server is told to serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from millwright.kernel.config_types import Name, Share
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.record import Record
from millwright.kernel.serving_config import ServingConfig
from millwright.serving.graph.spec import GraphSpec

CHAMPION = "champion"
"""The variant whose signature is the contract of the endpoint, and that others are compared with."""


class VariantConfig(Record):
    """One model version behind the endpoint, and its part in the traffic.

    A champion, a canary, an arm of an experiment and a shadow differ in these numbers only: who
    answers has a weight, who is compared with the champion on the same rows has a mirror. A shadow
    has just the second, a canary both.
    """

    name: Name
    package: Path
    """Folder of the model package, or of the files of a graph."""
    graph: GraphSpec | None = None
    """What is served in place of one model: several, and functions, joined."""
    nodes: dict[Name, Path] = Field(default_factory=dict)
    """Folder of the package of each node of the graph that is a model; by default what the node
    says, beside the graph."""
    version_id: str
    version: Annotated[int, Field(ge=0)]
    weight: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 1.0
    """Its part of the requests, in proportion to the other weights."""
    mirror: Share = 0.0
    """Share of the champion's requests that it scores beside the answer, and of its own that the
    champion does; of the champion itself 0."""


class ServerConfig(ServingConfig):
    """All that one inference server serves; a higher ``revision`` replaces a lower one."""

    deployment: str
    model_name: str
    revision: int = 0
    spool: Path | None = None
    """Folder that receives the prediction log; None keeps no log."""
    variants: tuple[VariantConfig, ...]
    inline_body_bytes: int = 32 * 1024
    """Larger bodies are scored in a thread, so that they do not delay small ones."""
    log_buffer_rows: Annotated[int, Field(ge=1)] = 100_000
    """Predictions held in memory while the disk is slow; beyond it they are dropped and counted."""
    others: tuple[ServerConfig, ...] = ()
    """More models that the same process answers for, each under its own name."""
    memory_bytes: Annotated[int, Field(ge=1)] | None = None
    """Memory for models: what was not used for longest is let go beyond it, and loaded again when
    somebody asks. None loads all at the start and keeps them."""

    @model_validator(mode="after")
    def _one_name_each(self) -> ServerConfig:
        names = [self.model_name, *(other.model_name for other in self.others)]
        if len(set(names)) != len(names):
            raise ValueError("two models have the same name")
        if any(other.others or other.memory_bytes for other in self.others):
            raise ValueError("only the first model says what else is served")
        return self

    @model_validator(mode="after")
    def _traffic_adds_up(self) -> ServerConfig:
        names = [variant.name for variant in self.variants]
        if names.count(CHAMPION) != 1 or len(set(names)) != len(names):
            raise ValueError("a server serves exactly one champion, and each variant once")
        if sum(variant.weight for variant in self.variants) <= 0.0:
            raise ValueError("no variant has a weight, so nobody would answer")
        if self.champion.mirror or sum(one.mirror for one in self.variants) > 1.0:
            raise ValueError(
                "a request is scored beside its answer by one other variant at most: the mirrors of"
                " all but the champion sum to 1 or less, and the champion has none"
            )
        return self

    @property
    def champion(self) -> VariantConfig:
        """The variant whose signature is the contract of the endpoint."""
        return next(variant for variant in self.variants if variant.name == CHAMPION)


def parse_config(content: bytes) -> ServerConfig:
    """The configuration in a JSON document.

    Raises:
        InvalidInput: it is not JSON, or a key is missing, unknown or wrong.
    """
    return _understood(lambda: ServerConfig.model_validate_json(content))


def config_of(content: Mapping[str, object]) -> ServerConfig:
    """The configuration in a mapping; errors as in ``parse_config``."""
    return _understood(lambda: ServerConfig.model_validate(content))


def _understood(read: Callable[[], ServerConfig]) -> ServerConfig:
    try:
        return read()
    except ValidationError as cause:
        first = cause.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidInput(
            "serving.config", f"The server configuration is not usable: {place}: {message}."
        ) from cause


def load_config(path: Path) -> ServerConfig:
    """The configuration in a file; errors as in ``parse_config``, or NotFound."""
    try:
        content = path.read_bytes()
    except OSError as cause:
        raise NotFound(
            "serving.no_config",
            f"The server configuration {path} cannot be read: {cause.strerror}.",
            hint="Serve a package folder directly with: mw serve FOLDER",
        ) from cause
    return parse_config(content)
