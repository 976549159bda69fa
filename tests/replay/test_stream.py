"""The step engine over batches gives what it gives over the whole work."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.serving.steps import Autoscale, Limits, Routing, StepLaw, Work, simulate
from tokenworks.replay.serving.stream import simulate_batches

LAW = StepLaw(0.01, 0.001, 1e-6, 1e-4, 0.005, 1e-6, 3)
TIGHT = Limits(8, token_budget=128, kv_blocks=60, admission_lag_steps=1, max_in_flight=40)
COUNT = 3000


def whole() -> Work:
    """Enough load to queue, preempt and turn away."""
    generator = np.random.default_rng(5)
    return Work(
        np.cumsum(generator.exponential(0.03, COUNT)),
        generator.integers(1, 300, COUNT),
        generator.integers(0, 60, COUNT),
        cached=generator.integers(0, 100, COUNT),
    )


def parts(work: Work, edges: list[int]) -> list[Work]:
    """The work cut at these rows."""
    assert work.cached is not None
    return [
        Work(
            work.arrivals[one:two],
            work.prompt[one:two],
            work.output[one:two],
            cached=work.cached[one:two],
        )
        for one, two in zip([0, *edges], [*edges, work.count], strict=True)
    ]


@pytest.mark.parametrize(
    "replicas", [1, 4, Autoscale(0, 6, 4, interval_seconds=2, cold_start_seconds=1)]
)
@pytest.mark.parametrize("policy", ["least_loaded", "round_robin"])
def test_batches_give_the_same_times_when_work_is_cut_anywhere(
    replicas: int | Autoscale, policy: str
) -> None:
    work = whole()
    routing = Routing("round_robin") if policy == "round_robin" else Routing()
    once = simulate(work, LAW, TIGHT, replicas, routing=routing)
    cut = list(
        simulate_batches(parts(work, [1, 500, 1700, 2999]), LAW, TIGHT, replicas, routing=routing)
    )
    rows = np.concatenate([batch.rows for batch in cut])
    assert sorted(rows.tolist()) == list(range(COUNT))
    assert once.preemptions.sum() > 0
    assert len(cut[0].rows) == 0
    for name in ("arrived", "admitted", "first_token", "ended", "replica", "preemptions"):
        found = np.concatenate([getattr(batch.served, name) for batch in cut])
        assert np.array_equal(found, getattr(once, name)[rows], equal_nan=True), name
    assert np.array_equal(cut[-1].served.busy_seconds, once.busy_seconds)
    assert np.array_equal(cut[-1].served.steps, once.steps)
    np.testing.assert_allclose(cut[-1].served.on_seconds, once.on_seconds, rtol=1e-12)


def test_batches_are_refused_when_they_overlap_or_need_the_whole_work() -> None:
    first, second = parts(whole(), [500])
    with pytest.raises(ValueError, match="each begins after the last arrival"):
        list(simulate_batches([second, first], LAW, TIGHT))
    with pytest.raises(ValueError, match="needs the whole work"):
        list(simulate_batches([first], LAW, TIGHT, routing=Routing("session")))
