"""The queue simulation against formulas and against a loop that shares none of its ideas."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworks.replay.serving.concurrency import Occupancy, inferred_admissions
from tokenworks.replay.serving.engine_kernel import Served, Work, simulate
from tokenworks.replay.serving.queueing import erlang_c


def single_queue(arrivals: np.ndarray, service: np.ndarray, servers: int) -> Served:
    """Plain service times on `servers` slots of one replica."""
    none = np.zeros(len(arrivals))
    anywhere = np.full(len(arrivals), -1)
    return simulate(Work(arrivals, none, none, service, anywhere), 1, servers, 1.0, 0.0)


def test_erlang_c_equals_the_known_values_when_ten_servers_are_nearly_full() -> None:
    found = erlang_c(9, 1, 10)
    assert found.wait_probability == pytest.approx(0.66873152, abs=1e-8)
    assert found.mean_wait_seconds == pytest.approx(0.66873152, abs=1e-8)
    assert found.mean_in_system == pytest.approx(15.01858, abs=1e-5)
    assert found.wait_p99_seconds == pytest.approx(4.20280, abs=1e-5)


def test_erlang_c_refuses_when_the_load_cannot_be_carried() -> None:
    with pytest.raises(ValueError, match="10 servers cannot carry an offered load of 10"):
        erlang_c(10, 1, 10)


@pytest.mark.parametrize(
    ("name", "rate", "servers", "wait"),
    [("exponential", 9.0, 10, 0.66873152), ("exponential", 0.8, 1, 4.0), ("fixed", 0.8, 1, 2.0)],
)
def test_mean_wait_is_within_two_per_cent_when_simulated(
    name: str, rate: float, servers: int, wait: float
) -> None:
    generator = np.random.default_rng(4)
    count = 2_000_000
    arrivals = np.cumsum(generator.exponential(1 / rate, count))
    service = generator.exponential(1.0, count) if name == "exponential" else np.ones(count)
    served = single_queue(arrivals, service, servers)
    waits = (served.admitted - arrivals)[count // 10 :]
    assert waits.mean() == pytest.approx(wait, rel=0.02)


def test_littles_law_is_an_identity_when_read_from_the_intervals() -> None:
    generator = np.random.default_rng(1)
    arrivals = np.cumsum(generator.exponential(0.2, 5000))
    served = single_queue(arrivals, generator.exponential(1.0, 5000), 8)
    occupancy = Occupancy.of(arrivals, served.ended)
    start, end = np.array([arrivals[0]]), np.array([served.ended.max()])
    mean = occupancy.mean(start, end)[0]
    assert mean == pytest.approx((served.ended - arrivals).sum() / (end - start)[0], rel=1e-9)


@dataclass
class PlainReplica:
    """A replica that keeps what is left to do and moves every request at every event."""

    work: Work
    slots: int
    law: tuple[float, float]
    times: np.ndarray
    prefill: dict[int, float] = field(default_factory=dict)
    decode: dict[int, float] = field(default_factory=dict)
    queue: list[int] = field(default_factory=list)

    @property
    def running(self) -> int:
        return len(self.prefill) + len(self.decode)

    @property
    def pace(self) -> float:
        return self.law[0] + self.law[1] * self.running

    def next_event(self) -> float:
        return min(
            [math.inf, *self.prefill.values(), *(d * self.pace for d in self.decode.values())]
        )

    def advance(self, seconds: float) -> None:
        pace = self.pace
        self.prefill = {row: left - seconds for row, left in self.prefill.items()}
        self.decode = {row: left - seconds / pace for row, left in self.decode.items()}

    def settle(self, now: float) -> None:
        for row in [row for row, left in self.decode.items() if left <= 1e-12]:
            del self.decode[row]
            self.times[row, 2] = now
        for row in [row for row, left in self.prefill.items() if left <= 1e-12]:
            del self.prefill[row]
            self.times[row, 1] = now
            if self.work.decode[row] > 0:
                self.decode[row] = self.work.decode[row]
            else:
                self.times[row, 2] = now

    def admit(self, now: float) -> None:
        while self.queue and self.running < self.slots:
            row = self.queue.pop(0)
            self.times[row, 0] = now
            more = self.work.prefill_per_running[row] * (self.running + 1)
            self.prefill[row] = self.work.prefill[row] + more


def step_by_step(work: Work, replicas: int, slots: int, law: tuple[float, float]) -> np.ndarray:
    """Admission, first token and end of each request, by remaining work."""
    count = len(work.arrivals)
    times = np.full((count, 3), np.nan)
    pool = [PlainReplica(work, slots, law, times) for _ in range(replicas)]
    now, arrived = 0.0, 0
    while np.isnan(times[:, 2]).any():
        until_arrival = work.arrivals[arrived] - now if arrived < count else math.inf
        step = min([until_arrival, *(replica.next_event() for replica in pool)])
        now += step
        for replica in pool:
            replica.advance(step)
            replica.settle(now)
            replica.admit(now)
        if step == until_arrival:
            chosen = pool[int(work.replica[arrived])]
            chosen.queue.append(arrived)
            chosen.admit(now)
            arrived += 1
    return times


@given(seed=st.integers(0, 10_000), replicas=st.integers(1, 3), slots=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_times_equal_the_step_by_step_loop_when_traffic_is_random(
    seed: int, replicas: int, slots: int
) -> None:
    generator = np.random.default_rng(seed)
    count = 60
    work = Work(
        np.cumsum(generator.exponential(0.3, count)),
        generator.uniform(0.01, 0.5, count),
        generator.uniform(0.0, 0.05, count),
        np.where(generator.random(count) < 0.1, 0.0, generator.uniform(1, 40, count)),
        generator.integers(0, replicas, count),
    )
    served = simulate(work, replicas, slots, 0.01, 0.004)
    expected = step_by_step(work, replicas, slots, (0.01, 0.004))
    found = np.column_stack([served.admitted, served.first_token, served.ended])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_requests_go_to_the_least_loaded_replica_when_none_is_named() -> None:
    # Replica 0 serves the first for long; the second and third go to 1, then 0 and 1 tie.
    arrivals = np.array([0.0, 1.0, 3.0, 3.5])
    work = Work(arrivals, np.zeros(4), np.zeros(4), np.array([9.0, 1.0, 9.0, 1.0]), np.full(4, -1))
    served = simulate(work, 2, 4, 1.0, 0.0)
    assert served.replica.tolist() == [0, 1, 1, 0]


def test_decoding_slows_down_when_another_request_joins() -> None:
    # One token per second alone, one per 1.5 s together (0.5 + 0.5 x running).
    # A: 4 tokens from 0. B: 2 tokens from 2. A has 2 left at 2; both end 3 s later, at 5.
    work = Work(
        np.array([0.0, 2.0]), np.zeros(2), np.zeros(2), np.array([4.0, 2.0]), np.zeros(2, int)
    )
    served = simulate(work, 1, 2, 0.5, 0.5)
    assert served.ended.tolist() == [5.0, 5.0]


def test_admission_is_inferred_when_all_slots_are_taken() -> None:
    # Two slots. The third arrives at 2 and waits for the end at 4; the fourth for the end at 5.
    arrivals = np.array([0.0, 1.0, 2.0, 3.0, 9.0])
    ends = np.array([5.0, 4.0, 7.0, 8.0, 10.0])
    assert inferred_admissions(arrivals, ends, 2).tolist() == [0.0, 1.0, 4.0, 5.0, 9.0]


def test_occupancy_counts_itself_and_its_neighbours_when_intervals_overlap() -> None:
    # 0-4, 1-3: one running for 2 s, two for 2 s.
    occupancy = Occupancy.of(np.array([0.0, 1.0]), np.array([4.0, 3.0]))
    assert occupancy.mean(np.array([0.0, 1.0]), np.array([4.0, 3.0])).tolist() == [1.5, 2.0]
    assert occupancy.at(np.array([0.0, 1.0, 3.0, 4.0])).tolist() == [1, 2, 1, 0]
    assert occupancy.busy_seconds() == 4.0
    assert occupancy.time_weighted_quantile(0.99) == 2.0
