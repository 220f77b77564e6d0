"""Counters of one server in the Prometheus text format, without a client library.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from millwright.serving.prediction_log import PredictionLog
from millwright.serving.variant import Variant

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """What a server counted since it started. Touched from the event loop only."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._latencies = [0] * (len(_BUCKETS) + 1)
        self._latency_sum = 0.0
        self._answers: Counter[tuple[str, str]] = Counter()
        self._rows: Counter[tuple[str, str]] = Counter()
        self.reloads = 0

    def request(self, protocol: str, status: int, seconds: float) -> None:
        """Count a request for predictions, answered or refused."""
        self._requests[protocol, status] += 1
        self._latencies[bisect_left(_BUCKETS, seconds)] += 1
        self._latency_sum += seconds

    def answer(self, variant: str, version: str, rows: int) -> None:
        """Count an answer and its rows for the variant that gave it."""
        self._answers[variant, version] += 1
        self._rows[variant, version] += rows

    def exposition(self, log: PredictionLog, variants: Sequence[Variant], in_flight: int) -> bytes:
        """Everything as Prometheus text."""
        by_variant = 'variant="{}",version="{}"'
        sections = [
            _family(
                "requests_total",
                "Requests for predictions by protocol and HTTP status.",
                {f'protocol="{p}",code="{c}"': n for (p, c), n in self._requests.items()},
            ),
            _family(
                "answers_total",
                "Answered requests by variant.",
                {by_variant.format(*key): n for key, n in self._answers.items()},
            ),
            _family(
                "rows_total",
                "Predicted rows by variant.",
                {by_variant.format(*key): n for key, n in self._rows.items()},
            ),
            self._histogram(),
            *_of_variants(variants),
            _family("in_flight", "Requests under way.", {"": in_flight}, kind="gauge"),
            _family("reloads_total", "Configurations taken over.", {"": self.reloads}),
            *_of_log(log),
        ]
        return "".join(sections).encode()

    def _histogram(self) -> str:
        name = "millwright_request_seconds"
        lines = [f"# HELP {name} Time to answer, in seconds.", f"# TYPE {name} histogram"]
        total = 0
        for bound, count in zip((*_BUCKETS, "+Inf"), self._latencies, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        lines += [f"{name}_sum {self._latency_sum!r}", f"{name}_count {total}"]
        return "\n".join(lines) + "\n"


def _of_variants(variants: Sequence[Variant]) -> list[str]:
    return [
        _family(
            "batches_total",
            "Batches scored, by variant and by why they were not larger.",
            {
                f'variant="{variant.config.name}",reason="{reason}"': n
                for variant in variants
                for reason, n in variant.batcher.released.items()
            },
        ),
        _family(
            "batch_rows_total",
            "Rows scored in batches, by variant.",
            {f'variant="{v.config.name}"': v.batcher.rows for v in variants},
        ),
        _family(
            "cache_requests_total",
            "Requests looked for among the answers that are kept, by variant and outcome.",
            {
                f'variant="{v.config.name}",outcome="{outcome}"': n
                for v in variants
                if v.cache.is_open
                for outcome, n in (("hit", v.cache.hits), ("miss", v.cache.misses))
            },
        ),
    ]


def _of_log(log: PredictionLog) -> list[str]:
    return [
        _family("log_rows_total", "Predictions logged.", {"": log.written_rows}),
        _family("log_segments_total", "Log segments written.", {"": log.written_segments}),
        _family(
            "log_dropped_rows_total",
            "Predictions that could not be logged.",
            {"": log.dropped_rows},
        ),
        _family("log_failed_writes_total", "Failed writes of a segment.", {"": log.failed_writes}),
        _family(
            "log_held_rows",
            "Predictions waiting to be logged.",
            {"": log.held_rows},
            kind="gauge",
        ),
    ]


def _family(name: str, text: str, samples: dict[str, int], *, kind: str = "counter") -> str:
    full = f"millwright_{name}"
    lines = [f"# HELP {full} {text}", f"# TYPE {full} {kind}"]
    lines += [
        f"{full}{{{labels}}} {n}" if labels else f"{full} {n}" for labels, n in samples.items()
    ]
    return "\n".join(lines) + "\n"
