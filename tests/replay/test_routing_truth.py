"""Routing on public benchmarks, to their known values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.routing.cascade import Verifier, cascade
from tokenworks.replay.routing.frontier import (
    Ends,
    call_share_at,
    cheapest_at,
    gap_recovered,
    optimal_curve,
    random_curve,
)
from tokenworks.replay.routing.labels import Paired, agreement, oracle, paired_long, paired_wide

WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
HAIKU, GEMINI = "claude-3-haiku-20240307", "gemini-2.0-flash-001"
TENTHS = np.linspace(0.0, 1.0, 11)
#: Prompts that RouteLLM leaves out of GSM8K because its routers were trained on near copies.
SEEN_IN_TRAINING = [0, 1, 2, 18, 67, 147, 233, 269, 285, 364, 530, 932]


def files_of(shared_data: Path, pattern: str) -> list[Path]:
    files = sorted(shared_data.glob(pattern))
    if not files:
        pytest.skip(f"needs {pattern} among the shared public files")
    return files


@pytest.fixture(scope="module")
def gsm8k(shared_data: Path) -> pl.DataFrame:
    return pl.read_csv(files_of(shared_data, "routing/routellm_gsm8k*.csv.gz")[0])


@pytest.fixture(scope="module")
def mmlu(shared_data: Path) -> Paired:
    files = files_of(shared_data, "routing/routellm_mmlu/*.csv.gz")
    return paired_wide(pl.concat(pl.read_csv(file) for file in files), (WEAK, STRONG))


@pytest.fixture(scope="module")
def arena(shared_data: Path) -> Paired:
    files = files_of(shared_data, "routing/routerarena_*.jsonl.gz")
    columns = ["global_index", "llm_selected", "score", "inference_cost"]
    rows = pl.concat(
        pl.read_ndjson(file, infer_schema_length=None).unnest("evaluation_result").select(columns)
        for file in files
    )
    return paired_long(rows, "global_index", "llm_selected", "score", "inference_cost")


def scores(paired: Paired) -> tuple[np.ndarray, np.ndarray]:
    return paired.score_of(WEAK), paired.score_of(STRONG)


@pytest.fixture(scope="module")
def decontaminated(gsm8k: pl.DataFrame) -> Paired:
    kept = gsm8k.with_row_index("row").filter(~pl.col("row").is_in(SEEN_IN_TRAINING))
    return paired_wide(kept, (WEAK, STRONG))


def test_gsm8k_is_as_published_when_prompts_seen_in_training_are_left_out(
    decontaminated: Paired,
) -> None:
    """1,307 prompts: 833 right by the weak, 1,121 by the strong, 739 by both, 1,215 by any."""
    weak, strong = scores(decontaminated)
    assert decontaminated.count == 1_307
    assert 100 * strong.mean() == pytest.approx(85.76893649579189, abs=1e-6)
    assert 100 * weak.mean() == pytest.approx(63.73374139250191, abs=1e-6)
    shares = agreement(weak, strong)
    assert shares.both == pytest.approx(0.5654169854628921, abs=1e-6)
    assert shares.only_strong == pytest.approx(0.29227237949502677, abs=1e-6)
    assert shares.only_weak == pytest.approx(0.07192042846212701, abs=1e-6)
    best = oracle(decontaminated)
    assert 100 * best.quality == pytest.approx(92.96097934200459, abs=1e-6)
    assert best.shares[1] == pytest.approx(0.29227237949502677, abs=1e-6)
    assert best.cost is None


def test_gsm8k_counts_every_row_when_the_whole_file_is_read(gsm8k: pl.DataFrame) -> None:
    """1,319 prompts: 842 right by the weak, 1,130 by the strong, 747 by both."""
    paired = paired_wide(gsm8k, (WEAK, STRONG))
    weak, strong = scores(paired)
    assert (paired.count, paired.incomplete) == (1_319, 0)
    assert (weak.sum(), strong.sum(), (weak * strong).sum()) == (842, 1_130, 747)


def test_cpt_and_apgr_of_the_oracle_are_as_known_when_cut_into_tenths(
    decontaminated: Paired,
) -> None:
    """Gap 288 of 1,307; the oracle gains one prompt per call, 382 in all, and stays there."""
    weak, strong = scores(decontaminated)
    ends, curve = Ends.of(weak, strong), optimal_curve(weak, strong, TENTHS)
    assert 100 * call_share_at(curve, ends, 0.5) == pytest.approx(11.017597551644988, abs=1e-6)
    assert 100 * call_share_at(curve, ends, 0.8) == pytest.approx(17.628156082631982, abs=1e-6)
    assert gap_recovered(curve, ends) == pytest.approx(1.1309375, abs=1e-6)


def test_a_random_router_recovers_half_the_gap_when_averaged(decontaminated: Paired) -> None:
    weak, strong = scores(decontaminated)
    ends, curve = Ends.of(weak, strong), random_curve(weak, strong, seeds=range(50))
    assert call_share_at(curve, ends, 0.5) == pytest.approx(0.500, abs=0.01)
    assert call_share_at(curve, ends, 0.8) == pytest.approx(0.801, abs=0.01)
    assert gap_recovered(curve, ends) == pytest.approx(0.497, abs=0.01)


def test_mmlu_is_as_counted_by_hand_when_37_subjects_are_joined(mmlu: Paired) -> None:
    """6,835 prompts: 4,249 right by both, 1,096 by the strong alone, 419 by the weak alone."""
    weak, strong = scores(mmlu)
    shares, ends = agreement(weak, strong), Ends.of(weak, strong)
    assert mmlu.count == 6_835
    assert shares.both * 6_835 == pytest.approx(4_249)
    assert shares.only_strong * 6_835 == pytest.approx(1_096)
    assert shares.only_weak * 6_835 == pytest.approx(419)
    assert 100 * oracle(mmlu).quality == pytest.approx(84.3306510607169, abs=1e-6)
    curve = optimal_curve(weak, strong, TENTHS)
    assert 100 * call_share_at(curve, ends, 0.5) == pytest.approx(4.952450621799561, abs=1e-6)
    assert gap_recovered(curve, ends) == pytest.approx(1.4770310192023637, abs=1e-6)


def test_routerarena_costs_and_accuracies_are_as_published_when_two_models_are_paired(
    arena: Paired,
) -> None:
    assert (arena.count, arena.incomplete) == (809, 0)
    assert arena.cost_of(HAIKU).sum() == pytest.approx(0.14237725, abs=1e-9)
    assert arena.cost_of(GEMINI).sum() == pytest.approx(0.03842, abs=1e-9)
    assert arena.score_of(HAIKU).mean() == pytest.approx(0.5233560759175243, abs=1e-9)
    assert arena.score_of(GEMINI).mean() == pytest.approx(0.6901193045257852, abs=1e-9)
    best = oracle(arena)
    assert best.quality == pytest.approx(0.7407726511410869, abs=1e-9)
    assert best.cost == pytest.approx(0.0459373, abs=1e-9)


def test_every_attempt_is_charged_when_a_perfect_verifier_escalates(arena: Paired) -> None:
    """286 of 809 first answers are not fully right; each of them pays for both models."""
    pair = (arena.score_of(GEMINI), arena.score_of(HAIKU))
    costs = (arena.cost_of(GEMINI), arena.cost_of(HAIKU))
    verifier = Verifier(hit_rate=1.0, false_accept_rate=0.0)
    accepted = verifier.accepts(pair[0] >= 1.0, np.full(809, 0.5))
    bound = cascade(accepted, pair, costs, keep="better", is_bound=verifier.is_perfect)
    assert bound.quality == pytest.approx(0.7407726511410869, abs=1e-9)
    assert bound.cost == pytest.approx(0.09852, abs=1e-9)
    assert 100 * bound.escalated == pytest.approx(35.35228677379481, abs=1e-9)
    assert bound.is_bound
    plain = cascade(accepted, pair, costs)
    assert plain.quality == pytest.approx(0.7284842810457294, abs=1e-9)
    assert plain.cost == bound.cost


def test_the_published_cascade_costs_a_seventeenth_when_as_good_as_the_best_model(
    shared_data: Path,
) -> None:
    """HEADLINES: GPT-4 Turbo 0.8558 for $0.003330555; a cascade 0.8698 for $0.000192122."""
    table = pl.read_csv(files_of(shared_data, "replay/frugalgpt/frugal_HEADLINES*.csv")[0])
    points = table.filter(pl.col("Method") == "FrugalGPT")
    single = table.filter(pl.col("Method") != "FrugalGPT").sort("Test_acc", descending=True)
    costs, qualities = points["Test_cost"].to_numpy(), points["Test_acc"].to_numpy()
    at = cheapest_at(costs, qualities, single["Test_acc"][0])
    assert single["Method"][0] == "gpt-4-turbo"
    assert at is not None
    assert (costs[at], qualities[at]) == (0.000192122, 0.8698)
    assert 1 - costs[at] / single["Test_cost"][0] == pytest.approx(0.9423153, abs=1e-7)
    assert cheapest_at(costs, qualities, 0.9) is None
