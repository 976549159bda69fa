"""The parts of the sample's simulation and accounting, against numbers worked out by hand."""

from __future__ import annotations

from collections import Counter

import pytest

from tokenworks_sample.accounts import percentile, spread
from tokenworks_sample.cluster import Cluster
from tokenworks_sample.emit_litellm import Row
from tokenworks_sample.faults import PLAN
from tokenworks_sample.prefix_cache import PrefixCache
from tokenworks_sample.profiles import WORKLOADS
from tokenworks_sample.records import Attempt
from tokenworks_sample.serving import Engine, steps_until
from tokenworks_sample.traffic import Session, Traffic, Turn
from tokenworks_sample.world import Deployment, StepLaw, World, build_world

LAW = StepLaw(base=0.010, per_sequence=0.001, per_kv_token=0.0, per_prefill_token=0.0001)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world()


def deployment(world: World, **changes: object) -> Deployment:
    return Deployment(**{**vars(world.deployments[0]), "law": LAW, **changes})


def attempt(number: int, arrival: float, tokens: int, output: int, fate: str = "ok") -> Attempt:
    turn = Turn(tokens, tokens, output, 0, 0.0, fate, 0.5, True)
    session = Session(f"s{number}", WORKLOADS[0], 0, 10_000 * (number + 1), [turn])
    return Attempt(number, session, turn, 1, arrival, session.blocks(tokens), number)


def engine(world: World, **changes: object) -> Engine:
    return Engine(world.replicas_of("small-us")[0], deployment(world, **changes))


def test_request_takes_prefill_and_steps_when_it_is_alone(world: World) -> None:
    one = engine(world)
    one.incoming.append(attempt(0, 5.0, 1000, 11))
    one.advance(10.0)
    done = one.finished[0]
    # Prefill 0.010 + 1000 x 0.0001; then ten steps of 0.010 + 0.001.
    assert (done.scheduled, done.cached) == (5.0, 0)
    assert done.first == pytest.approx(5.11)
    assert done.end == pytest.approx(5.22)
    assert one.busy == pytest.approx(0.22)
    assert one.counters["generation_tokens"] == 11


def test_second_request_waits_for_the_prefill_when_both_arrive_together(world: World) -> None:
    one = engine(world)
    one.incoming.extend([attempt(0, 1.0, 1000, 3), attempt(1, 1.0, 200, 2)])
    one.advance(3.0)
    first, second = sorted(one.finished, key=lambda a: a.number)
    # 1.0 + 0.11; then the second's prefill of 0.010 + 0.001 + 0.02 gives the first a token as well.
    assert second.scheduled == pytest.approx(1.11)
    assert second.first == pytest.approx(1.141)
    # One step of two sequences, 0.012, ends both.
    assert first.end == second.end == pytest.approx(1.153)


def test_request_waits_when_all_slots_are_taken(world: World) -> None:
    one = engine(world, max_num_seqs=1)
    one.incoming.extend([attempt(0, 0.0, 100, 11), attempt(1, 0.0, 100, 1)])
    one.advance(1.0)
    # 0.02 of prefill and ten steps of 0.011.
    assert one.finished[1].scheduled == pytest.approx(0.13)


def test_cancelled_request_leaves_only_its_tokens_when_it_is_aborted(world: World) -> None:
    one = engine(world)
    one.incoming.append(attempt(0, 0.0, 100, 20, fate="cancelled"))
    one.advance(1.0)
    assert one.finished[0].generated == 10
    assert one.counters["generation_tokens"] == 10
    assert one.counters["success_stop"] + one.counters["success_length"] == 0
    assert sum(one.histograms["e2e_request_latency_seconds"].counts) == 0


def test_shared_blocks_are_hits_when_the_same_prompt_comes_again(world: World) -> None:
    one = engine(world)
    again = attempt(0, 2.0, 1100, 1)
    one.incoming.extend([attempt(0, 0.0, 1100, 1), again])
    one.advance(4.0)
    # 1,100 tokens are four full blocks of 256.
    assert again.cached == 1024
    assert one.counters["prefix_cache_hits"] == 1024
    assert one.counters["prefix_cache_queries"] == 2200


def test_last_block_is_computed_again_when_the_whole_prompt_is_cached(world: World) -> None:
    one = engine(world)
    again = attempt(0, 2.0, 1024, 1)
    one.incoming.extend([attempt(0, 0.0, 1024, 1), again])
    one.advance(4.0)
    assert again.cached == 768


def test_energy_is_power_times_time_when_the_engine_is_idle(world: World) -> None:
    one = engine(world)
    one.advance(1800.0)
    # An L4 with a loaded engine draws 19 W.
    assert one.joules == pytest.approx(34_200.0)
    assert [scrape.at for scrape in one.scrapes] == [0.0, 900.0]


@pytest.mark.parametrize(
    ("seconds", "step", "growth", "expected"),
    [(0.0, 0.01, 0.0, 1), (0.05, 0.01, 0.0, 5), (0.051, 0.01, 0.0, 6), (6.0, 1.0, 1.0, 3),
     (6.5, 1.0, 1.0, 4)],
)  # fmt: skip
def test_fewest_steps_are_found_when_steps_grow(
    seconds: float, step: float, growth: float, expected: int
) -> None:
    assert steps_until(seconds, step, growth) == expected


def test_oldest_block_leaves_when_the_cache_is_full() -> None:
    cache = PrefixCache(3)
    cache.touch([1, 2, 3])
    cache.touch([1, 4])
    assert cache.leading_run([1, 2]) == 1
    assert cache.leading_run([3, 4, 1]) == 3


def test_tokens_fall_into_two_hours_when_a_request_spans_them(world: World) -> None:
    weights: dict[tuple[int, str], float] = {(13, "t"): 0.0, (14, "t"): 0.0}
    # First token 13:59:52, last 14:00:20, 281 tokens: 81 and 200.
    row = Row(50_390.0, 50_392.0, 50_420.0, 100, 0, 281)
    spread(weights, row, "t", deployment(world, weights=(0.0, 1.0, 0.0)))
    assert weights[13, "t"] == pytest.approx(81.0)
    assert weights[14, "t"] == pytest.approx(200.0)


def test_percentile_interpolates_when_it_falls_between_two_values() -> None:
    assert percentile(Counter({100: 1, 200: 1, 300: 2}), 0.5) == pytest.approx(0.25)
    assert percentile(Counter(), 0.5) is None


def test_nothing_arrives_in_the_past_when_a_deployment_runs_for_a_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = next(d for d in world.deployments if d.id == "medium-us")
    cluster = Cluster(Traffic(world, spec, 7, 1.0, 86_400.0), world.replicas_of(spec.id), PLAN, 8e4)
    lateness: list[float] = []
    push = Cluster.push

    def watched(self: Cluster, at: float, *rest: object) -> None:
        lateness.append(self.clock - at)
        push(self, at, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Cluster, "push", watched)
    for hour in range(24):
        for start, session in cluster.traffic.hour(hour):
            cluster.push(start, session)
        cluster.run((hour + 1) * 3600.0)
    assert len(lateness) > 100
    assert max(lateness) <= 0.0
