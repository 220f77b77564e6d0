"""What an inference server is told to serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.record import Record

VariantName = Literal["champion", "canary"]


class VariantConfig(Record):
    """One model version behind the endpoint and its share of the traffic."""

    name: VariantName
    package: Path
    """Folder of the model package."""
    version_id: str
    version: Annotated[int, Field(ge=0)]
    weight: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 1.0


class ApiKey(Record):
    """A caller's key, known by its digest alone."""

    name: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the key, in hexadecimal."""
    per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Requests a second on average; None: as many as come."""


class ServerConfig(Record):
    """All that one inference server serves; a higher ``revision`` replaces a lower one."""

    deployment: str
    model_name: str
    revision: int = 0
    spool: Path | None = None
    """Folder that receives the prediction log; None keeps no log."""
    variants: tuple[VariantConfig, ...]
    max_body_bytes: Annotated[int, Field(ge=1)] = 16 * 1024 * 1024
    """Largest request body, also after decompression."""
    inline_body_bytes: int = 32 * 1024
    """Larger bodies are scored in a thread, so that they do not delay small ones."""
    log_buffer_rows: Annotated[int, Field(ge=1)] = 100_000
    """Predictions held in memory while the disk is slow; beyond it they are dropped and counted."""

    max_in_flight: Annotated[int, Field(ge=1)] = 1_024
    """Requests for predictions that may be under way; one more is answered 429 at once."""
    latency_objective_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    """Batches are kept so small that the model takes no longer than this for one."""
    cache_rows: Annotated[int, Field(ge=0)] = 0
    """Answers per version that are kept for requests of the same values; 0 keeps none."""

    explain_budget_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 100.0
    """Time for one explanation; fields for which it does not last are left out and named."""
    guard: Literal["off", "flag", "reject"] = "off"
    """What happens to values unlike any in the sample of training rows: nothing, a header that
    names the fields, or a refusal."""
    keys: tuple[ApiKey, ...] = ()
    """Keys of callers; with any, every path but health asks for one (of the first model)."""
    trust_code: bool = False
    """Whether packages may run code that they hold (PyTorch, MLflow, Python classes)."""
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
    def _one_champion(self) -> ServerConfig:
        names = [variant.name for variant in self.variants]
        if names.count("champion") != 1 or names.count("canary") > 1:
            raise ValueError("a server serves exactly one champion and at most one canary")
        return self

    @property
    def champion(self) -> VariantConfig:
        """The variant whose signature is the contract of the endpoint."""
        return next(variant for variant in self.variants if variant.name == "champion")

    @property
    def canary(self) -> VariantConfig | None:
        """The challenger on trial, if there is one."""
        return next((variant for variant in self.variants if variant.name == "canary"), None)


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
