"""Parts of a server in the Prometheus text format, without a client library.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from millwright.serving.mirroring import Mirror
from millwright.serving.prediction_log import PredictionLog
from millwright.serving.variant import Variant

if TYPE_CHECKING:
    from millwright.serving.lookup.looking_up import Lookup

Loaded = Sequence[tuple[str, Variant]]
"""Variants in memory, each with the name of its model."""


def of_variants(loaded: Loaded) -> list[str]:
    """What the batches and caches of variants did."""
    return [
        family(
            "batches_total",
            "Batches scored, by why they were not larger.",
            {
                f'model="{model}",variant="{variant.config.name}",reason="{reason}"': n
                for model, variant in loaded
                for reason, n in variant.batcher.released.items()
            },
        ),
        family(
            "batch_rows_total",
            "Rows scored in batches.",
            {f'model="{model}",variant="{v.config.name}"': v.batcher.rows for model, v in loaded},
        ),
        family(
            "expired_total",
            "Requests dropped before the model was asked, their time being over.",
            {f'model="{m}",variant="{v.config.name}"': v.batcher.expired for m, v in loaded},
        ),
        family(
            "cache_requests_total",
            "Requests looked for among the answers that are kept, by outcome.",
            {
                f'model="{model}",variant="{v.config.name}",outcome="{outcome}"': n
                for model, v in loaded
                if v.cache.is_open
                for outcome, n in (("hit", v.cache.hits), ("miss", v.cache.misses))
            },
        ),
    ]


def of_nodes(loaded: Loaded) -> list[str]:
    """What the nodes of graphs did; a node that joins others holds their time too."""
    counts = {
        f'graph="{model}",variant="{variant.config.name}",node="{node}"': count
        for model, variant in loaded
        if variant.graph is not None
        for node, count in variant.graph.counts.items()
    }
    if not counts:
        return []
    return [
        family(
            "graph_node_runs_total",
            "Runs of a node of a graph.",
            {labels: count.runs for labels, count in counts.items()},
        ),
        family(
            "graph_node_rows_total",
            "Rows that a node of a graph took.",
            {labels: count.rows for labels, count in counts.items()},
        ),
        family(
            "graph_node_seconds_total",
            "Time of a node of a graph.",
            {labels: count.nanoseconds / 1e9 for labels, count in counts.items()},
        ),
        family(
            "graph_node_failures_total",
            "Runs of a node of a graph that gave nothing.",
            {labels: count.failures for labels, count in counts.items()},
        ),
    ]


def of_lookups(lookups: Sequence[tuple[str, Lookup]]) -> list[str]:
    """What was looked up, by the names of models."""
    if not lookups:
        return []
    by_name = {f'model="{model}",lookup="{one.config.name}"': one for model, one in lookups}
    return [
        family(
            "lookup_entities_total",
            "Entities whose features were looked up, by where they were found.",
            {
                f'{labels},outcome="{outcome}"': n
                for labels, one in by_name.items()
                for outcome, n in one.outcomes.items()
            },
        ),
        family(
            "lookup_absent_values_total",
            "Values that the online store had not, or that were too old.",
            {labels: one.absent for labels, one in by_name.items()},
        ),
        family(
            "lookup_fetches_total",
            "Requests to the online store.",
            {labels: one.fetches for labels, one in by_name.items()},
        ),
        family(
            "lookup_fetch_seconds_total",
            "Time of requests to the online store.",
            {labels: one.nanoseconds / 1e9 for labels, one in by_name.items()},
        ),
    ]


def of_mirrors(mirrors: Mapping[str, Mirror]) -> list[str]:
    """What was scored a second time, by model."""
    return [
        family(
            "mirrored_rows_total",
            "Rows to be scored a second time beside their answer, by what became of it.",
            {
                f'model="{model}",variant="{variant}",outcome="{outcome}"': n
                for model, mirror in mirrors.items()
                for (variant, outcome), n in mirror.rows.copy().items()
            },
        ),
        family(
            "mirror_differences_total",
            "Rows scored twice on which the variant and the champion differ.",
            {
                f'model="{model}",variant="{variant}"': n
                for model, mirror in mirrors.items()
                for variant, n in mirror.differing.copy().items()
            },
        ),
        family(
            "mirror_ends_total",
            "Processes that score beside the answers and ended unasked.",
            {f'model="{model}"': mirror.ended for model, mirror in mirrors.items()},
        ),
        family(
            "mirror_waiting_rows",
            "Answered rows that wait for their second score.",
            {f'model="{model}"': mirror.waiting_rows for model, mirror in mirrors.items()},
            kind="gauge",
        ),
    ]


def of_logs(logs: Sequence[PredictionLog]) -> list[str]:
    """What prediction logs wrote, dropped and hold, all together."""
    return [
        family(
            "log_rows_total", "Predictions logged.", {"": sum(log.written_rows for log in logs)}
        ),
        family(
            "log_segments_total",
            "Log segments written.",
            {"": sum(log.written_segments for log in logs)},
        ),
        family(
            "log_dropped_rows_total",
            "Predictions that could not be logged.",
            {"": sum(log.dropped_rows for log in logs)},
        ),
        family(
            "log_failed_writes_total",
            "Failed writes of a segment.",
            {"": sum(log.failed_writes for log in logs)},
        ),
        family(
            "log_held_rows",
            "Predictions waiting to be logged.",
            {"": sum(log.held_rows for log in logs)},
            kind="gauge",
        ),
    ]


def escaped(text: str) -> str:
    """A text as the value of a label."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def family(
    name: str,
    text: str,
    samples: Mapping[str, float],
    kind: str = "counter",
    prefix: str = "millwright",
) -> str:
    """One family in the text format: ``samples`` by their labels, which may be none."""
    full = f"{prefix}_{name}"
    lines = [f"# HELP {full} {text}", f"# TYPE {full} {kind}"]
    lines += [
        f"{full}{{{labels}}} {n}" if labels else f"{full} {n}" for labels, n in samples.items()
    ]
    return "\n".join(lines) + "\n"
