"""What one server counts, and all of it as Prometheus and Triton's clients read it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from millwright.serving.exposition import (
    Loaded,
    escaped,
    family,
    of_logs,
    of_lookups,
    of_mirrors,
    of_nodes,
    of_variants,
)
from millwright.serving.inference import Answer
from millwright.serving.models import Models

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class _Answered:
    """Sums over the answers of one version of one model; times in nanoseconds."""

    __slots__ = ("answers", "decode", "encode", "model", "queue", "rows")

    def __init__(self) -> None:
        self.answers = self.rows = self.decode = self.queue = self.model = self.encode = 0


class Metrics:
    """What a server counted since it started. Touched from the event loop only."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._latencies = [0] * (len(_BUCKETS) + 1)
        self._latency_sum = 0.0
        self._answered: dict[tuple[str, str, str], _Answered] = {}
        self._refused: Counter[str] = Counter()
        self._outside: Counter[tuple[str, str]] = Counter()
        self._streams: Counter[tuple[str, str]] = Counter()
        self._events: Counter[str] = Counter()
        self.reloads = 0

    def request(self, protocol: str, status: int, seconds: float) -> None:
        """Count a request for predictions, answered or refused."""
        self._requests[protocol, status] += 1
        self._latencies[bisect_left(_BUCKETS, seconds)] += 1
        self._latency_sum += seconds

    def answer(self, model: str, given: Answer) -> None:
        """Count an answer, its rows and where its time went, for the version that gave it."""
        key = (model, *given.variant.label)
        sums = self._answered.get(key)
        if sums is None:
            sums = self._answered[key] = _Answered()
        times = given.times
        sums.answers += 1
        sums.rows += given.rows
        sums.decode += times.decode
        sums.queue += times.queue
        sums.model += times.model
        sums.encode += times.encode

    def outside(self, model: str, fields: Sequence[str]) -> None:
        """Count fields of an answered request whose values are unlike any seen in training."""
        for field in fields:
            self._outside[model, field] += 1

    def stream(self, model: str, ended: str, events: int) -> None:
        """Count an answer that came bit by bit, how it ended and its events."""
        self._streams[model, ended] += 1
        self._events[model] += events

    def refusal(self, model: str) -> None:
        """Count a request for a model that got no answer."""
        self._refused[model] += 1

    def exposition(self, models: Models, spans: Mapping[str, int] | None = None) -> bytes:
        """Everything as Prometheus text; ``spans`` by what became of them, where there are traces."""
        loaded = [
            (endpoint.name, variant)
            for endpoint in models.endpoints
            if endpoint.generation is not None
            for variant in endpoint.generation.variants
        ]
        sections = [
            family(
                "requests_total",
                "Requests for predictions by protocol and HTTP status.",
                {f'protocol="{p}",code="{c}"': n for (p, c), n in self._requests.items()},
            ),
            family("answers_total", "Answered requests.", self._by_version(lambda s: s.answers)),
            family("rows_total", "Predicted rows.", self._by_version(lambda s: s.rows)),
            self._histogram(),
            *of_variants(loaded),
            *of_nodes(loaded),
            *of_lookups(models.lookups),
            family(
                "outside_total",
                "Answered requests with values unlike any in the training sample, by field.",
                {
                    f'model="{model}",field="{escaped(field)}"': n
                    for (model, field), n in self._outside.items()
                },
            ),
            family(
                "streams_total",
                "Answers that came bit by bit, by how they ended.",
                {f'model="{m}",ended="{ended}"': n for (m, ended), n in self._streams.items()},
            ),
            family(
                "stream_events_total",
                "Events of such answers.",
                {f'model="{model}"': n for model, n in self._events.items()},
            ),
            family(
                "spans_total",
                "Spans of traces, by what became of them.",
                {f'outcome="{outcome}"': n for outcome, n in (spans or {}).items()},
            ),
            family("in_flight", "Requests under way.", {"": models.in_flight}, kind="gauge"),
            family("reloads_total", "Configurations taken over.", {"": self.reloads}),
            family(
                "models_loaded",
                "Models in memory.",
                {"": sum(endpoint.generation is not None for endpoint in models.endpoints)},
                kind="gauge",
            ),
            family("evictions_total", "Models let go to make room.", {"": models.evictions}),
            *of_mirrors({endpoint.name: endpoint.mirror for endpoint in models.endpoints}),
            *of_logs([endpoint.log for endpoint in models.endpoints]),
            *self._as_triton(loaded, models),
        ]
        return "".join(sections).encode()

    def statistics(self, models: Models, name: str = "", version: str = "") -> dict[str, object]:
        """What Triton's statistics extension answers, of one model and version or of all.

        Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md
        """
        executions = {
            (endpoint.name, str(variant.config.version)): variant.batcher.released.total()
            for endpoint in models.endpoints
            if endpoint.generation is not None
            for variant in endpoint.generation.variants
        }
        return {
            "model_stats": [
                _statistics_of(model, number, sums, executions.get((model, number), 0))
                for (model, _, number), sums in self._answered.items()
                if name in ("", model) and version in ("", number)
            ]
        }

    def _by_version(self, read: Callable[[_Answered], int]) -> dict[str, int]:
        return {
            f'model="{model}",variant="{variant}",version="{version}"': read(sums)
            for (model, variant, version), sums in self._answered.items()
        }

    def _as_triton(self, loaded: Loaded, models: Models) -> list[str]:
        """What dashboards made for Triton read: microseconds, by model and version.

        Source: https://github.com/triton-inference-server/server/blob/main/docs/user_guide/metrics.md
        """

        def by_version(read: Callable[[_Answered], int]) -> dict[str, int]:
            sums: Counter[str] = Counter()
            for (model, _, version), counted in self._answered.items():
                sums[f'model="{model}",version="{version}"'] += read(counted)
            return sums

        families = {
            "request_success": ("Answered requests.", by_version(lambda s: s.answers)),
            "request_failure": (
                "Requests without an answer.",
                {f'model="{model}"': n for model, n in self._refused.items()},
            ),
            "count": ("Predicted rows.", by_version(lambda s: s.rows)),
            "exec_count": (
                "Batches scored.",
                {
                    f'model="{model}",version="{v.config.version}"': v.batcher.released.total()
                    for model, v in loaded
                },
            ),
            "request_duration_us": (
                "Time of answered requests.",
                by_version(lambda s: (s.decode + s.queue + s.model + s.encode) // 1000),
            ),
            "queue_duration_us": ("Time of waiting.", by_version(lambda s: s.queue // 1000)),
            "compute_input_duration_us": (
                "Time of reading requests.",
                by_version(lambda s: s.decode // 1000),
            ),
            "compute_infer_duration_us": (
                "Time of the model.",
                by_version(lambda s: s.model // 1000),
            ),
            "compute_output_duration_us": (
                "Time of writing answers.",
                by_version(lambda s: s.encode // 1000),
            ),
        }
        pending = {f'model="{one.name}"': one.in_flight for one in models.endpoints}
        return [
            *(
                family(name, text, samples, prefix="nv_inference")
                for name, (text, samples) in families.items()
            ),
            family(
                "pending_request_count",
                "Requests under way.",
                pending,
                kind="gauge",
                prefix="nv_inference",
            ),
        ]

    def _histogram(self) -> str:
        name = "millwright_request_seconds"
        lines = [f"# HELP {name} Time to answer, in seconds.", f"# TYPE {name} histogram"]
        total = 0
        for bound, count in zip((*_BUCKETS, "+Inf"), self._latencies, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        lines += [f"{name}_sum {self._latency_sum!r}", f"{name}_count {total}"]
        return "\n".join(lines) + "\n"


def _statistics_of(model: str, version: str, sums: _Answered, executions: int) -> dict[str, object]:
    def lasting(nanoseconds: int) -> dict[str, int]:
        return {"count": sums.answers, "ns": max(0, nanoseconds)}

    return {
        "name": model,
        "version": version,
        "inference_count": sums.rows,
        "execution_count": executions,
        "inference_stats": {
            "success": lasting(sums.decode + sums.queue + sums.model + sums.encode),
            "queue": lasting(sums.queue),
            "compute_input": lasting(sums.decode),
            "compute_infer": lasting(sums.model),
            "compute_output": lasting(sums.encode),
        },
    }
