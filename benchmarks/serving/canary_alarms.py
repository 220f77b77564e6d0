"""How often innocent canaries are rolled back, and how soon a harmful one is.

    python benchmarks/serving/canary_alarms.py [CANARIES]

1,000 simulated canaries (or as many as given) of 6,000 requests each, looked at every 100 requests:
requests fail, latencies are heavy-tailed, the two models differ on some rows, and labels follow the
Brier losses of two equally noisy models. Ours decides with all of its rules at once; beside it two
tests that are commonly repeated: a z-test of the error rates and Mann-Whitney's of the latencies,
both at 5 %. Then the same with a challenger that fails 5 % of its requests against 2 %.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import stats

from millwright.deployment.canary import Requests, analyse_canary
from millwright.deployment.losses import row_losses
from millwright.kernel.config import CanaryConfig

Floats = npt.NDArray[np.float64]
REQUESTS, LOOK_EVERY = 6000, 100
POLICY = CanaryConfig(max_disagreement=0.05)
Look = Callable[[Requests, Floats, Floats], bool]


def drawn(rng: np.random.Generator, failing: float) -> tuple[Requests, Floats, Floats]:
    """Requests of one canary, and the losses of both models on every row."""
    challenger = rng.random(REQUESTS) < 0.5
    failed = rng.random(REQUESTS) < np.where(challenger, failing, 0.02)
    latency = rng.lognormal(1.0, 0.6, REQUESTS)
    seen = Requests(
        challenger, failed, np.where(failed, np.nan, latency), rng.random(REQUESTS) < 0.05
    )
    logit = rng.normal(-1.2, 1.2, REQUESTS)
    truth = (rng.random(REQUESTS) < 1 / (1 + np.exp(-logit))).astype(float)
    losses = [
        row_losses("binary", truth, 1 / (1 + np.exp(-(logit + rng.normal(0, 0.4, REQUESTS)))))
        for _ in range(2)
    ]
    return seen, losses[0], losses[1]


def ours(seen: Requests, champion: Floats, challenger: Floats) -> bool:
    found = analyse_canary(champion, challenger, POLICY, windows=0, requests=seen)
    return found.verdict == "roll back"


def z_test(seen: Requests, _champion: Floats, _challenger: Floats) -> bool:
    n2, y2 = seen.challenger.sum(), (seen.failed & seen.challenger).sum()
    n1, y1 = seen.challenger.size - n2, seen.failed.sum() - y2
    pooled = (y1 + y2) / (n1 + n2)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2)) if 0 < pooled < 1 else np.inf
    return bool((y2 / n2 - y1 / n1) / spread > stats.norm.ppf(0.95))


def mann_whitney(seen: Requests, _champion: Floats, _challenger: Floats) -> bool:
    ok = np.isfinite(seen.latency_ms)
    theirs, others = seen.latency_ms[ok & seen.challenger], seen.latency_ms[ok & ~seen.challenger]
    return bool(stats.mannwhitneyu(theirs, others, alternative="greater").pvalue < 0.05)


def rolled_back_at(look: Look, canary: tuple[Requests, Floats, Floats]) -> int | None:
    """Requests of the challenger's when it was first rolled back."""
    seen, champion, challenger = canary
    for count in range(LOOK_EVERY, REQUESTS + 1, LOOK_EVERY):
        part = replace(
            seen,
            challenger=seen.challenger[:count],
            failed=seen.failed[:count],
            latency_ms=seen.latency_ms[:count],
            disagrees=seen.disagrees[:count],
        )
        if look(part, champion[:count], challenger[:count]):
            return int(part.challenger.sum())
    return None


def main() -> None:
    canaries = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for failing, what in ((0.02, "innocent"), (0.05, "failing 5 % against 2 %")):
        for name, look in (
            ("Millwright", ours),
            ("z-test", z_test),
            ("Mann-Whitney", mann_whitney),
        ):
            rng = np.random.default_rng(20240501)
            number = canaries if look is ours else min(canaries, 300)
            found = [rolled_back_at(look, drawn(rng, failing)) for _ in range(number)]
            acted = [count for count in found if count is not None]
            median = f", median after {np.median(acted):,.0f} of its requests" if acted else ""
            print(f"{what:24} {name:13} {len(acted)} of {number} rolled back{median}")


if __name__ == "__main__":
    main()
