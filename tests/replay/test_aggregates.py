"""Laws from summaries and of hosted models: planted ones, and what was measured elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.calibration.aggregates import LEAST_CELLS, Cells, fit_aggregates
from tokenworks.replay.calibration.hosted import fit_hosted


def cells(concurrency: list[float], isl: list[float], osl: list[float]) -> Cells:
    """Cells of a planted law: 10 ms, 0.1 ms a request, 50 ns a token in KV, 20 us a prompt token."""
    c, i, o = np.array(concurrency), np.array(isl), np.array(osl)
    tpot = 0.010 + 1e-4 * c + 5e-8 * c * (i + o / 2) + 2e-5 * c * i / o
    ttft = 0.050 + 4e-5 * i + 1e-6 * c * i + 2e-4 * c
    return Cells(c, i, o, np.zeros(len(c)), tpot, ttft)


GRID = cells(
    [1, 4, 16, 64, 256, 1, 4, 16, 64, 256],
    [1024.0] * 5 + [8192.0] * 5,
    [1024.0, 512.0] * 5,
)


def test_a_planted_law_is_found_again_when_cells_span_a_grid() -> None:
    tpot, ttft = fit_aggregates(GRID)
    assert tpot.coefficients == pytest.approx([0.010, 1e-4, 5e-8, 2e-5], rel=1e-3)
    assert ttft.coefficients == pytest.approx([0.050, 4e-5, 1e-6, 2e-4], rel=1e-3)
    assert tpot.median_error < 1e-6
    # 32 requests of 4,096 in and 512 out: 10 + 3.2 + 32 * 4,352 * 5e-5 + 32 * 8 * 2e-2 ms.
    design = cells([32.0], [4096.0], [512.0]).tpot_design()
    assert tpot.seconds(design)[0] == pytest.approx(0.0252832, rel=1e-3)


def test_too_few_cells_are_refused() -> None:
    with pytest.raises(ValueError, match="known in 3 cells; a law needs 6"):
        fit_aggregates(cells([1, 2, 4], [100, 100, 100], [10, 10, 10]))


def test_measured_cells_are_told_within_five_per_cent_when_each_is_left_out(
    shared_data: Path,
) -> None:
    """A prototype reached 4.9 % over 127 of these cells."""
    path = shared_data / "replay" / "silicon_sample_vllm.csv.gz"
    if not path.exists():
        pytest.skip("needs the silicon sample among the shared public files")
    key = ["model_path", "system", "precision", "backend_version", "tp_size", "pp_size"]
    key += ["attention_dp_size", "moe_tp_size", "moe_ep_size", "gemm_quant_mode", "moe_quant_mode"]
    frame = (
        pl.read_csv(path, infer_schema_length=None)
        .filter(pl.col("mode") == "agg")
        .group_by([*key, "isl", "osl", "batch_size"])
        .agg(pl.col("silicon_tpot_ms").median() / 1e3, pl.col("silicon_ttft_ms").median() / 1e3)
        .sort([*key, "isl", "osl", "batch_size"])
    )
    errors = []
    for _, part in frame.group_by(key, maintain_order=True):
        if part.height >= LEAST_CELLS:
            columns = ("batch_size", "isl", "osl", "silicon_tpot_ms", "silicon_ttft_ms")
            c, isl, osl, tpot, ttft = (part[name].cast(pl.Float64).to_numpy() for name in columns)
            law, _ = fit_aggregates(Cells(c, isl, osl, np.zeros(len(c)), tpot, ttft))
            errors.append(np.abs(law.left_out))
    joined = np.concatenate(errors)
    assert (len(errors), len(joined)) == (66, 909)
    assert np.median(joined) <= 0.049


def test_a_hosted_model_is_found_again_when_its_law_is_planted() -> None:
    generator = np.random.default_rng(5)
    count = 4000
    output = generator.integers(1, 2000, count)
    uncached, cached = generator.integers(0, 20_000, count), generator.integers(0, 100_000, count)
    session = np.arange(count) // 20
    luck = np.exp(0.2 * generator.standard_normal(count) - 0.02)
    seconds = (0.8 + 0.015 * output + 1e-4 * uncached + 5e-5 * cached) * luck
    laws = fit_hosted(["m"] * count, seconds, output, uncached, cached, session)
    law = laws["m"]
    assert law.per_output == pytest.approx(0.015, rel=0.03)
    assert law.per_uncached == pytest.approx(1e-4, rel=0.05)
    assert law.per_cached == pytest.approx(5e-5, rel=0.05)
    # The mean is met, not the median, which lies at exp(-0.02) of it.
    assert law.seconds(output, uncached, cached).sum() == pytest.approx(seconds.sum(), rel=0.01)
    # exp(0.2 * 1.645 - 0.02) = 1.362 of the mean at p95.
    p95 = law.quantile(0.95, output[:1], uncached[:1], cached[:1])
    assert p95[0] / law.seconds(output, uncached, cached)[0] == pytest.approx(1.362, rel=0.03)
    assert law.spread.groups == 200


def test_a_model_has_no_law_of_its_own_when_few_requests_are_known() -> None:
    whole = np.full(29, 10, dtype=np.int64)
    assert fit_hosted(["m"] * 29, np.ones(29), whole, whole, whole, whole) == {}


def test_sums_of_other_sessions_are_told_when_learnt_from_half_of_them(shared_data: Path) -> None:
    path = shared_data / "replay" / "claude_code_sessions_half.parquet"
    if not path.exists():
        pytest.skip("needs the coding sessions among the shared public files")
    frame = pl.read_parquet(path).filter(
        (pl.col("api_time") > 0) & (pl.col("out_tokens") > 0) & pl.col("blocks").is_not_null()
    )
    cached = np.minimum(
        64 * frame["prefix_hit_blocks"].fill_null(0).to_numpy(), frame["in_tokens"].to_numpy()
    ).astype(np.int64)
    trace = frame["trace"].rank("dense").cast(pl.Int64).to_numpy()
    learn = trace % 2 == 0
    seconds, output = frame["api_time"].to_numpy(), frame["out_tokens"].to_numpy()
    uncached = frame["in_tokens"].to_numpy() - cached
    models = frame["model"].to_list()
    laws = fit_hosted(
        [model for model, taken in zip(models, learn, strict=True) if taken],
        seconds[learn],
        output[learn],
        uncached[learn],
        cached[learn],
        trace[learn],
    )
    told, measured = 0.0, 0.0
    for model, law in laws.items():
        rows = ~learn & (np.array(models) == model)
        told += float(law.seconds(output[rows], uncached[rows], cached[rows]).sum())
        measured += float(seconds[rows].sum())
    assert told == pytest.approx(measured, rel=0.10)
