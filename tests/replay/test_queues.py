"""The step engine against queues whose answers are known, and against what must always hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.serving.concurrency import Occupancy
from tokenworks.replay.serving.queueing import (
    erlang_c,
    finite_queue_blocking,
    single_server_wait,
)
from tokenworks.replay.serving.steps import Limits, Served, StepLaw, Work, simulate

STEP = 0.001
COUNT = 2_000_000


def service_times(kind: str, count: int, generator: np.random.Generator) -> np.ndarray:
    """Times with mean 1: fixed, exponential, or of two exponentials with cv² 4."""
    if kind == "fixed":
        return np.ones(count)
    if kind == "exponential":
        return generator.exponential(1.0, count)
    often = (1 + np.sqrt(3 / 5)) / 2
    quick = generator.random(count) < often
    rates: np.ndarray = np.where(quick, 2 * often, 2 * (1 - often))
    return np.asarray(generator.exponential(1.0, count) / rates)


def serve(
    kind: str, rate: float, limits: Limits, replicas: int = 1, seed: int = 4, count: int = COUNT
) -> Served:
    """Poisson arrivals, each of which takes its service time whatever else runs."""
    generator = np.random.default_rng(seed)
    arrivals = np.cumsum(generator.exponential(1 / rate, count))
    steps = np.maximum(1, np.round(service_times(kind, count, generator) / STEP))
    work = Work(arrivals, np.ones(count, dtype=np.int64), steps.astype(np.int64))
    return simulate(work, StepLaw(STEP), limits, replicas)


def test_erlang_c_equals_the_known_values_when_ten_servers_are_nearly_full() -> None:
    found = erlang_c(9, 1, 10)
    assert found.wait_probability == pytest.approx(0.66873152, abs=1e-8)
    assert found.mean_wait_seconds == pytest.approx(0.66873152, abs=1e-8)
    assert found.mean_in_system == pytest.approx(15.01858, abs=1e-5)
    assert found.wait_p99_seconds == pytest.approx(4.20280, abs=1e-5)


def test_erlang_c_refuses_when_the_load_cannot_be_carried() -> None:
    with pytest.raises(ValueError, match="10 servers cannot carry an offered load of 10"):
        erlang_c(10, 1, 10)


def test_blocking_equals_the_known_values_when_ten_places_are_there() -> None:
    assert finite_queue_blocking(0.9, 1, 10) == pytest.approx(0.05081373, abs=1e-8)
    assert finite_queue_blocking(1.2, 1, 10) == pytest.approx(0.19258650, abs=1e-8)


def test_the_wait_of_one_server_equals_the_known_values_when_the_load_is_four_fifths() -> None:
    assert single_server_wait(0.8, 1, 0) == pytest.approx(2.0, abs=1e-8)
    assert single_server_wait(0.8, 1, 4) == pytest.approx(10.0, abs=1e-8)
    with pytest.raises(ValueError, match="cannot carry an offered load of 1"):
        single_server_wait(1, 1, 0)


@pytest.mark.parametrize(
    ("kind", "rate", "wait"),
    [
        ("fixed", 0.8, 2.0),
        ("two exponentials", 0.8, 10.0),
    ],
)
def test_the_mean_wait_is_within_two_per_cent_when_simulated(
    kind: str, rate: float, wait: float
) -> None:
    served = serve(kind, rate, Limits(max_num_seqs=1))
    assert served.queue_seconds[COUNT // 10 :].mean() == pytest.approx(wait, rel=0.02)


def test_waits_follow_erlang_c_when_ten_slots_are_nearly_full() -> None:
    served = serve("exponential", 9.0, Limits(max_num_seqs=10), seed=3)
    waits = served.queue_seconds[COUNT // 10 :]
    # Who finds a free slot still waits for the running step, of a millisecond at most.
    assert (waits > STEP).mean() == pytest.approx(0.66873152, rel=0.02)
    assert waits.mean() == pytest.approx(0.66873152, rel=0.02)
    assert np.quantile(waits, 0.99) == pytest.approx(4.20280, rel=0.02)
    span = served.ended.max() - served.arrived.min()
    assert served.e2e_seconds.sum() / span == pytest.approx(15.01858, rel=0.02)


@pytest.mark.parametrize(("rate", "blocked"), [(0.9, 0.05081373), (1.2, 0.19258650)])
def test_the_blocked_share_is_within_two_per_cent_when_places_are_limited(
    rate: float, blocked: float
) -> None:
    served = serve("exponential", rate, Limits(max_num_seqs=1, max_in_flight=10))
    turned_away = served.replica < 0
    assert turned_away.mean() == pytest.approx(blocked, rel=0.02)
    assert np.isnan(served.ended[turned_away]).all()
    assert np.isfinite(served.ended[~turned_away]).all()


def test_nobody_waits_when_replicas_are_without_end() -> None:
    # M/G/infinity: 20 in the system on average, Poisson whatever the service times.
    count = 200_000
    served = serve("two exponentials", 20.0, Limits(max_num_seqs=1), replicas=100, count=count)
    assert served.queue_seconds.max() == 0.0
    occupancy = Occupancy.of(served.arrived, served.ended)
    moments = np.linspace(served.arrived[count // 10], served.arrived[-1], 20_000)
    numbers = occupancy.at(moments)
    assert numbers.mean() == pytest.approx(20.0, rel=0.02)
    assert numbers.var() == pytest.approx(20.0, rel=0.1)


def test_littles_law_is_an_identity_when_read_from_real_runs(shared_data: Path) -> None:
    runs = sorted((shared_data / "llm_traces" / "inferencex_feb2026").glob("tp*"))
    files = [path for run in runs for path in run.glob("metrics_client_metrics.csv.gz")]
    if not files:
        pytest.skip("needs client logs of inferencex_feb2026 among the shared public files")
    for path in files:
        log = pl.read_csv(path).drop_nulls(["start_time_ms", "latency_ms"])
        starts = log["start_time_ms"].to_numpy() / 1e3
        seconds = log["latency_ms"].to_numpy() / 1e3
        ends = starts + seconds
        span = ends.max() - starts.min()
        mean = Occupancy.of(starts, ends).mean(np.array([starts.min()]), np.array([ends.max()]))
        assert mean[0] == pytest.approx(seconds.sum() / span, rel=1e-3), path.parent.name


def test_time_in_batches_is_time_in_service_when_nobody_is_preempted() -> None:
    served = simulate(batches(3), LAW, Limits(max_num_seqs=8, token_budget=128), 4)
    in_service = (served.ended - served.admitted).sum()
    assert served.running_seconds.sum() == pytest.approx(in_service, rel=1e-9)


def batches(seed: int) -> Work:
    """400 requests, named replicas, three to one."""
    generator = np.random.default_rng(seed)
    return Work(
        arrivals=np.cumsum(generator.exponential(0.05, 400)),
        prompt=generator.integers(1, 300, 400),
        output=generator.integers(1, 60, 400),
        replica=generator.choice(4, 400, p=[0.4, 0.3, 0.2, 0.1]),
    )


LAW = StepLaw(0.01, 0.001, 1e-6, 1e-4, 0.005, 1e-6, 3)
TIGHT = Limits(
    max_num_seqs=8, token_budget=128, kv_blocks=60, block_tokens=16, admission_lag_steps=1
)


def test_times_stay_when_replicas_are_relabelled() -> None:
    work = batches(1)
    assert work.replica is not None
    other = Work(work.arrivals, work.prompt, work.output, replica=3 - work.replica)
    first, second = simulate(work, LAW, TIGHT, 4), simulate(other, LAW, TIGHT, 4)
    assert first.preemptions.sum() > 0
    assert np.array_equal(first.ended, second.ended)
    assert np.array_equal(first.first_token, second.first_token)
    assert np.array_equal(first.busy_seconds, second.busy_seconds[::-1])


def test_tokens_are_conserved_when_requests_are_preempted() -> None:
    work = batches(2)
    served = simulate(work, LAW, TIGHT, 4)
    assert served.preemptions.sum() > 0
    # Without preemption every prompt token is computed once; preemption adds recomputed ones.
    calm = simulate(work, LAW, Limits(max_num_seqs=8, token_budget=128), 4)
    assert calm.prefill_tokens.sum() == work.prompt.sum()
    assert served.prefill_tokens.sum() > work.prompt.sum()
    assert (served.ended >= served.first_token).all()
    assert np.array_equal(served.ended == served.first_token, work.output == 1)


def test_results_are_equal_when_eight_threads_simulate_at_once() -> None:
    alone = [simulate(batches(seed), LAW, TIGHT, 4).ended for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(
            pool.map(lambda seed: simulate(batches(seed), LAW, TIGHT, 4).ended, range(8))
        )
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
