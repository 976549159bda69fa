"""A deployment whose prompts and tokens are made on replicas of their own, as the fleet says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.replay.conftest import MartRow, deployment, publish, request
from tests.replay.test_run import row, scenario, sides
from tokenworks.replay.answer import Answer, answer
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.run import run_replay
from tokenworks.replay.serving.disaggregation import Pool, Transfer, serve_apart
from tokenworks.replay.serving.steps import Limits, StepLaw, Work
from tokenworks.replay.traffic.requests import load_traffic

POOLS = {"replica_count": 2, "prefill_replica_count": 1, "decode_replica_count": 1, "gpu_count": 2}
SAME = "name: same"


def _answered(marts: Path, text: str = SAME) -> Answer:
    asked = scenario(text)
    return answer(asked, load_traffic(marts, asked), lambda *_: None)


def test_each_pool_has_the_law_of_its_own_part_when_the_fleet_has_pools(hand_world: Any) -> None:
    """0.1 s and 0.001 s per prompt token until the first token, 0.02 s for each of the others."""
    hand_world.deployments[0].update(POOLS)
    found = _answered(hand_world.publish())
    apart = found.laws[0].apart
    assert apart is not None
    assert (apart.prefill.replicas, apart.decode.replicas) == (1, 1)
    prefill, decode = apart.prefill.law, apart.decode.law
    assert (prefill.base, prefill.with_prefill, prefill.per_prefill_token) == pytest.approx(
        (0.0, 0.1, 0.001), rel=1e-3
    )
    assert decode.seconds(np.ones(1), np.array([5000.0]), np.zeros(1), np.array([5000.0])) == (
        pytest.approx(0.02, rel=1e-3)
    )
    assert (decode.per_prefill_token, decode.with_prefill) == (0.0, 0.0)
    assert found.laws[1].apart is None


def test_no_change_meets_history_when_the_fleet_has_pools(hand_world: Any, tmp_path: Path) -> None:
    """155 s of prompts and 40 x 0.2 s of tokens, each on a GPU; a second for tokens changes nothing."""
    hand_world.deployments[0].update(POOLS)
    asked = (
        "name: more\ndisaggregation: {deployments: large-a, prefill: {replicas: 1}, "
        "decode: {replicas: 2}, transfer_seconds_per_token: 0}"
    )
    result = run_replay(scenario(asked), hand_world.publish(), tmp_path / "out")
    e2e = sides(result, "e2e_mean_seconds", "tier:large")
    assert e2e == pytest.approx([4.075, 4.075, 4.075, 0.0], abs=1e-6)
    busy = row(result, "busy_gpu_hours", "tier:large")
    assert busy["history"] is None
    assert busy["no_change"] == pytest.approx(163 / 3600)
    assert busy["scenario"] == pytest.approx(163 / 3600)
    assert result.summary["loop"] == "open"
    own = "large-a: prompts and first tokens are made on 1 replicas and other tokens on 1, each"
    assert any(line.startswith(own) for line in result.assumptions)
    assert any("Each pool follows its own law" in line for line in result.assumptions)


PREFILL = StepLaw(0.0, per_prefill_token=0.0002, with_prefill=0.05)
DECODE = StepLaw(0.01, per_running=0.0005)


def _busy(folder: Path) -> Path:
    """Prompts of two replicas and tokens of one, so busy that the one would disturb the other."""
    generator = np.random.default_rng(11)
    count = 1500
    arrivals = np.sort(generator.uniform(0.0, 1000.0, count))
    prompt = generator.integers(200, 4000, count)
    output = generator.integers(20, 200, count)
    work = Work(arrivals, prompt, output)
    limits = Limits(64, admission_lag_steps=1)
    served = serve_apart(work, Pool(PREFILL, limits, 2), Pool(DECODE, limits, 1), Transfer())
    at = deployment(
        "large-a",
        "large",
        max_num_seqs=64,
        replica_count=3,
        prefill_replica_count=2,
        decode_replica_count=1,
        gpu_count=3,
    )
    rows: list[MartRow] = [
        request(
            number,
            at,
            float(arrivals[number]),
            input_total_tokens=int(prompt[number]),
            input_cache_read_tokens=0,
            output_total_tokens=int(output[number]),
            ttft_seconds=float(served.first_token[number] - arrivals[number]),
            e2e_seconds=float(served.ended[number] - arrivals[number]),
        )
        for number in range(count)
    ]
    return publish(folder, rows, [at])


def test_planted_laws_are_found_when_both_pools_are_busy(tmp_path: Path) -> None:
    found = _answered(_busy(tmp_path / "marts"))
    apart = found.laws[0].apart
    assert apart is not None
    assert apart.prefill.law.with_prefill == pytest.approx(0.05, rel=0.1)
    assert apart.prefill.law.per_prefill_token == pytest.approx(0.0002, rel=0.05)
    assert apart.decode.law.base == pytest.approx(0.01, rel=0.05)
    assert apart.decode.law.per_running == pytest.approx(0.0005, rel=0.1)
    rows = {one.metric: one for one in found.estimates if one.segment == "all"}
    for metric, near in (("ttft_mean_seconds", 0.03), ("tpot_mean_seconds", 0.01)):
        assert rows[metric].no_change == pytest.approx(rows[metric].history, rel=near)


def test_half_the_prompts_wait_longer_when_a_prefill_replica_goes(tmp_path: Path) -> None:
    """One replica for all prompts: first tokens come later, and the tokens after them as before."""
    marts = _busy(tmp_path / "marts")
    found = _answered(
        marts,
        "name: less\ndisaggregation: {prefill: {replicas: 1}, decode: {replicas: 1}, "
        "transfer_seconds_per_token: 0}",
    )
    rows = {one.metric: one for one in found.estimates if one.segment == "all"}
    ttft, tpot = rows["ttft_mean_seconds"], rows["tpot_mean_seconds"]
    assert ttft.delta is not None
    assert ttft.no_change is not None
    assert ttft.delta > 0.5 * ttft.no_change
    assert tpot.delta == pytest.approx(0.0, abs=0.05 * (tpot.no_change or 0.0))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("capacity: {replicas: 4}", "capacity: large-a makes prompts and tokens on replicas"),
        ("balancing: {policy: round_robin}", "balancing: large-a makes prompts and tokens"),
        ("chips: {factors: {base: 0.5}}", "chips: large-a makes prompts and tokens"),
        ("loop: closed", "loop: a deployment makes prompts and tokens on replicas of their own"),
    ],
)
def test_what_pools_cannot_carry_is_refused_when(
    hand_world: Any, tmp_path: Path, asked: str, said: str
) -> None:
    hand_world.deployments[0].update(POOLS)
    with pytest.raises(LeverRefusedError, match=said):
        run_replay(scenario(f"{SAME}\n{asked}"), hand_world.publish(), tmp_path / "out")


def test_pools_are_refused_when_too_few_requests_tell_their_first_token(
    hand_world: Any, tmp_path: Path
) -> None:
    hand_world.deployments[0].update(POOLS)
    for one in hand_world.requests[:30]:
        one["ttft_seconds"] = None
    with pytest.raises(LeverRefusedError, match="its pools are apart, and 10 requests"):
        run_replay(scenario(SAME), hand_world.publish(), tmp_path / "out")
