"""How a model is served: what a deployment, ``mw serve`` and an inference server have in common."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from millwright.kernel.config_types import Duration, Name, Share
from millwright.kernel.model_package import Kind
from millwright.kernel.record import Record


class ApiKey(Record):
    """A caller's key, known by its digest alone."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the key, in hexadecimal."""
    per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Requests a second on average; None: as many as come."""
    max_body_bytes: Annotated[int, Field(ge=1)] | None = None
    """Largest body of its requests, where that is to be less than the endpoint's."""


class LookupConfig(Record):
    """Fields of a model that are looked up by ids, in a store that speaks the protocol of Feast's
    feature server."""

    name: Name
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2000)]
    """``POST`` to it asks for features: ``https://features.example/get-online-features``."""
    entities: Annotated[dict[str, Kind], Field(min_length=1)]
    """Join keys of the store, which callers send as tensors, and their kinds."""
    features: Annotated[dict[str, str], Field(min_length=1)]
    """Fields of the model, and the feature of the store (``view:name``) that each is."""
    missing: Literal["null", "reject"] = "null"
    """What an unknown entity, or a value too old, is: not known, or a refusal (400)."""
    max_age: Duration | None = None
    """Values that were true longer ago are as good as missing."""
    ttl_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60.0
    """How long what was found is used without asking again."""
    timeout_ms: Annotated[float, Field(gt=0, le=60_000)] = 500.0
    """Time for the store to answer."""
    token_variable: Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """Environment variable with a token that the store asks for."""


class TracesConfig(Record):
    """Where traces of requests go."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2000)]
    """An OTLP/HTTP collector: ``http://localhost:4318/v1/traces``."""
    share: Share = 1.0
    """Of requests that bring no context of their own; who brings one decides by it."""
    service: Name | None = None
    """What the server calls itself; by default the deployment's name."""


class OidcConfig(Record):
    """An OpenID Connect issuer whose tokens callers may show in place of a key."""

    issuer: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2000)]
    """As tokens name it (``iss``)."""
    audience: Annotated[str, Field(min_length=1, max_length=500)]
    """What tokens for this endpoint are for (``aud``)."""
    jwks_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2000)] | None = None
    """Where its keys are; by default what its discovery document says."""
    scope: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """A scope that tokens must have."""
    per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Requests a second on average of one subject; None: as many as come."""


class WorkersConfig(Record):
    """How many processes answer. With more than one at most, they grow and shrink with the load."""

    least: Annotated[int, Field(ge=0, le=256)] = 1
    """0: none while nobody asks; the first request then waits for one to start."""
    most: Annotated[int, Field(ge=1, le=256)] = 1
    concurrency: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 16.0
    """Requests under way at once that one worker is meant to have."""
    stable_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Over how long the load is averaged."""
    panic_seconds: Annotated[float, Field(gt=0, le=3600)] = 6.0
    """Over how long when it rises fast: twice as much as the workers are meant to have."""
    grace_seconds: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    """How long the last worker stays after nobody asked any more, where the least is 0."""

    @model_validator(mode="after")
    def _in_order(self) -> WorkersConfig:
        if self.least > self.most:
            raise ValueError("the least number of workers is above the most")
        if self.panic_seconds > self.stable_seconds:
            raise ValueError("panic_seconds is longer than stable_seconds")
        return self

    @property
    def is_one(self) -> bool:
        """Whether one process, always there, answers by itself."""
        return self.least == self.most == 1


class ServingConfig(Record):
    """Limits, guard, keys and workers of an endpoint."""

    engine: Literal["uvicorn", "granian"] = "uvicorn"
    """What reads and writes the sockets: uvicorn answers a lone caller soonest, granian the most
    callers at once."""
    workers: WorkersConfig = WorkersConfig()
    max_body_bytes: Annotated[int, Field(ge=1)] = 16 * 1024 * 1024
    """Largest request body, also after decompression."""
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
    lookups: tuple[LookupConfig, ...] = ()
    """Fields that are looked up when a request comes, by ids that callers send in their place."""
    traces: TracesConfig | None = None
    """Where spans of requests are sent; None records none."""
    trust_code: bool = False
    """Whether packages may run code that they hold: PyTorch, MLflow, Python classes, the functions of
    a graph."""
    keys: tuple[ApiKey, ...] = ()
    """Keys of callers; with any, every path but health asks for one."""
    oidc: OidcConfig | None = None
    """Whose tokens are taken too; with it, every path but health asks for a token or key."""
