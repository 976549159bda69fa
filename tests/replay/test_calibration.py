"""Laws learned from history: planted ones are found again, a real run is predicted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from tokenworks.replay.calibration.law import calibrate
from tokenworks.replay.calibration.least_squares import non_negative
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.play import set_stage
from tokenworks.replay.serving.serve import Load, Luck, Timings, serve
from tokenworks.replay.traffic.fleet import Fleet, fleet_of
from tokenworks.replay.traffic.history import History
from tokenworks.replay.traffic.requests import load_traffic


def one_deployment(slots: int) -> Fleet:
    weight = np.ones(1)
    one = np.ones(1, dtype=np.int64)
    return Fleet(("a",), ("m",), ("t",), ("r",), one, one * slots, one, weight, weight, weight)


def test_planted_laws_are_found_again_when_history_has_spread(
    busy_marts: Path, known_laws: dict[str, tuple[float, ...]]
) -> None:
    traffic = load_traffic(busy_marts, Scenario(name="x"))
    fleet = fleet_of(traffic)
    stage = set_stage(traffic, fleet, None, seed=1)
    everything = np.ones(traffic.count, dtype=np.bool_)
    laws = calibrate(stage.history, fleet, everything, np.array([0, 1]))
    for position, name in enumerate(fleet.ids):
        base, per_token, step, per_running, _ = known_laws[name]
        law = laws[position]
        assert law.prefill_base == pytest.approx(base, rel=0.03)
        assert law.prefill_per_uncached == pytest.approx(per_token, rel=0.03)
        # The small tier mostly runs one request, which ties the two coefficients to each other.
        pace = law.token_base + 2 * law.token_per_running
        assert pace == pytest.approx(step + 2 * per_running, rel=0.01)
        # exp(0.1 z) has its p95 at 1.1787 times its median; its mean is scaled to 1.
        assert np.quantile(law.first_token_spread, 0.95) == pytest.approx(1.173, abs=0.02)
        assert law.first_token_spread.mean() == pytest.approx(1.0, abs=1e-3)


def test_a_coefficient_stays_at_zero_when_the_best_fit_would_be_negative() -> None:
    # y = 10 - x at x = 0, 1, 2: without a negative slope the best constant is the mean, 9.
    design = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    found = non_negative(design, np.array([10.0, 9.0, 8.0]), np.ones(3))
    assert found.tolist() == pytest.approx([9.0, 0.0])


def test_calibration_refuses_when_no_first_token_is_known() -> None:
    count = 50
    numbers = np.arange(count, dtype=np.float64)
    unknown = np.full(count, np.nan)
    zeros = np.zeros(count, dtype=np.int64)
    history = History(numbers, unknown, unknown, numbers + 1, zeros + 9, zeros + 9, zeros, zeros)
    with pytest.raises(LeverRefusedError, match="Log time to first token"):
        calibrate(history, one_deployment(8), np.ones(count, dtype=np.bool_), np.array([0]))


def test_a_target_borrows_the_law_of_its_model_when_it_never_served() -> None:
    two = np.ones(2, dtype=np.int64)
    weight = np.ones(2)
    fleet = Fleet(
        ("a", "b"), ("m", "m"), ("t", "t"), ("r", "q"), two, two * 8, two, weight, weight, weight
    )
    count = 40
    arrivals = 100.0 * np.arange(count)
    zeros = np.zeros(count, dtype=np.int64)
    uncached = np.arange(count) + 1
    history = History(
        arrivals,
        zeros * np.nan,
        0.5 + 0.01 * uncached,
        1.5 + 0.01 * uncached,
        uncached,
        zeros + 11,
        zeros,
        zeros,
    )
    law = calibrate(history, fleet, np.ones(count, dtype=np.bool_), np.array([0, 1]))[1]
    assert law.source == "pooled over a"
    assert law.prefill_per_uncached == pytest.approx(0.01)
    assert law.token_base + law.token_per_running == pytest.approx(0.1)


@pytest.fixture(scope="module")
def real_run(shared_data: Path) -> dict[str, np.ndarray]:
    """300 requests on one real vLLM server with 128 slots, overloaded for a while."""
    path = shared_data / "replay/llmservingsim/RTXPRO6000_Llama-3.1-8B/requests.jsonl.gz"
    if not path.exists():
        pytest.skip("needs the llmservingsim run among the shared public files")
    with gzip.open(path, "rt") as lines:
        rows = sorted((json.loads(line) for line in lines), key=lambda row: row["queued_ts"])
    return {name: np.array([row[name] for row in rows]) for name in rows[0] if name != "request_id"}


def predicted(run: dict[str, np.ndarray], queue: np.ndarray) -> Timings:
    """Replay of the whole run with a law learned from its first half."""
    count = len(queue)
    zeros = np.zeros(count, dtype=np.int64)
    start = run["queued_ts"]
    arrivals = start - start[0]
    fleet = one_deployment(128)
    history = History(
        arrivals,
        queue,
        run["first_token_ts"] - start,
        run["last_token_ts"] - start,
        run["input_toks"],
        run["output_toks"],
        zeros,
        zeros,
    )
    laws = calibrate(history, fleet, np.arange(count) < count // 2, np.array([0]))
    luck = Luck.draw(count, seed=1)
    load = Load(arrivals, run["input_toks"], run["output_toks"], zeros, zeros, luck)
    return serve(load, laws, fleet)


@pytest.mark.parametrize("log", ["engine", "gateway"])
def test_means_are_within_five_per_cent_when_learned_from_half_of_a_real_run(
    real_run: dict[str, np.ndarray], log: str
) -> None:
    """The gateway's log does not record queueing, which reaches 20 s in this run."""
    start = real_run["queued_ts"]
    queue = real_run["scheduled_ts"] - start
    found = predicted(real_run, queue if log == "engine" else np.full(len(queue), np.nan))
    ttft, e2e = real_run["first_token_ts"] - start, real_run["last_token_ts"] - start
    tpot = (e2e - ttft) / (real_run["output_toks"] - 1)
    assert found.ttft.mean() == pytest.approx(ttft.mean(), rel=0.05)
    assert found.tpot.mean() == pytest.approx(tpot.mean(), rel=0.05)
    assert found.e2e.mean() == pytest.approx(e2e.mean(), rel=0.05)
