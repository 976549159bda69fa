"""Predicted against measured on published runs, written to docs/backtests.md.

Run it with `python tests/benchmarks/bench_backtest.py [shared data folder]`. Every run is told by
a law that was learnt from others; runs that the screen refuses are listed with the reason.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.replay.llmservingsim import llmservingsim
from tokenworks.replay.calibration.aggregates import LEAST_CELLS, Cells, fit_aggregates
from tokenworks.replay.calibration.held_out import HeldOut, held_out
from tokenworks.replay.calibration.run_folder import read_run, run_folders
from tokenworks.replay.calibration.runs import RunLog
from tokenworks.replay.calibration.scrapes import fit_scrapes
from tokenworks.replay.calibration.screening import Screened, screen
from tokenworks.replay.calibration.step_law import StepCalibration, calibrate_steps
from tokenworks.replay.errors import LeverRefusedError

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "backtests.md"
GOAL = 0.10

COLUMNS = ("run", "law from", "requests", "TTFT mean", "TPOT p50", "E2E mean", "E2E p99")
HEAD = (
    f"| {' | '.join(COLUMNS)} | in band: TTFT, TPOT, E2E | band × |\n|{'---|' * (len(COLUMNS) + 2)}"
)


def main() -> None:
    """Write the page."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    runs = [read_run(folder) for folder in run_folders(data / "llm_traces/inferencex_feb2026")]
    april = [read_run(folder) for folder in run_folders(data / "llm_traces/inferencex_apr2026")]
    page = "\n\n".join(
        [
            (ROOT / "tests/benchmarks/backtests_intro.md").read_text().strip(),
            *_february(runs),
            *_simulator(data),
            *_april(april),
            *_cells(data),
        ]
    )
    TARGET.write_text(page + "\n")
    print(f"wrote {TARGET.relative_to(ROOT)}")


def _february(runs: Sequence[RunLog]) -> list[str]:
    found = screen(runs)
    named = {run.name: run for run in runs}
    rows, told = [HEAD], []
    for title, learn, tell in _splits(found):
        law = calibrate_steps([named[name] for name in learn])
        for name in tell:
            line, one = _line(title, law, named[name])
            rows.append(line)
            told += [one] if one else []
    refused = ["| run | why it is not learnt from |", "|---|---|"]
    refused += [
        f"| {name} | {'; '.join(one.reasons)} |" for name, one in found.items() if not one.accepted
    ]
    return [
        "## InferenceX, February: Llama-3.3-70B FP4 on one and four B200",
        "\n".join(rows),
        _averages(told),
        "### Refused runs",
        "\n".join(refused),
    ]


def _splits(found: dict[str, Screened]) -> list[tuple[str, list[str], list[str]]]:
    """What is learnt from and what is told: caps apart, then each run from all others alike."""
    splits = []
    for offload in ("off", "on"):
        for learn, tell in (((16, 64, 256), (32, 128, 512)), ((32, 128, 512), (16, 64, 256))):
            names = [[f"tp1_bs{cap}_offload{offload}" for cap in caps] for caps in (learn, tell)]
            splits.append((f"caps {', '.join(map(str, learn))}, offload {offload}", *names))
    clean = [name for name, one in found.items() if one.accepted and name.startswith("tp4")]
    splits.append(
        (
            "tp4 cap 16 (off) and 512",
            ["tp4_bs16_offloadoff", "tp4_bs512_offloadoff"],
            ["tp4_bs16_offloadon", "tp4_bs32_offloadon"],
        )
    )
    splits += [
        ("the other 3 clean ones", [other for other in clean if other != name], [name])
        for name in clean
    ]
    return splits


def _line(title: str, law: StepCalibration, run: RunLog) -> tuple[str, HeldOut | None]:
    try:
        one = held_out(law, run)
    except LeverRefusedError as refusal:
        return f"| {run.name} | {title} | | **refused**: {refusal.why} |||||||", None
    return _row(title, one), one


def _row(title: str, one: HeldOut) -> str:
    cells = [_told(one, name) for name in ("ttft mean", "tpot p50", "e2e mean", "e2e p99")]
    band = ", ".join(f"{one.coverage[metric]:.0%}" for metric in ("ttft", "tpot", "e2e"))
    return (
        f"| {one.name} | {title} | {one.requests:,} | {' | '.join(cells)} | {band} | "
        f"{one.widening:.2f} |"
    )


def _told(one: HeldOut, name: str) -> str:
    scale, unit = (1e3, "ms") if one.measured[name] < 1 else (1.0, "s")
    predicted, measured = scale * one.predicted[name], scale * one.measured[name]
    error = one.error(name)
    said = f"{error:+.1%}"
    marked = f"**{said}**" if abs(error) > GOAL else said
    return f"{predicted:.4g} / {measured:.4g} {unit} {marked}"


def _averages(told: Sequence[HeldOut]) -> str:
    said = []
    for metric in ("ttft", "tpot", "e2e"):
        covered = np.mean([one.coverage[metric] for one in told])
        said.append(f"{metric.upper()} {covered:.1%}")
    inside = [one for one in told if one.outside < 1.05]
    worst = {
        name: max(inside, key=lambda one: abs(one.error(name)))
        for name in ("ttft mean", "tpot p50", "e2e mean")
    }
    listed = ", ".join(f"{name} {one.error(name):+.1%} ({one.name})" for name, one in worst.items())
    return (
        f"Share of requests in their 90 % band, averaged over {len(told)} told runs: "
        f"{', '.join(said)}. Largest errors inside the hull: {listed}."
    )


def _simulator(data: Path) -> list[str]:
    run = llmservingsim(data)
    first = np.arange(run.count) < run.count // 2
    law = calibrate_steps([replace(run, counted=first)])
    whole = held_out(law, run)
    second = replace(held_out(law, run, ~first), name=f"{run.name}, second half")
    lines_ = [HEAD, _row("its first half", whole), _row("its first half", second)]
    return [
        "## LLMServingSim's real run: vLLM 0.19, open loop, 128 slots, overloaded for a while",
        "\n".join(lines_),
    ]


def _april(runs: Sequence[RunLog]) -> list[str]:
    found = screen(runs)
    twins = {name for name, one in found.items() if "another name" in "".join(one.reasons)}
    named = {run.name: run for run in runs}
    logs = [HEAD]
    pair = [name for name, one in found.items() if one.accepted and "_tp8_" in name]
    for learn, tell in (pair, pair[::-1]):
        law = calibrate_steps([named[learn]])
        logs.append(_line(_short(learn), law, replace(named[tell], name=_short(tell)))[0])
    scraped = [
        "| run | law from | seconds of busy windows, predicted / measured |",
        "|---|---|---|",
    ]
    for tensor, learn in (("tp4", (1, 4, 12, 24, 64, 256)), ("tp8", (1, 8))):
        family = [run for run in runs if f"_{tensor}_" in run.name and run.name not in twins]
        law_of_scrapes = fit_scrapes([run for run in family if _cap(run.name) in learn])
        for run in sorted(family, key=lambda run: _cap(run.name)):
            error = law_of_scrapes.error(run.series) if run.series is not None else None
            if error is None or _cap(run.name) in learn:
                continue
            said = f"**{error:+.1%}**" if abs(error) > GOAL else f"{error:+.1%}"
            caps = ", ".join(map(str, learn))
            scraped.append(f"| {_short(run.name)} | {tensor} caps {caps} | {said} |")
    refused = ["| run | why |", "|---|---|"]
    refused += [
        f"| {_short(name)} | {_shortened('; '.join(one.reasons))} |"
        for name, one in found.items()
        if not one.accepted and (named[name].count or name in twins)
    ]
    absent = sum(not run.count for run in runs)
    return [
        "## InferenceX, April: DeepSeek-R1 FP4 on four and eight B200, agents with long prompts",
        "### From logs",
        "\n".join(logs),
        "### From scrapes alone, for runs without a log",
        "\n".join(scraped),
        "### Refused logs",
        f"Of {len(runs)} runs {absent} were published without a log of their requests.",
        "\n".join(refused),
    ]


def _cells(data: Path) -> list[str]:
    frame = pl.read_csv(data / "replay/silicon_sample_vllm.csv.gz", infer_schema_length=None)
    key = ["model_path", "system", "precision", "backend_version", "tp_size", "pp_size"]
    key += ["attention_dp_size", "moe_tp_size", "moe_ep_size", "gemm_quant_mode", "moe_quant_mode"]
    cells = (
        frame.filter(pl.col("mode") == "agg")
        .group_by([*key, "isl", "osl", "batch_size"])
        .agg(pl.col("silicon_tpot_ms").median(), pl.col("silicon_ttft_ms").median())
        .sort([*key, "isl", "osl", "batch_size"])
    )
    errors: dict[str, list[np.ndarray]] = {"TPOT": [], "TTFT": []}
    for _, part in cells.group_by(key, maintain_order=True):
        if part.height < LEAST_CELLS:
            continue
        columns = ("batch_size", "isl", "osl", "silicon_tpot_ms", "silicon_ttft_ms")
        c, isl, osl, tpot, ttft = (part[name].cast(pl.Float64).to_numpy() for name in columns)
        laws = fit_aggregates(Cells(c, isl, osl, np.zeros(len(c)), tpot / 1e3, ttft / 1e3))
        for name, law in zip(errors, laws, strict=True):
            errors[name].append(np.abs(law.left_out))
    rows = ["| mean of | deployments | cells | median error | p90 error |", "|---|---|---|---|---|"]
    for name, parts in errors.items():
        joined = np.concatenate(parts)
        rows.append(
            f"| {name} | {len(parts)} | {len(joined)} | {np.median(joined):.1%} | "
            f"{np.quantile(joined, 0.9):.1%} |"
        )
    return [
        "## Summaries alone: measured vLLM cells of AIConfigurator's sample, each left out in turn",
        "\n".join(rows),
    ]


def _cap(name: str) -> int:
    found = re.search(r"_bs(\d+)_", name)
    return int(found[1]) if found else 0


def _short(name: str) -> str:
    return re.sub(
        r"agentic_dsr1_(tp\d+_bs\d+_offload\w+?)_tp\d-ep\d_conc\d+_b200-(.*)", r"\1 \2", name
    )


def _shortened(said: str) -> str:
    return re.sub(r"agentic_dsr1_\S+", lambda found: _short(found[0]), said)


if __name__ == "__main__":
    main()
