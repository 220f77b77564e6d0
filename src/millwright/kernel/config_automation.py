"""The keys of ``millwright.yaml`` that say when pipelines start, and who hears of their end."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, JsonValue, model_validator

from millwright.kernel.clock import parse_duration, parse_rfc3339
from millwright.kernel.config_types import Duration, Name
from millwright.kernel.errors import InvalidInput
from millwright.kernel.record import Record

TRAIN = "train"
"""Names the main job, `mw run`, where a pipeline is asked for."""
SHORTEST_INTERVAL_MS = 1_000
CRON_NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * SUN",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}


def _checked_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as cause:
        raise ValueError(f"there is no time zone {name!r}; write it as Europe/Berlin") from cause
    return name


def _checked_cron(text: str) -> str:
    from datetime import UTC, datetime

    from cronsim import CronSim, CronSimError

    expression = CRON_NAMES.get(text, text)
    try:
        if len(expression.split()) != 5:
            raise CronSimError("it has not five fields")
        next(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as cause:
        raise ValueError(
            f"{text!r} is no cron expression: {cause}; it has five fields, such as '30 2 * * MON-FRI'"
        ) from cause
    except StopIteration as cause:
        raise ValueError(f"{text!r} never comes to pass") from cause
    return text


def _checked_time(text: str) -> str:
    try:
        parse_rfc3339(text)
    except InvalidInput as cause:
        raise ValueError(str(cause)) from cause
    return text


Moment = Annotated[str, AfterValidator(_checked_time)]
"""A time in RFC 3339, or a date; without a zone it is UTC."""
PipelineName = Annotated[str, Field(pattern=r"^(train|[\w-][\w./-]*\.py:\w+)$", max_length=300)]
"""``FILE.py:NAME`` in the project's folder, or ``train`` for the main job."""


class StartedPipeline(Record):
    """A pipeline that something starts by itself."""

    pipeline: PipelineName
    params: dict[str, JsonValue] = Field(default_factory=dict)
    """Its parameters. ``{fire_time}`` and the like stand for what the start knows."""
    max_active: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many of its runs may be in progress; further ones wait."""
    deadline: Duration | None = None
    """So long after it was started a run that has not ended fails, wherever it is by then."""


class ScheduleConfig(StartedPipeline):
    """When a pipeline starts by the clock: ``cron``, or ``every`` so often."""

    cron: Annotated[str, AfterValidator(_checked_cron)] | None = None
    """Five fields, or ``@daily`` and its like, in the wall time of ``timezone``."""
    every: Duration | None = None
    timezone: Annotated[str, AfterValidator(_checked_timezone)] = "UTC"
    start: Moment | None = None
    """Not before this. Intervals are counted from here."""
    end: Moment | None = None
    catch_up: Literal["skip", "latest", "all"] = "latest"
    """What becomes of times that passed while nothing ran: none, the last, or all of them run."""

    @model_validator(mode="after")
    def _one_clock(self) -> ScheduleConfig:
        if (self.cron is None) == (self.every is None):
            raise ValueError("a schedule has either 'cron' or 'every'")
        if self.every is not None and parse_duration(self.every) < SHORTEST_INTERVAL_MS:
            raise ValueError("'every' is at least 1s")
        if self.start and self.end and parse_rfc3339(self.start) >= parse_rfc3339(self.end):
            raise ValueError("'start' comes before 'end'")
        return self


class TriggerConfig(StartedPipeline):
    """What makes a pipeline start, and how often it may."""

    when: Literal["dataset", "pipeline", "alert", "webhook"]
    name: Name | None = None
    """The dataset, the upstream pipeline, or (any where absent) the deployment."""
    status: Literal["succeeded", "failed", "cancelled"] = "succeeded"
    """How the upstream pipeline ended."""
    kinds: tuple[
        Literal["data_drift", "column_drift", "prediction_drift", "performance", "loss", "latency"],
        ...,
    ] = ()
    """Kinds of alert; any where empty."""
    type: str | None = None
    """The type of CloudEvent that counts; any where absent."""
    cooldown: Duration | None = None
    """At least this long between two starts; what comes earlier is noted and starts nothing."""
    max_runs: Annotated[int, Field(ge=1)] | None = None
    max_time: Duration | None = None
    """Runs and their time altogether within ``per``; beyond that nothing starts."""
    per: Duration = "30d"

    @model_validator(mode="after")
    def _named(self) -> TriggerConfig:
        if self.when in ("dataset", "pipeline") and self.name is None:
            raise ValueError(f"a trigger on a {self.when} needs its 'name'")
        if self.when == "webhook" and self.name is not None:
            raise ValueError("a trigger on a webhook takes no 'name'")
        return self


class EmailConfig(Record):
    """Mail through an SMTP server; its password is in ``MILLWRIGHT_SMTP_PASSWORD``."""

    to: Annotated[tuple[str, ...], Field(min_length=1)]
    sender: str
    server: str
    """``host:port``; TLS is required unless the host is this machine."""
    user: str | None = None


class ChannelsConfig(Record):
    """Where messages go."""

    webhook: str | None = None
    """Receives CloudEvents."""
    slack: str | None = None
    """A Slack incoming webhook, or one that understands it."""
    email: EmailConfig | None = None


class NotificationsConfig(ChannelsConfig):
    """Who hears of the end of pipeline runs."""

    when: tuple[Literal["succeeded", "failed", "cancelled"], ...] = ("failed",)
    pipelines: tuple[str, ...] = ()
    """By name; all where empty."""
